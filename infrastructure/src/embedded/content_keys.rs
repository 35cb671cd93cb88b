//! The keys of content in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::keys::{Kept, Wrapped};
use posthaste_application::port::{ContentKeys, PortError};
use posthaste_domain::OwnerId;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use uuid::Uuid;

use super::database::{Database, Durability};
use super::{row, statements};

/// The keys of the embedded profile.
pub struct SqliteKeys {
    database: Arc<Database>,
}

impl SqliteKeys {
    /// The keys in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl ContentKeys for SqliteKeys {
    async fn find(&self, owners: &[OwnerId]) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        let owners = owners.to_vec();
        let find = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::KEY_FIND)?;
            let mut found = Vec::with_capacity(owners.len());
            for owner in owners {
                let kept = statement.query_row([owner.uuid().as_bytes()], |row| kept(row, 0)).optional()?;
                found.extend(kept.map(|kept| (owner, kept)));
            }
            Ok(found)
        };
        self.database.readers().read(find).await
    }

    async fn keep(&self, keys: &[(OwnerId, Wrapped)]) -> Result<(), PortError> {
        let keys = keys.to_vec();
        let keep = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::KEY_KEEP)?;
            for (owner, wrapped) in keys {
                statement.execute(params![owner.uuid().as_bytes(), wrapped])?;
            }
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, keep).await
    }

    async fn destroy(&self, owner: OwnerId) -> Result<bool, PortError> {
        let destroy = move |transaction: &Transaction<'_>| {
            Ok(transaction.prepare_cached(statements::KEY_DESTROY)?.execute([owner.uuid().as_bytes()])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, destroy).await
    }

    async fn rewrap(&self, owner: OwnerId, before: &[u8], after: &[u8]) -> Result<bool, PortError> {
        let (before, after) = (before.to_vec(), after.to_vec());
        let rewrap = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::KEY_REWRAP)?;
            Ok(statement.execute(params![owner.uuid().as_bytes(), before, after])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, rewrap).await
    }

    async fn list(&self, after: Option<OwnerId>, limit: usize) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        // Nobody has the lowest of all ids.
        let after = after.map_or(Uuid::nil(), OwnerId::uuid);
        let list = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::KEY_PAGE)?;
            let page = statement.query_map(params![after.as_bytes(), row::limit(limit)], |row| {
                Ok((OwnerId::new(Uuid::from_bytes(row.get(0)?)), kept(row, 1)?))
            })?;
            Ok(page.collect::<rusqlite::Result<_>>()?)
        };
        self.database.readers().read(list).await
    }
}

/// What two columns say, from this one on.
fn kept(row: &Row<'_>, column: usize) -> rusqlite::Result<Kept> {
    let destroyed = row.get(column + 1)?;
    Ok(if destroyed { Kept::Destroyed } else { Kept::Wrapped(row.get(column)?) })
}
