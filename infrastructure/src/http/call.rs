//! What an operation knows of the request it answers, beside its parameters.

use std::sync::Arc;

use futures::future::try_join_all;
use poem::{FromRequest, Request, RequestBody};
use posthaste_application::dead::{self, Letter};
use posthaste_application::execute::{AdminCommand, Command, Envelope, Executed, Found, Loaded};
use posthaste_application::port::PortError;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::read::Read;
use posthaste_application::recorded::{Position, Recorded, StreamId};
use posthaste_application::view::ViewName;
use posthaste_domain::operation::DeadLetterOperation;
use posthaste_domain::thread::{Action, Glance};
use posthaste_domain::{Aggregate, CommandId, Event, MessageId, Refusal, Thread, ThreadId, UserId};
use uuid::Uuid;

use super::App;
use super::answer::{Changed, Tagged};
use super::auth::{AccessToken, AdminToken};
use super::problem::ApiError;

/// Ties together what a request sets off: in the response, the logs, and the event log.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(pub(super) Uuid);

/// Events of a stream that are read at once.
const EVENTS: usize = 512;

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
        Envelope { command, actor, correlation: self.request.0, at: self.app.ports.clock.now() }
    }

    /// What ties together everything that the request sets off.
    pub(super) const fn correlation(&self) -> Uuid {
        self.request.0
    }

    /// Executes what the holder of the token asks for, under this idempotency key.
    pub(super) async fn command(&self, token: &AccessToken, key: Option<Uuid>, command: Command) -> Result<Executed, ApiError> {
        Ok(self.app.executor.execute(self.envelope(Some(token.0.user), key), command).await?)
    }

    /// Executes what an admin asks for, under this idempotency key. That they are one is decided once more, with the command.
    pub(super) async fn administer(&self, admin: &AdminToken, key: Option<Uuid>, command: AdminCommand) -> Result<Executed, ApiError> {
        Ok(self.app.executor.execute(self.envelope(Some(admin.0.user), key), command).await?)
    }

    /// Records what an admin does about a dead letter, under this idempotency key, and does it.
    pub(super) async fn perform(
        &self,
        admin: &AdminToken,
        key: Option<Uuid>,
        what: DeadLetterOperation,
        letter: &Letter,
    ) -> Result<Executed, ApiError> {
        let envelope = self.envelope(Some(admin.0.user), key);
        Ok(dead::perform(&self.app.executor, &*self.app.ports.dead, envelope, what, letter).await?)
    }

    /// Takes note that the holder of the token has read everything in a thread up to a position, together with what else comes in a burst.
    pub(super) async fn read(&self, token: &AccessToken, thread: ThreadId, upto: Position) -> Result<Executed, ApiError> {
        Ok(self.app.reads.read(Read { user: token.0.user, thread, upto, device: None, correlation: self.request.0 }).await?)
    }

    /// A message, if the holder of the token sees it, deleted or not. Decided on the log, and so are its thread and place.
    pub(super) async fn find(&self, token: &AccessToken, message: MessageId) -> Result<Found, ApiError> {
        Ok(self.app.executor.find(token.0.user, message).await?)
    }

    /// An aggregate as it is now. Whoever may read something is decided on it, never on a view.
    pub(super) async fn state<A: Aggregate>(&self, id: A::Id) -> Result<Arc<Loaded<A>>, ApiError> {
        Ok(self.app.executor.states().fresh::<A>(id).await?)
    }

    /// The thread as a member sees it; whoever is none is refused.
    pub(super) async fn admit(&self, token: &AccessToken, thread: ThreadId) -> Result<Glance, ApiError> {
        Ok(self.state::<Thread>(thread).await?.state.member(token.0.user).map_err(Refusal::from)?)
    }

    /// Refuses whoever may not do this in the thread.
    pub(super) async fn permit(&self, token: &AccessToken, thread: ThreadId, action: Action) -> Result<(), ApiError> {
        Ok(self.state::<Thread>(thread).await?.state.may(token.0.user, action).map_err(Refusal::from)?)
    }

    /// The event at a position, if there is one.
    pub(super) async fn event(&self, position: Position) -> Result<Option<Recorded>, PortError> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        let event = self.app.ports.log.read(Position(before), 1).await?.pop();
        Ok(event.filter(|event| event.position == position))
    }

    /// The event at a position that something was recorded at.
    pub(super) async fn recorded(&self, position: Position) -> Result<Recorded, ApiError> {
        Ok(self.event(position).await?.ok_or(Code::Internal)?)
    }

    /// The answer to a change, with the revision it led to: `told` by the events of the stream. Not the one it has now: somebody who is told
    /// a revision that they have not seen would overwrite it.
    pub(super) async fn changed(
        &self,
        executed: Executed,
        stream: StreamId,
        told: impl Fn(&Event) -> Option<u32>,
    ) -> Result<Tagged<Changed>, ApiError> {
        let position = executed.position;
        let last = self.recorded(position).await?;
        if last.stream == stream
            && let Some(revision) = told(last.event()?)
        {
            return Ok(Tagged::changed(executed, revision));
        }
        // It held already, so another event is the last one.
        let (mut revision, mut version) = (1, 0);
        loop {
            let events = self.app.ports.log.read_stream(stream, version, EVENTS).await?;
            for recorded in events.iter().take_while(|recorded| recorded.position <= position) {
                revision = told(recorded.event()?).unwrap_or(revision);
            }
            match events.last() {
                Some(last) if events.len() == EVENTS && last.position < position => version = last.version,
                Some(_) | None => return Ok(Tagged::changed(executed, revision)),
            }
        }
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
