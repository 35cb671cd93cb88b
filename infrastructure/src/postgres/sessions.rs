//! Logins.

use async_trait::async_trait;
use posthaste_application::port::sessions::{Digest, FORGOTTEN, Session, TokenFamily};
use posthaste_application::port::{PortError, Sessions};
use posthaste_domain::text::SessionName;
use posthaste_domain::{SessionId, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const CREATE: Statement = statement!("sessions_create");
const FIND: Statement = statement!("sessions_find");
const OF_FAMILY: Statement = statement!("sessions_of_family");
const OF_USER: Statement = statement!("sessions_of_user");
const REPLACE: Statement = statement!("sessions_replace");
const REMOVE: Statement = statement!("sessions_remove");

/// The sessions in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgSessions(Postgres);

impl PgSessions {
    /// The sessions of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Sessions for PgSessions {
    async fn create(&self, session: &Session) -> Result<(), PortError> {
        let Session { id, user, name, agent, created_at, used_at, expires_at, revision, tokens } = session;
        let TokenFamily { id: family, used, offered } = tokens;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        let (id, user, family, used, offered) =
            (id.uuid(), user.uuid(), &family[..], used.as_ref().map(|used| &used[..]), offered.concat());
        let forgotten = i64::try_from(FORGOTTEN).unwrap_or(i64::MAX);
        self.0
            .execute(CREATE, &[&id, &user, &name, agent, created_at, used_at, expires_at, &revision, &family, &used, &offered, &forgotten])
            .await
            .map(drop)
    }

    async fn find(&self, user: UserId, session: SessionId) -> Result<Option<Session>, PortError> {
        self.0.query(FIND, &[&session.uuid(), &user.uuid()]).await?.first().map(of_row).transpose()
    }

    async fn of_family(&self, family: &Digest) -> Result<Option<Session>, PortError> {
        self.0.query(OF_FAMILY, &[&&family[..]]).await?.first().map(of_row).transpose()
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        let rows = self.0.query(OF_USER, &[&user.uuid()]).await?;
        let mut sessions = rows.iter().map(of_row).collect::<Result<Vec<_>, _>>()?;
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse((session.used_at, session.id)));
        Ok(sessions)
    }

    async fn replace(&self, session: &Session) -> Result<bool, PortError> {
        let Session { id, user: _, name, agent: _, created_at: _, used_at, expires_at, revision, tokens } = session;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        let (used, offered) = (tokens.used.as_ref().map(|used| &used[..]), tokens.offered.concat());
        let replaced = self.0.execute(REPLACE, &[&id.uuid(), &name, used_at, expires_at, &revision, &used, &offered]).await?;
        Ok(replaced == 1)
    }

    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError> {
        let ids: Vec<Uuid> = sessions.iter().map(|session| session.uuid()).collect();
        self.0.execute(REMOVE, &[&user.uuid(), &ids]).await.map(drop)
    }
}

fn of_row(row: &Row) -> Result<Session, PortError> {
    let name: Option<&str> = rows::value(row, "name")?;
    let name = name.map(SessionName::parse).transpose().map_err(|error| PortError::corrupt("sessions.name", error))?;
    let digest = |bytes: &[u8], column| Digest::try_from(bytes).map_err(|error| PortError::corrupt(column, error));
    let offered = rows::value::<&[u8]>(row, "offered")?.chunks(size_of::<Digest>());
    let tokens = TokenFamily {
        id: digest(rows::value(row, "family")?, "sessions.family")?,
        used: rows::value::<Option<&[u8]>>(row, "used")?.map(|used| digest(used, "sessions.used")).transpose()?,
        offered: offered.map(|offered| digest(offered, "sessions.offered")).collect::<Result<_, _>>()?,
    };
    Ok(Session {
        id: SessionId::new(rows::value(row, "session_id")?),
        user: UserId::new(rows::value(row, "user_id")?),
        name,
        agent: rows::value(row, "agent")?,
        created_at: rows::value(row, "created_at")?,
        used_at: rows::value(row, "used_at")?,
        expires_at: rows::value(row, "expires_at")?,
        revision: rows::count(row, "revision")?,
        tokens,
    })
}
