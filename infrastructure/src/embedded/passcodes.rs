//! The passcodes of threads in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::passcodes::Attempt;
use posthaste_application::port::{Passcodes, PortError};
use posthaste_domain::{PasscodeId, ThreadId, UserId};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::database::{Database, Durability};
use super::statements;

/// The passcodes of the embedded profile.
pub struct SqlitePasscodes {
    database: Arc<Database>,
}

impl SqlitePasscodes {
    /// The passcodes in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Passcodes for SqlitePasscodes {
    async fn keep(&self, id: PasscodeId, hash: &str) -> Result<(), PortError> {
        let hash = hash.to_owned();
        let keep = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::PASSCODE_KEEP)?.execute(params![id.uuid().as_bytes(), hash])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, keep).await
    }

    async fn find(&self, id: PasscodeId) -> Result<Option<String>, PortError> {
        let find = move |snapshot: &Transaction<'_>| {
            Ok(snapshot.prepare_cached(statements::PASSCODE_FIND)?.query_row([id.uuid().as_bytes()], |row| row.get(0)).optional()?)
        };
        self.database.readers().read(find).await
    }

    async fn attempt(&self, attempt: &Attempt, since: DateTime<Utc>) -> Result<u32, PortError> {
        let Attempt { user, thread, command, at } = *attempt;
        let count = move |transaction: &Transaction<'_>| {
            let whose = (user.uuid().into_bytes(), thread.uuid().into_bytes());
            let mut insert = transaction.prepare_cached(statements::PASSCODE_ATTEMPT)?;
            insert.execute(params![whose.0, whose.1, command.uuid().as_bytes(), at.timestamp_micros()])?;
            let mut count = transaction.prepare_cached(statements::PASSCODE_ATTEMPTS)?;
            Ok(count.query_row(params![whose.0, whose.1, since.timestamp_micros()], |row| row.get(0))?)
        };
        self.database.writer()?.write(Durability::Machine, count).await
    }

    async fn forget_attempts(&self, user: UserId, thread: ThreadId) -> Result<(), PortError> {
        let forget = move |transaction: &Transaction<'_>| {
            let mut delete = transaction.prepare_cached(statements::PASSCODE_ATTEMPTS_FORGET)?;
            delete.execute(params![user.uuid().as_bytes(), thread.uuid().as_bytes()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, forget).await
    }
}
