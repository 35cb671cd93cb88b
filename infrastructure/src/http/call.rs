//! What an operation knows of the request it answers, beside its parameters.

use std::sync::Arc;

use futures::future::try_join_all;
use poem::{FromRequest, Request, RequestBody};
use posthaste_application::execute::Envelope;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;
use posthaste_domain::{CommandId, UserId};
use uuid::Uuid;

use super::App;
use super::problem::ApiError;

/// Ties together what a request sets off: in the response, the logs, and the event log.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(pub(super) Uuid);

/// A request being answered.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    request: RequestId,
}

impl<'a> FromRequest<'a> for Call {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let app = request.data::<Arc<App>>().expect("the edge sets it");
        let id = request.data::<RequestId>().expect("the edge sets it");
        Ok(Self { app: Arc::clone(app), request: *id })
    }
}

impl Call {
    /// What goes around a command: the idempotency key is its id, and without one it cannot be retried.
    pub(super) fn envelope(&self, actor: Option<UserId>, key: Option<Uuid>) -> Envelope {
        let command = CommandId::new(key.unwrap_or_else(|| self.app.ports.ids.next()));
        Envelope { command, actor, correlation: self.request.0 }
    }

    /// Waits, within limits, until the views have seen the position.
    pub(super) async fn reached(&self, views: &[ViewName], after: Option<u64>) -> Result<(), ApiError> {
        let Some(position) = after.map(Position) else { return Ok(()) };
        let waits = try_join_all(views.iter().map(|view| self.app.ports.views.reached(*view, position)));
        match tokio::time::timeout(self.app.limits.view_wait, waits).await {
            Ok(reached) => Ok(reached.map(drop)?),
            Err(_) => Err(Problem::with(Code::ViewBehind, format!("position {position} was not reached in time")).into()),
        }
    }
}
