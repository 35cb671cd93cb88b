//! The keys of content.

use async_trait::async_trait;
use posthaste_application::port::keys::{Kept, Wrapped};
use posthaste_application::port::{ContentKeys, PortError};
use posthaste_domain::OwnerId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const FIND: Statement = statement!("keys_find");
const KEEP: Statement = statement!("keys_keep");
const DESTROY: Statement = statement!("keys_destroy");
const REWRAP: Statement = statement!("keys_rewrap");
const LIST: Statement = statement!("keys_list");

/// The keys in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgKeys(Postgres);

impl PgKeys {
    /// The keys of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl ContentKeys for PgKeys {
    async fn find(&self, owners: &[OwnerId]) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        let owners: Vec<_> = owners.iter().map(|owner| owner.uuid()).collect();
        self.0.query(FIND, &[&owners]).await?.iter().map(kept).collect()
    }

    async fn keep(&self, keys: &[(OwnerId, Wrapped)]) -> Result<(), PortError> {
        let (owners, wrapped): (Vec<_>, Vec<_>) = keys.iter().map(|(owner, wrapped)| (owner.uuid(), wrapped.as_slice())).unzip();
        self.0.execute(KEEP, &[&owners, &wrapped]).await.map(drop)
    }

    async fn destroy(&self, owner: OwnerId) -> Result<bool, PortError> {
        Ok(self.0.execute(DESTROY, &[&owner.uuid()]).await? == 1)
    }

    async fn rewrap(&self, owner: OwnerId, before: &[u8], after: &[u8]) -> Result<bool, PortError> {
        Ok(self.0.execute(REWRAP, &[&owner.uuid(), &before, &after]).await? == 1)
    }

    async fn list(&self, after: Option<OwnerId>, limit: usize) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        // Nobody has the lowest of all ids.
        let (after, limit) = (after.map_or(Uuid::nil(), OwnerId::uuid), i64::try_from(limit).unwrap_or(i64::MAX));
        self.0.query(LIST, &[&after, &limit]).await?.iter().map(kept).collect()
    }
}

fn kept(row: &Row) -> Result<(OwnerId, Kept), PortError> {
    let wrapped: Option<Vec<u8>> = rows::value(row, "wrapped")?;
    Ok((OwnerId::new(rows::value(row, "owner_id")?), wrapped.map_or(Kept::Destroyed, Kept::Wrapped)))
}
