//! Identities in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::identities::{Identity, Leaving};
use posthaste_application::port::{Identities, PortError};
use posthaste_domain::{IdentityId, UserId};
use rusqlite::{Params, Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros};
use super::statements;

/// The identities of the embedded profile.
pub struct SqliteIdentities {
    database: Arc<Database>,
}

impl SqliteIdentities {
    /// The identities in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Identities for SqliteIdentities {
    async fn link(&self, identity: &Identity) -> Result<bool, PortError> {
        let identity = identity.clone();
        let link = move |transaction: &Transaction<'_>| {
            let Identity { id, issuer, subject, user, linked_at } = identity;
            let (id, user, linked_at) = (id.uuid(), user.uuid(), linked_at.timestamp_micros());
            let mut statement = transaction.prepare_cached(statements::IDENTITY_LINK)?;
            Ok(statement.execute(params![id.as_bytes(), issuer, subject, user.as_bytes(), linked_at])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, link).await
    }

    async fn find(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, PortError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let find = move |snapshot: &Transaction<'_>| Ok(all(snapshot, statements::IDENTITY_FIND, params![issuer, subject])?.pop());
        self.database.readers().read(find).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Identity>, PortError> {
        let of_user = move |snapshot: &Transaction<'_>| {
            let mut identities = all(snapshot, statements::IDENTITY_OF_USER, [user.uuid().as_bytes()])?;
            identities.sort_unstable_by_key(|identity| (identity.linked_at, identity.id));
            Ok(identities)
        };
        self.database.readers().read(of_user).await
    }

    async fn unlink(&self, user: UserId, identity: IdentityId, leaving: Leaving) -> Result<bool, PortError> {
        let unlink = move |transaction: &Transaction<'_>| {
            let more_than = match leaving {
                Leaving::Any => 0,
                Leaving::AnotherIdentity => 1,
            };
            let mut statement = transaction.prepare_cached(statements::IDENTITY_UNLINK)?;
            Ok(statement.execute(params![user.uuid().as_bytes(), identity.uuid().as_bytes(), more_than])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, unlink).await
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::IDENTITY_REMOVE)?.execute([user.uuid().as_bytes()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }
}

fn all(snapshot: &Transaction<'_>, statement: &str, parameters: impl Params) -> Result<Vec<Identity>, Failure> {
    let mut statement = snapshot.prepare_cached(statement)?;
    let identities = statement.query_map(parameters, of_row)?.collect::<Result<Vec<_>, _>>()?;
    Ok(identities)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Identity> {
    let (Id(id), Id(user), Micros(linked_at)) = (row.get(0)?, row.get(3)?, row.get(4)?);
    Ok(Identity { id: IdentityId::new(id), issuer: row.get(1)?, subject: row.get(2)?, user: UserId::new(user), linked_at })
}
