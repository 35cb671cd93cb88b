//! Credentials.

use async_trait::async_trait;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::{Accounts, PortError};
use posthaste_domain::UserId;
use posthaste_domain::text::Email;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const CREATE: Statement = statement!("accounts_create");
const REPLACE: Statement = statement!("accounts_replace");
const REMOVE: Statement = statement!("accounts_remove");
const FIND: Statement = statement!("accounts_find");

/// In the place of a hash: there is no password.
const NONE: &str = "";

/// The credentials in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgAccounts(Postgres);

impl PgAccounts {
    /// The credentials of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Accounts for PgAccounts {
    async fn create(&self, credentials: &Credentials) -> Result<(), PortError> {
        let (email, password_hash) = (credentials.email.as_str(), credentials.password_hash.as_deref().unwrap_or(NONE));
        self.0.execute(CREATE, &[&credentials.user.uuid(), &email, &password_hash]).await?;
        Ok(())
    }

    async fn replace_hash(&self, user: UserId, before: Option<&str>, after: &str) -> Result<bool, PortError> {
        Ok(self.0.execute(REPLACE, &[&user.uuid(), &before.unwrap_or(NONE), &after]).await? == 1)
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        self.0.execute(REMOVE, &[&user.uuid()]).await.map(drop)
    }

    async fn find(&self, user: UserId) -> Result<Option<Credentials>, PortError> {
        let rows = self.0.query(FIND, &[&user.uuid()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let email = Email::parse(rows::value(row, "email")?).map_err(|error| PortError::corrupt("credentials.email", error))?;
        let password_hash = Some(rows::value::<String>(row, "password_hash")?).filter(|hash| hash != NONE);
        Ok(Some(Credentials { user, email, password_hash }))
    }
}
