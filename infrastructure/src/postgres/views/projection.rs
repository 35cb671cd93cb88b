//! Keeps a view. A batch is folded to what is true at its end, one row for each key; then one transaction moves the checkpoint and writes the
//! rows, or does neither.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::codec::Undecodable;
use posthaste_application::port::dead::Consumer;
use posthaste_application::port::projection::{Batch, Poison, Standing};
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::error::RefusedValues;
use super::super::rows;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::write::{Write, people, threads, timeline};

const CHECKPOINT: Statement = statement!("views_checkpoint");
pub(super) const STANDING: Statement = statement!("views_standing");
const STEP: Statement = statement!("views_step");
const PARK: Statement = statement!("views_park");
const RESET: Statement = statement!("views_reset");

/// As errors call whoever cannot take an event.
pub(super) const PLACE: &str = "the view";

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

    async fn standing(&self) -> Result<Standing, PortError> {
        standing(&self.postgres, self.view).await
    }

    async fn take(&self, revision: u64, batch: Batch<'_>) -> Result<bool, PortError> {
        let (after, upto, revision) = (rows::number(batch.after.0)?, rows::number(batch.upto.0)?, rows::number(revision)?);
        let changes = Changes::of(self.view, batch)?;
        let step: &[&(dyn ToSql + Sync)] = &[&self.view.as_str(), &after, &upto, &revision];
        self.postgres.transaction((STEP, step), &changes.parameters()).await.map_err(poison)
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.postgres.query(RESET, &[&self.view.as_str()]).await?;
        Ok(())
    }
}

/// What a batch writes of a view.
pub(super) struct Changes {
    writes: Vec<Write>,
    letter: Option<Letter>,
}

struct Letter {
    consumer: String,
    category: String,
    stream: Uuid,
    position: i64,
    version: i64,
    reason: String,
}

impl Changes {
    pub(super) fn of(view: ViewName, batch: Batch<'_>) -> Result<Self, PortError> {
        let writes = match view {
            ViewName::Threads => threads::writes(batch.events),
            ViewName::Timeline => timeline::writes(batch.events),
            ViewName::People => people::writes(batch.events),
        }?;
        let letter = |Poison { stream, version, position, reason }: &Poison| {
            Ok::<_, PortError>(Letter {
                consumer: Consumer::View(view).to_string(),
                category: stream.category.to_string(),
                stream: stream.id,
                position: rows::number(position.0)?,
                version: rows::number(*version)?,
                reason: reason.clone(),
            })
        };
        Ok(Self { writes, letter: batch.poison.map(letter).transpose()? })
    }

    /// The statements, and what they take.
    pub(super) fn parameters(&self) -> Vec<(Statement, Vec<&(dyn ToSql + Sync)>)> {
        let letter = self.letter.as_ref().map(|Letter { consumer, category, stream, position, version, reason }| {
            let parameters: Vec<&(dyn ToSql + Sync)> = vec![consumer, category, stream, position, version, reason];
            (PARK, parameters)
        });
        self.writes.iter().filter_map(Write::parameters).chain(letter).collect()
    }
}

pub(super) async fn checkpoint(postgres: &Postgres, view: ViewName) -> Result<Position, PortError> {
    let rows = postgres.query(CHECKPOINT, &[&view.as_str()]).await?;
    rows::position(rows::only(&rows, "view_checkpoints")?, "position")
}

pub(super) async fn standing(postgres: &Postgres, view: ViewName) -> Result<Standing, PortError> {
    let rows = postgres.query(STANDING, &[&view.as_str()]).await?;
    rows::standing(rows::only(&rows, "view_checkpoints")?)
}

/// An event that this program cannot read.
pub(super) fn unreadable(error: Undecodable) -> PortError {
    PortError::poison(PLACE, error)
}

/// An event that cannot be written: the data of it, or how it fits to what is there, is refused, and will be.
pub(super) fn poison(error: PortError) -> PortError {
    let refused = if let PortError::Rejected { source, .. } = &error { RefusedValues::of(&**source) } else { None };
    refused.map_or(error, |refused| PortError::poison(PLACE, refused))
}
