//! One-time tokens.

use async_trait::async_trait;
use posthaste_application::port::one_time::{Digest, FORGOTTEN, OneTime, Purpose};
use posthaste_application::port::{OneTimeTokens, PortError};
use posthaste_domain::UserId;
use tokio_postgres::Row;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const KEEP: Statement = statement!("one_time_keep");
const FIND: Statement = statement!("one_time_find");
const OF_USER: Statement = statement!("one_time_of_user");
const REMOVE: Statement = statement!("one_time_remove");

/// The one-time tokens in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgOneTimeTokens(Postgres);

impl PgOneTimeTokens {
    /// The tokens of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl OneTimeTokens for PgOneTimeTokens {
    async fn keep(&self, token: &OneTime) -> Result<(), PortError> {
        let OneTime { digest, purpose, user, mail, bound, made_at, expires_at } = token;
        let (digest, user, bound) = (&digest[..], user.uuid(), &bound[..]);
        let forgotten = i64::try_from(FORGOTTEN).unwrap_or(i64::MAX);
        self.0.execute(KEEP, &[&digest, &purpose.as_str(), &user, mail, &bound, made_at, expires_at, &forgotten]).await.map(drop)
    }

    async fn find(&self, digest: &Digest) -> Result<Option<OneTime>, PortError> {
        self.0.query(FIND, &[&&digest[..]]).await?.first().map(of_row).transpose()
    }

    async fn of_user(&self, user: UserId, purpose: Purpose) -> Result<Vec<OneTime>, PortError> {
        let rows = self.0.query(OF_USER, &[&user.uuid(), &purpose.as_str()]).await?;
        let mut tokens = rows.iter().map(of_row).collect::<Result<Vec<_>, _>>()?;
        tokens.sort_unstable_by_key(|token| std::cmp::Reverse((token.made_at, token.digest)));
        Ok(tokens)
    }

    async fn remove(&self, user: UserId, purpose: Purpose) -> Result<(), PortError> {
        self.0.execute(REMOVE, &[&user.uuid(), &purpose.as_str()]).await.map(drop)
    }
}

fn of_row(row: &Row) -> Result<OneTime, PortError> {
    let digest = |column| Digest::try_from(rows::value::<&[u8]>(row, column)?).map_err(|error| PortError::corrupt(column, error));
    Ok(OneTime {
        digest: digest("digest")?,
        purpose: Purpose::stored(rows::value(row, "purpose")?, "one_time_tokens.purpose")?,
        user: UserId::new(rows::value(row, "user_id")?),
        mail: rows::value(row, "mail_id")?,
        bound: digest("bound")?,
        made_at: rows::value(row, "made_at")?,
        expires_at: rows::value(row, "expires_at")?,
    })
}
