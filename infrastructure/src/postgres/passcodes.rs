//! The passcodes of threads.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::passcodes::Attempt;
use posthaste_application::port::{Passcodes, PortError};
use posthaste_domain::{PasscodeId, ThreadId, UserId};

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const KEEP: Statement = statement!("passcodes_keep");
const FIND: Statement = statement!("passcodes_find");
const ATTEMPT: Statement = statement!("passcodes_attempt");
const ATTEMPTS: Statement = statement!("passcodes_attempts");
const FORGET: Statement = statement!("passcodes_forget_attempts");

/// The passcodes in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgPasscodes(Postgres);

impl PgPasscodes {
    /// The passcodes of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Passcodes for PgPasscodes {
    async fn keep(&self, id: PasscodeId, hash: &str) -> Result<(), PortError> {
        self.0.execute(KEEP, &[&id.uuid(), &hash]).await?;
        Ok(())
    }

    async fn find(&self, id: PasscodeId) -> Result<Option<String>, PortError> {
        self.0.query(FIND, &[&id.uuid()]).await?.first().map(|row| rows::value(row, "hash")).transpose()
    }

    async fn attempt(&self, attempt: &Attempt, since: DateTime<Utc>) -> Result<u32, PortError> {
        let Attempt { user, thread, command, at } = attempt;
        self.0.execute(ATTEMPT, &[&user.uuid(), &thread.uuid(), &command.uuid(), at]).await?;
        let rows = self.0.query(ATTEMPTS, &[&user.uuid(), &thread.uuid(), &since]).await?;
        let count: i64 = rows::value(rows::only(&rows, "passcode_attempts")?, "attempts")?;
        u32::try_from(count).map_err(|error| PortError::corrupt("passcode_attempts", error))
    }

    async fn forget_attempts(&self, user: UserId, thread: ThreadId) -> Result<(), PortError> {
        self.0.execute(FORGET, &[&user.uuid(), &thread.uuid()]).await?;
        Ok(())
    }
}
