//! Logins.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::sessions::{Digest, FORGOTTEN, Proof, Session, TokenFamily};
use posthaste_application::port::{PortError, Sessions};
use posthaste_domain::text::SessionName;
use posthaste_domain::{FactorId, SessionId, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
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
        let Session { id, user, name, agent, created_at, used_at, expires_at, proof, revision, tokens } = session;
        let TokenFamily { id: family, used, offered } = tokens;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        let (id, user, family, used, offered) =
            (id.uuid(), user.uuid(), &family[..], used.as_ref().map(|used| &used[..]), offered.concat());
        let (proved_at, proved_factor) = columns(*proof);
        let forgotten = i64::try_from(FORGOTTEN).unwrap_or(i64::MAX);
        let values: [&(dyn ToSql + Sync); 14] = [
            &id,
            &user,
            &name,
            agent,
            created_at,
            used_at,
            expires_at,
            &revision,
            &family,
            &used,
            &offered,
            &proved_at,
            &proved_factor,
            &forgotten,
        ];
        self.0.execute(CREATE, &values).await.map(drop)
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
        let Session { id, user: _, name, agent: _, created_at: _, used_at, expires_at, proof, revision, tokens } = session;
        let (name, revision) = (name.as_ref().map(SessionName::as_str), rows::number(*revision)?);
        let (used, offered) = (tokens.used.as_ref().map(|used| &used[..]), tokens.offered.concat());
        let (proved_at, proved_factor) = columns(*proof);
        let id = id.uuid();
        let values: [&(dyn ToSql + Sync); 9] = [&id, &name, used_at, expires_at, &revision, &used, &offered, &proved_at, &proved_factor];
        Ok(self.0.execute(REPLACE, &values).await? == 1)
    }

    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError> {
        let ids: Vec<Uuid> = sessions.iter().map(|session| session.uuid()).collect();
        self.0.execute(REMOVE, &[&user.uuid(), &ids]).await.map(drop)
    }
}

/// When a login has proved itself last, and with what.
fn columns(proof: Option<Proof>) -> (Option<DateTime<Utc>>, Option<Uuid>) {
    (proof.map(|proof| proof.at), proof.and_then(|proof| proof.factor).map(FactorId::uuid))
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
    let proved_at: Option<DateTime<Utc>> = rows::value(row, "proved_at")?;
    let factor = rows::optional(row, "proved_factor")?.map(FactorId::new);
    Ok(Session {
        id: SessionId::new(rows::value(row, "session_id")?),
        user: UserId::new(rows::value(row, "user_id")?),
        name,
        agent: rows::value(row, "agent")?,
        created_at: rows::value(row, "created_at")?,
        used_at: rows::value(row, "used_at")?,
        expires_at: rows::value(row, "expires_at")?,
        proof: proved_at.map(|at| Proof { at, factor }),
        revision: rows::count(row, "revision")?,
        tokens,
    })
}
