//! Passkeys in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::passkeys::Passkey;
use posthaste_application::port::{Passkeys, PortError};
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use uuid::Uuid;

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer};
use super::statements;

/// The passkeys of the embedded profile. What was answered is on the disk: an answer that was used stays used.
pub struct SqlitePasskeys {
    database: Arc<Database>,
}

impl SqlitePasskeys {
    /// The passkeys in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Passkeys for SqlitePasskeys {
    async fn add(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let passkey = passkey.clone();
        let add = move |transaction: &Transaction<'_>| {
            let Passkey { id, user, credential, key, name, created_at, used_at, used_ceremony, revision } = passkey;
            let added = transaction.prepare_cached(statements::PASSKEY_ADD)?.execute(params![
                id.as_bytes(),
                user.uuid().as_bytes(),
                credential,
                key,
                name.as_ref().map(SessionName::as_str),
                created_at.timestamp_micros(),
                used_at.map(|at| at.timestamp_micros()),
                used_ceremony.map(|at| at.timestamp_micros()),
                integer(revision),
            ])?;
            Ok(added == 1)
        };
        self.database.writer()?.write(Durability::Machine, add).await
    }

    async fn find(&self, credential: &[u8]) -> Result<Option<Passkey>, PortError> {
        let credential = credential.to_vec();
        let find = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::PASSKEY_FIND)?;
            statement.query_row([credential], |row| Ok(of_row(row))).optional()?.transpose()
        };
        self.database.readers().read(find).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Passkey>, PortError> {
        let of_user = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::PASSKEY_OF_USER)?;
            let mut rows = statement.query([user.uuid().as_bytes()])?;
            let mut passkeys = Vec::new();
            while let Some(row) = rows.next()? {
                passkeys.push(of_row(row)?);
            }
            Ok(passkeys)
        };
        self.database.readers().read(of_user).await
    }

    async fn replace(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let passkey = passkey.clone();
        let replace = move |transaction: &Transaction<'_>| {
            let Passkey { id, user: _, credential: _, key, name, created_at: _, used_at, used_ceremony, revision } = passkey;
            let replaced = transaction.prepare_cached(statements::PASSKEY_REPLACE)?.execute(params![
                id.as_bytes(),
                key,
                name.as_ref().map(SessionName::as_str),
                used_at.map(|at| at.timestamp_micros()),
                used_ceremony.map(|at| at.timestamp_micros()),
                integer(revision),
            ])?;
            Ok(replaced == 1)
        };
        self.database.writer()?.write(Durability::Machine, replace).await
    }

    async fn remove(&self, user: UserId, passkey: Uuid) -> Result<bool, PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::PASSKEY_REMOVE)?;
            Ok(statement.execute([user.uuid().as_bytes(), passkey.as_bytes()])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }

    async fn remove_all(&self, user: UserId) -> Result<(), PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::PASSKEY_REMOVE_ALL)?.execute([user.uuid().as_bytes()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }
}

fn of_row(row: &Row<'_>) -> Result<Passkey, Failure> {
    let (Id(id), Id(user), name): (_, _, Option<String>) = (row.get(0)?, row.get(1)?, row.get(4)?);
    let name = name.map(SessionName::try_from).transpose().map_err(|error| PortError::corrupt(format!("the passkey {id}"), error))?;
    let (Micros(created_at), Unsigned(revision)) = (row.get(5)?, row.get(8)?);
    let (used_at, used_ceremony): (Option<Micros>, Option<Micros>) = (row.get(6)?, row.get(7)?);
    Ok(Passkey {
        id,
        user: UserId::new(user),
        credential: row.get(2)?,
        key: row.get(3)?,
        name,
        created_at,
        used_at: used_at.map(|Micros(at)| at),
        used_ceremony: used_ceremony.map(|Micros(at)| at),
        revision,
    })
}
