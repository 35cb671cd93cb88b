//! Keeps a view. A batch is folded to what is true at its end, one row for each key; then one transaction moves the checkpoint and writes the
//! rows, or does neither.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::codec::Undecodable;
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::ViewName;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::write::{Write, people, threads, timeline};

const CHECKPOINT: Statement = statement!("views_checkpoint");
const STEP: Statement = statement!("views_step");
const RESET: Statement = statement!("views_reset");

/// One view in PostgreSQL and its checkpoint.
#[derive(Clone, Debug)]
pub struct PgProjection {
    postgres: Postgres,
    view: ViewName,
}

impl PgProjection {
    /// The projection of this view.
    #[must_use]
    pub const fn new(postgres: Postgres, view: ViewName) -> Self {
        Self { postgres, view }
    }

    /// The projections of all views.
    #[must_use]
    pub fn all(postgres: &Postgres) -> Vec<Arc<dyn Projection>> {
        ViewName::ALL.into_iter().map(|view| Arc::new(Self::new(postgres.clone(), view)) as Arc<dyn Projection>).collect()
    }
}

#[async_trait]
impl Projection for PgProjection {
    fn name(&self) -> &'static str {
        self.view.as_str()
    }

    async fn checkpoint(&self) -> Result<Position, PortError> {
        checkpoint(&self.postgres, self.view).await
    }

    async fn apply(&self, after: Position, events: &[Recorded]) -> Result<bool, PortError> {
        let Some(last) = events.last() else { return Ok(self.checkpoint().await? == after) };
        let (after, upto) = (rows::number(after.0)?, rows::number(last.position.0)?);
        let writes = writes(self.view, events)?;
        let writes: Vec<_> = writes.iter().filter_map(Write::parameters).collect();
        self.postgres.transaction((STEP, &[&self.view.as_str(), &after, &upto]), &writes).await
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.postgres.query(RESET, &[&self.view.as_str()]).await?;
        Ok(())
    }
}

/// What a batch of events writes of a view.
pub(super) fn writes(view: ViewName, events: &[Recorded]) -> Result<Vec<Write>, PortError> {
    match view {
        ViewName::Threads => threads::writes(events),
        ViewName::Timeline => timeline::writes(events),
        ViewName::People => people::writes(events),
    }
}

pub(super) async fn checkpoint(postgres: &Postgres, view: ViewName) -> Result<Position, PortError> {
    let rows = postgres.query(CHECKPOINT, &[&view.as_str()]).await?;
    rows::position(rows::only(&rows, "view_checkpoints")?, "position")
}

/// An event that this program cannot read stops the view in front of it.
pub(super) fn unreadable(error: Undecodable) -> PortError {
    PortError::corrupt("events", error)
}
