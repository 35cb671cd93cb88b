//! What is owed to webhooks.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::webhooks::{EndpointStatus, Fenced, Lease, Owed, Settlement, Waiting, Work};
use posthaste_application::port::{PortError, Webhooks};
use posthaste_application::recorded::Position;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const REGISTER: Statement = statement!("webhooks_register");
const TAKEN: Statement = statement!("webhooks_taken");
const TAKE_IN: Statement = statement!("webhooks_take_in");
const ACQUIRE: Statement = statement!("webhooks_acquire");
const WORK: Statement = statement!("webhooks_work");
const DELIVERED: Statement = statement!("webhooks_delivered");
const RETRY: Statement = statement!("webhooks_retry");
const BURY: Statement = statement!("webhooks_bury");
const SET_ASIDE: Statement = statement!("webhooks_set_aside");
const DISABLE: Statement = statement!("webhooks_disable");
const RELEASE: Statement = statement!("webhooks_release");
const STATUS: Statement = statement!("webhooks_status");
const ENABLE: Statement = statement!("webhooks_enable");

/// The inboxes in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgWebhooks(Postgres);

impl PgWebhooks {
    /// The inboxes of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Webhooks for PgWebhooks {
    async fn register(&self, endpoints: &[String], head: Position) -> Result<Vec<(String, Position)>, PortError> {
        let head = rows::number(head.0)?;
        let mut known = self.0.query(REGISTER, &[&endpoints, &head]).await?;
        if known.len() < endpoints.len() {
            // Another node made one known at the same moment; now it can be seen.
            known = self.0.query(REGISTER, &[&endpoints, &head]).await?;
        }
        known.iter().map(|row| Ok((rows::value(row, "name")?, rows::position(row, "since")?))).collect()
    }

    async fn taken(&self) -> Result<Position, PortError> {
        let rows = self.0.query(TAKEN, &[]).await?;
        rows.first().map_or(Ok(Position::START), |row| rows::position(row, "taken"))
    }

    async fn take_in(&self, after: Position, upto: Position, owed: &[Owed]) -> Result<bool, PortError> {
        let endpoints: Vec<&str> = owed.iter().map(|owed| owed.endpoint.as_str()).collect();
        let positions = owed.iter().map(|owed| rows::number(owed.position.0)).collect::<Result<Vec<_>, _>>()?;
        let (after, upto) = (rows::number(after.0)?, rows::number(upto.0)?);
        Ok(!self.0.query(TAKE_IN, &[&after, &upto, &endpoints, &positions]).await?.is_empty())
    }

    async fn acquire(&self, endpoint: &str, holder: Uuid, ttl: Duration) -> Result<Option<Lease>, PortError> {
        let rows = self.0.query(ACQUIRE, &[&endpoint, &holder, &ttl.as_secs_f64()]).await?;
        rows.first().map(|row| Ok(Lease { holder, epoch: rows::count(row, "epoch")? })).transpose()
    }

    async fn work(&self, endpoint: &str, lease: Lease, most: usize) -> Result<Result<Work, Fenced>, PortError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.0.query(WORK, &[&endpoint, &lease.holder, &rows::number(lease.epoch)?, &most]).await?;
        let Some(first) = rows.first() else { return Ok(Err(Fenced { epoch: lease.epoch })) };
        let mut work = Work {
            disabled_at: rows::value(first, "disabled_at")?,
            failing_since: rows::value(first, "failing_since")?,
            waiting: Vec::with_capacity(rows.len()),
        };
        for row in &rows {
            let Some(position) = rows::optional_position(row, "position")? else { break };
            let (due_at, parked) = (rows::value(row, "due_at")?, rows::value(row, "parked")?);
            work.waiting.push(Waiting { position, tries: rows::small(row, "tries")?, due_at, parked });
        }
        Ok(Ok(work))
    }

    async fn settle(&self, endpoint: &str, lease: Lease, position: Position, came: &Settlement) -> Result<Result<(), Fenced>, PortError> {
        let (holder, epoch, position) = (lease.holder, rows::number(lease.epoch)?, rows::number(position.0)?);
        let held = match came {
            Settlement::Delivered => self.0.query(DELIVERED, &[&endpoint, &holder, &epoch, &position]).await?,
            Settlement::Retry { due_at, at } => self.0.query(RETRY, &[&endpoint, &holder, &epoch, &position, due_at, at]).await?,
            Settlement::Dead { reason, at } => self.0.query(BURY, &[&endpoint, &holder, &epoch, &position, reason, at]).await?,
        };
        Ok(if held.is_empty() { Err(Fenced { epoch: lease.epoch }) } else { Ok(()) })
    }

    async fn set_aside(&self, endpoint: &str, lease: Lease, positions: &[Position]) -> Result<Result<(), Fenced>, PortError> {
        let positions = positions.iter().map(|position| rows::number(position.0)).collect::<Result<Vec<_>, _>>()?;
        let held = self.0.query(SET_ASIDE, &[&endpoint, &lease.holder, &rows::number(lease.epoch)?, &positions]).await?;
        Ok(if held.is_empty() { Err(Fenced { epoch: lease.epoch }) } else { Ok(()) })
    }

    async fn disable(&self, endpoint: &str, lease: Lease, at: DateTime<Utc>) -> Result<Result<(), Fenced>, PortError> {
        let touched = self.0.execute(DISABLE, &[&endpoint, &lease.holder, &rows::number(lease.epoch)?, &at]).await?;
        Ok(if touched == 1 { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
    }

    async fn release(&self, endpoint: &str, lease: Lease) -> Result<(), PortError> {
        self.0.execute(RELEASE, &[&endpoint, &lease.holder, &rows::number(lease.epoch)?]).await?;
        Ok(())
    }

    async fn status(&self) -> Result<Vec<EndpointStatus>, PortError> {
        let status = |row: &Row| {
            Ok(EndpointStatus {
                endpoint: rows::value(row, "name")?,
                since: rows::position(row, "since")?,
                waiting: rows::count(row, "waiting")?,
                oldest: rows::optional_position(row, "oldest")?,
                tries: rows::small(row, "tries")?,
                dead: rows::count(row, "dead")?,
                aside: rows::count(row, "aside")?,
                failing_since: rows::value(row, "failing_since")?,
                disabled_at: rows::value(row, "disabled_at")?,
            })
        };
        self.0.query(STATUS, &[]).await?.iter().map(status).collect()
    }

    async fn enable(&self, endpoint: &str) -> Result<bool, PortError> {
        Ok(!self.0.query(ENABLE, &[&endpoint]).await?.is_empty())
    }
}
