//! One-time tokens in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::one_time::{Digest, FORGOTTEN, OneTime, Purpose};
use posthaste_application::port::{OneTimeTokens, PortError};
use posthaste_domain::UserId;
use rusqlite::{Params, Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, limit};
use super::statements;

/// The one-time tokens of the embedded profile.
pub struct SqliteOneTimeTokens {
    database: Arc<Database>,
}

impl SqliteOneTimeTokens {
    /// The tokens in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl OneTimeTokens for SqliteOneTimeTokens {
    async fn keep(&self, token: &OneTime) -> Result<(), PortError> {
        let token = token.clone();
        let keep = move |transaction: &Transaction<'_>| {
            let OneTime { digest, purpose, user, mail, bound, made_at, expires_at } = token;
            let made_at = made_at.timestamp_micros();
            transaction.prepare_cached(statements::ONE_TIME_FORGET)?.execute(params![made_at, limit(FORGOTTEN)])?;
            let mut insert = transaction.prepare_cached(statements::ONE_TIME_KEEP)?;
            let expires_at = expires_at.timestamp_micros();
            let (user, mail) = (user.uuid(), mail.as_bytes());
            insert.execute(params![digest, purpose.as_str(), user.as_bytes(), mail, bound, made_at, expires_at])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, keep).await
    }

    async fn find(&self, digest: &Digest) -> Result<Option<OneTime>, PortError> {
        let digest = *digest;
        let find = move |snapshot: &Transaction<'_>| Ok(all(snapshot, statements::ONE_TIME_FIND, params![digest])?.pop());
        self.database.readers().read(find).await
    }

    async fn of_user(&self, user: UserId, purpose: Purpose) -> Result<Vec<OneTime>, PortError> {
        let of_user = move |snapshot: &Transaction<'_>| {
            let mut tokens = all(snapshot, statements::ONE_TIME_OF_USER, params![user.uuid().as_bytes(), purpose.as_str()])?;
            tokens.sort_unstable_by_key(|token| std::cmp::Reverse((token.made_at, token.digest)));
            Ok(tokens)
        };
        self.database.readers().read(of_user).await
    }

    async fn remove(&self, user: UserId, purpose: Purpose) -> Result<(), PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            let mut delete = transaction.prepare_cached(statements::ONE_TIME_REMOVE)?;
            delete.execute(params![user.uuid().as_bytes(), purpose.as_str()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }
}

fn all(snapshot: &Transaction<'_>, statement: &'static str, parameters: impl Params) -> Result<Vec<OneTime>, Failure> {
    let mut statement = snapshot.prepare_cached(statement)?;
    let mut rows = statement.query(parameters)?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(of_row(row)?);
    }
    Ok(tokens)
}

fn of_row(row: &Row<'_>) -> Result<OneTime, Failure> {
    let purpose = Purpose::stored(&row.get::<_, String>(1)?, "one_time_tokens.purpose")?;
    let (Id(user), Id(mail), Micros(made_at), Micros(expires_at)) = (row.get(2)?, row.get(3)?, row.get(5)?, row.get(6)?);
    Ok(OneTime { digest: row.get(0)?, purpose, user: UserId::new(user), mail, bound: row.get(4)?, made_at, expires_at })
}
