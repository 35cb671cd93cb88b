//! Logins in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::sessions::{Digest, FORGOTTEN, Proof, Session, TokenFamily};
use posthaste_application::port::{PortError, Sessions};
use posthaste_domain::text::SessionName;
use posthaste_domain::{FactorId, SessionId, UserId};
use rusqlite::{OptionalExtension as _, Params, Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer, limit};
use super::statements;

/// The sessions of the embedded profile. What was answered is on the disk: a token that was given and is not known any more would be taken
/// for a stolen one.
pub struct SqliteSessions {
    database: Arc<Database>,
}

impl SqliteSessions {
    /// The sessions in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Sessions for SqliteSessions {
    async fn create(&self, session: &Session) -> Result<(), PortError> {
        let session = session.clone();
        let create = move |transaction: &Transaction<'_>| {
            let Session { id, user, name, agent, created_at, used_at, expires_at, proof, revision, tokens } = session;
            let created_at = created_at.timestamp_micros();
            transaction.prepare_cached(statements::SESSION_FORGET)?.execute(params![created_at, limit(FORGOTTEN)])?;
            transaction.prepare_cached(statements::SESSION_CREATE)?.execute(params![
                id.uuid().as_bytes(),
                user.uuid().as_bytes(),
                name.as_ref().map(SessionName::as_str),
                agent,
                created_at,
                used_at.timestamp_micros(),
                expires_at.timestamp_micros(),
                integer(revision),
                tokens.id,
                tokens.used,
                tokens.offered.concat(),
                proved_at(proof),
                proved_factor(proof),
            ])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, create).await
    }

    async fn find(&self, user: UserId, session: SessionId) -> Result<Option<Session>, PortError> {
        let find = move |snapshot: &Transaction<'_>| {
            one(snapshot, statements::SESSION_FIND, params![session.uuid().as_bytes(), user.uuid().as_bytes()])
        };
        self.database.readers().read(find).await
    }

    async fn of_family(&self, family: &Digest) -> Result<Option<Session>, PortError> {
        let family = *family;
        self.database.readers().read(move |snapshot| one(snapshot, statements::SESSION_OF_FAMILY, params![family])).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        let of_user = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::SESSION_OF_USER)?;
            let mut rows = statement.query([user.uuid().as_bytes()])?;
            let mut sessions = Vec::new();
            while let Some(row) = rows.next()? {
                sessions.push(of_row(row)?);
            }
            sessions.sort_unstable_by_key(|session| std::cmp::Reverse((session.used_at, session.id)));
            Ok(sessions)
        };
        self.database.readers().read(of_user).await
    }

    async fn replace(&self, session: &Session) -> Result<bool, PortError> {
        let session = session.clone();
        let replace = move |transaction: &Transaction<'_>| {
            let Session { id, user: _, name, agent: _, created_at: _, used_at, expires_at, proof, revision, tokens } = session;
            let replaced = transaction.prepare_cached(statements::SESSION_REPLACE)?.execute(params![
                id.uuid().as_bytes(),
                name.as_ref().map(SessionName::as_str),
                used_at.timestamp_micros(),
                expires_at.timestamp_micros(),
                integer(revision),
                tokens.used,
                tokens.offered.concat(),
                proved_at(proof),
                proved_factor(proof),
            ])?;
            Ok(replaced == 1)
        };
        self.database.writer()?.write(Durability::Machine, replace).await
    }

    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError> {
        if sessions.is_empty() {
            return Ok(());
        }
        let sessions = sessions.to_vec();
        let remove = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::SESSION_REMOVE)?;
            for session in sessions {
                statement.execute(params![session.uuid().as_bytes(), user.uuid().as_bytes()])?;
            }
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }
}

fn proved_at(proof: Option<Proof>) -> Option<i64> {
    proof.map(|proof| proof.at.timestamp_micros())
}

fn proved_factor(proof: Option<Proof>) -> Option<[u8; 16]> {
    proof.and_then(|proof| proof.factor).map(|factor| factor.uuid().into_bytes())
}

fn one(snapshot: &Transaction<'_>, statement: &'static str, parameters: impl Params) -> Result<Option<Session>, Failure> {
    let found = snapshot.prepare_cached(statement)?.query_row(parameters, |row| Ok(of_row(row))).optional()?;
    found.transpose()
}

fn of_row(row: &Row<'_>) -> Result<Session, Failure> {
    let (Id(id), Id(user)) = (row.get(0)?, row.get(1)?);
    let name: Option<String> = row.get(2)?;
    // The parser quotes nothing of what it was given.
    let name = name.map(SessionName::try_from).transpose().map_err(|error| PortError::corrupt(format!("the session {id}"), error))?;
    let (Micros(created_at), Micros(used_at), Micros(expires_at)) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let Unsigned(revision) = row.get(7)?;
    let offered: Vec<u8> = row.get(10)?;
    let (offered, rest) = offered.as_chunks();
    if !rest.is_empty() {
        return Err(PortError::corrupt(format!("the session {id}"), "half a hash").into());
    }
    let (proved_at, proved_factor): (Option<Micros>, Option<Id>) = (row.get(11)?, row.get(12)?);
    let factor = proved_factor.map(|Id(factor)| FactorId::new(factor));
    Ok(Session {
        id: SessionId::new(id),
        user: UserId::new(user),
        name,
        agent: row.get(3)?,
        created_at,
        used_at,
        expires_at,
        proof: proved_at.map(|Micros(at)| Proof { at, factor }),
        revision,
        tokens: TokenFamily { id: row.get(8)?, used: row.get(9)?, offered: offered.to_vec() },
    })
}
