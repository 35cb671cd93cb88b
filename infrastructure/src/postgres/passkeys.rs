//! Passkeys.

use async_trait::async_trait;
use posthaste_application::port::passkeys::Passkey;
use posthaste_application::port::{Passkeys, PortError};
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const ADD: Statement = statement!("passkeys_add");
const FIND: Statement = statement!("passkeys_find");
const OF_USER: Statement = statement!("passkeys_of_user");
const REPLACE: Statement = statement!("passkeys_replace");
const REMOVE: Statement = statement!("passkeys_remove");
const REMOVE_ALL: Statement = statement!("passkeys_remove_all");

/// The passkeys in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgPasskeys(Postgres);

impl PgPasskeys {
    /// The passkeys of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Passkeys for PgPasskeys {
    async fn add(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let Passkey { id, user, credential, key, name, created_at, used_at, used_ceremony, revision } = passkey;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        let user = user.uuid();
        let values: [&(dyn ToSql + Sync); 9] = [id, &user, credential, key, &name, created_at, used_at, used_ceremony, &revision];
        Ok(self.0.execute(ADD, &values).await? == 1)
    }

    async fn find(&self, credential: &[u8]) -> Result<Option<Passkey>, PortError> {
        self.0.query(FIND, &[&credential]).await?.first().map(of_row).transpose()
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Passkey>, PortError> {
        self.0.query(OF_USER, &[&user.uuid()]).await?.iter().map(of_row).collect()
    }

    async fn replace(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let Passkey { id, user: _, credential: _, key, name, created_at: _, used_at, used_ceremony, revision } = passkey;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        Ok(self.0.execute(REPLACE, &[id, key, &name, used_at, used_ceremony, &revision]).await? == 1)
    }

    async fn remove(&self, user: UserId, passkey: Uuid) -> Result<bool, PortError> {
        Ok(self.0.execute(REMOVE, &[&user.uuid(), &passkey]).await? == 1)
    }

    async fn remove_all(&self, user: UserId) -> Result<(), PortError> {
        self.0.execute(REMOVE_ALL, &[&user.uuid()]).await.map(drop)
    }
}

fn of_row(row: &Row) -> Result<Passkey, PortError> {
    let name: Option<&str> = rows::value(row, "name")?;
    Ok(Passkey {
        id: rows::value(row, "passkey_id")?,
        user: UserId::new(rows::value(row, "user_id")?),
        credential: rows::value(row, "credential")?,
        key: rows::value(row, "key")?,
        name: name.map(SessionName::parse).transpose().map_err(|error| PortError::corrupt("passkeys.name", error))?,
        created_at: rows::value(row, "created_at")?,
        used_at: rows::value(row, "used_at")?,
        used_ceremony: rows::value(row, "used_ceremony")?,
        revision: rows::count(row, "revision")?,
    })
}
