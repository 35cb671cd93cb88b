//! The credentials in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::{Accounts, PortError};
use posthaste_domain::UserId;
use posthaste_domain::text::Email;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::database::{Database, Durability};
use super::statements;

/// In the place of a hash: there is no password.
const NONE: &str = "";

/// The credentials of the embedded profile.
pub struct SqliteAccounts {
    database: Arc<Database>,
}

impl SqliteAccounts {
    /// The credentials in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Accounts for SqliteAccounts {
    async fn create(&self, credentials: &Credentials) -> Result<(), PortError> {
        let credentials = credentials.clone();
        let create = move |transaction: &Transaction<'_>| {
            let Credentials { user, email, password_hash } = credentials;
            let mut statement = transaction.prepare_cached(statements::CREDENTIALS_CREATE)?;
            statement.execute(params![user.uuid().as_bytes(), email.as_str(), password_hash.as_deref().unwrap_or(NONE)])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, create).await
    }

    async fn replace_hash(&self, user: UserId, before: Option<&str>, after: &str) -> Result<bool, PortError> {
        let (before, after) = (before.unwrap_or(NONE).to_owned(), after.to_owned());
        let replace = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::CREDENTIALS_REPLACE)?;
            Ok(statement.execute(params![user.uuid().as_bytes(), before, after])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, replace).await
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::CREDENTIALS_REMOVE)?.execute([user.uuid().as_bytes()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }

    async fn find(&self, user: UserId) -> Result<Option<Credentials>, PortError> {
        let find = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::CREDENTIALS_FIND)?;
            let found = statement.query_row([user.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((email, password_hash)): Option<(String, String)> = found else { return Ok(None) };
            // The parser quotes nothing of what it was given.
            let email = Email::try_from(email).map_err(|error| PortError::corrupt(format!("the credentials of {user}"), error))?;
            Ok(Some(Credentials { user, email, password_hash: Some(password_hash).filter(|hash| hash != NONE) }))
        };
        self.database.readers().read(find).await
    }
}
