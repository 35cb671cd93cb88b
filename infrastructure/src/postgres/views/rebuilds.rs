//! The views beside the live ones: the same statements, on tables of the same names in the schema `rebuild`.

mod meeting;

use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::port::lease::{Fenced, Lease};
use posthaste_application::port::projection::{Batch, LeftOut};
use posthaste_application::port::rebuilds::{Held, Meet, Meeting, Purpose, RebuildStatus};
use posthaste_application::port::{PortError, Rebuilds};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::projection::{self, Changes, poison};
use meeting::PgMeeting;

const STATUS: Statement = statement!("rebuilds_status");
const ACQUIRE: Statement = statement!("rebuilds_acquire");
const BEGIN: Statement = statement!("rebuilds_begin");
const PARKED: Statement = statement!("rebuilds_parked");
const STEP: Statement = statement!("rebuilds_step");
const RENEW: Statement = statement!("rebuilds_renew");
const RELEASE: Statement = statement!("rebuilds_release");

/// What another version of this program has begun is not gone on with.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The views beside the live ones in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgRebuilds(Postgres);

impl PgRebuilds {
    /// Those of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }

    async fn row(&self, view: ViewName) -> Result<Row, PortError> {
        let mut rows = self.0.query(STATUS, &[&view.as_str()]).await?;
        rows.pop().ok_or_else(|| PortError::corrupt("rebuild.leases", "the row is missing"))
    }

    /// Empties what is beside a view, and begins it if there is a program to go on.
    async fn empty(&self, view: ViewName, lease: Lease, program: &str) -> Result<Result<(), Fenced>, PortError> {
        let rows = self.0.query(BEGIN, &[&view.as_str(), &lease.holder, &rows::number(lease.epoch)?, &program]).await?;
        let begun = rows::value(rows::only(&rows, "rebuild.leases")?, "begun")?;
        Ok(if begun { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
    }
}

fn held(row: &Row) -> Result<Option<Held>, PortError> {
    if !rows::value::<bool>(row, "held")? {
        return Ok(None);
    }
    let purpose: Option<&str> = rows::value(row, "purpose")?;
    Ok(Some(Held {
        purpose: purpose.and_then(|said| Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == said)),
        begun_at: rows::value(row, "begun_at")?,
        expires_at: rows::value(row, "expires_at")?,
    }))
}

#[async_trait]
impl Rebuilds for PgRebuilds {
    async fn status(&self, view: ViewName) -> Result<RebuildStatus, PortError> {
        let row = self.row(view).await?;
        Ok(RebuildStatus { live: rows::position(&row, "live")?, beside: rows::optional_position(&row, "beside")?, held: held(&row)? })
    }

    async fn acquire(&self, view: ViewName, purpose: Purpose, holder: Uuid, ttl: Duration) -> Result<Result<Lease, Held>, PortError> {
        // Between the two statements the lease may have become free.
        loop {
            let rows = self.0.query(ACQUIRE, &[&view.as_str(), &holder, &ttl.as_secs_f64(), &purpose.as_str()]).await?;
            if let Some(row) = rows.first() {
                return Ok(Ok(Lease { holder, epoch: rows::count(row, "epoch")? }));
            }
            let row = self.row(view).await?;
            // Whoever is in the middle of a long transaction has it, also when it has run out by the clock.
            let expires_at = rows::value(&row, "expires_at")?;
            let held = held(&row)?.or(rows::optional(&row, "holder")?.map(|_| Held { purpose: None, begun_at: None, expires_at }));
            if let Some(held) = held {
                return Ok(Err(held));
            }
        }
    }

    async fn resume(&self, view: ViewName) -> Result<Option<(Position, LeftOut)>, PortError> {
        let rows = self.0.query(PARKED, &[&view.as_str(), &PROGRAM]).await?;
        let standing = rows.first().map(rows::standing).transpose()?;
        Ok(standing.map(|standing| (standing.position, standing.left_out)))
    }

    async fn left_out(&self, view: ViewName) -> Result<LeftOut, PortError> {
        Ok(projection::standing(&self.0, view).await?.left_out)
    }

    async fn begin(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        self.empty(view, lease, PROGRAM).await
    }

    async fn take(&self, view: ViewName, lease: Lease, batch: Batch<'_>, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        let (view_name, ttl) = (view.as_str(), ttl.as_secs_f64());
        let (epoch, after, upto) = (rows::number(lease.epoch)?, rows::number(batch.after.0)?, rows::number(batch.upto.0)?);
        let changes = Changes::of(view, batch)?;
        let mut writes = changes.parameters();
        let renew: Vec<&(dyn ToSql + Sync)> = vec![&view_name, &lease.holder, &epoch, &ttl];
        writes.push((RENEW, renew));
        let taken = self.0.transaction((STEP, &[&view_name, &lease.holder, &epoch, &after, &upto]), &writes).await.map_err(poison)?;
        Ok(if taken { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
    }

    async fn meet(&self, view: ViewName, lease: Lease, how: Meet) -> Result<Result<Box<dyn Meeting>, Fenced>, PortError> {
        let meeting = PgMeeting::new(&self.0, view, lease, how).await?;
        Ok(meeting.map(|meeting| Box::new(meeting) as Box<dyn Meeting>))
    }

    async fn forget(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        self.empty(view, lease, "").await
    }

    async fn release(&self, view: ViewName, lease: Lease) -> Result<(), PortError> {
        self.0.execute(RELEASE, &[&view.as_str(), &lease.holder, &rows::number(lease.epoch)?]).await?;
        Ok(())
    }
}
