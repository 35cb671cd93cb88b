//! Keeps a view: one statement for each batch, which moves the checkpoint and writes the rows, or does neither.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::codec::Undecodable;
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::ViewName;

use super::super::connect::Postgres;
use super::super::door::{Parameters, Statement, statement};
use super::super::rows;
use super::{friends, members, threads, timeline};

const CHECKPOINT: Statement = statement!("views_checkpoint");
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
        let step = Step { postgres: &self.postgres, after: rows::number(after.0)?, upto: rows::number(last.position.0)? };
        match self.view {
            ViewName::Threads => threads::apply(step, events).await,
            ViewName::Timeline => timeline::apply(step, events).await,
            ViewName::Members => members::apply(step, events).await,
            ViewName::Friends => friends::apply(step, events).await,
        }
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.postgres.query(RESET, &[&self.view.as_str()]).await?;
        Ok(())
    }
}

pub(super) async fn checkpoint(postgres: &Postgres, view: ViewName) -> Result<Position, PortError> {
    let rows = postgres.query(CHECKPOINT, &[&view.as_str()]).await?;
    rows::position(rows::only(&rows, "view_checkpoints")?, "position")
}

/// A step of a checkpoint.
pub(super) struct Step<'a> {
    postgres: &'a Postgres,
    after: i64,
    upto: i64,
}

impl Step<'_> {
    /// Runs the statement of a view, which takes the step as its first two parameters and gives a row if it was made.
    pub(super) async fn run(self, statement: Statement, columns: Parameters<'_>) -> Result<bool, PortError> {
        let mut parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&self.after, &self.upto];
        parameters.extend_from_slice(columns);
        Ok(!self.postgres.query(statement, &parameters).await?.is_empty())
    }
}

/// An event that this program cannot read stops the view in front of it.
pub(super) fn unreadable(error: Undecodable) -> PortError {
    PortError::corrupt("events", error)
}
