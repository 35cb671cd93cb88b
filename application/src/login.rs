//! How a login begins, goes on and ends.
//!
//! It ends with an event, which every request and every socket asks; see [`crate::port::sessions`]. So the order is always the same: first
//! the event, then the row. What a crash leaves between the two renews nothing any more.

mod leaving;
mod token;

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use posthaste_domain::text::SessionName;
use posthaste_domain::user::UserRefusal;
use posthaste_domain::{CommandId, FactorId, SessionId, User, UserId};
use uuid::Uuid;

pub use self::token::RefreshToken;
use crate::contended::{Crowded, TRIES};
use crate::execute::{Command, Envelope, ExecuteError, Executed, Executor};
use crate::port::secrets::Access;
use crate::port::sessions::{Proof, Session, TokenFamily};
use crate::port::{PortError, Ports, Sessions};

/// Most sessions of one user: of more, those that were not used for longest are ended.
pub const MOST_SESSIONS: usize = 100;
/// Most characters of what a client says that it is.
const AGENT: usize = 200;
/// How long somebody who has proved who they are need not do so again for what is sensitive.
const PROOF_LASTS: Duration = Duration::from_secs(10 * 60);

/// How long things are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token; in whole seconds.
    pub access_token: Duration,
    /// A session that is not renewed.
    pub idle: Duration,
    /// A session, however often it is renewed.
    pub session: Duration,
}

impl Default for Lifetimes {
    /// A quarter of an hour, 30 days and 90 days.
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { access_token: Duration::from_secs(15 * 60), idle: days(30), session: days(90) }
    }
}

impl Lifetimes {
    /// When a session runs out that began and was used last then.
    fn session_end(&self, created_at: DateTime<Utc>, used_at: DateTime<Utc>) -> DateTime<Utc> {
        later(used_at, self.idle).min(later(created_at, self.session))
    }

    /// What an access token says that is made for a session now: no longer than the session can last.
    fn access(&self, session: &Session, now: DateTime<Utc>) -> Access {
        // Tokens count whole seconds.
        let expires_at = later(now.trunc_subsecs(0), self.access_token).min(later(session.created_at, self.session).trunc_subsecs(0));
        Access { user: session.user, session: session.id, expires_at }
    }
}

/// Some time after another; the end of time if that is beyond it.
pub(crate) fn later(at: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(time).ok().and_then(|time| at.checked_add_signed(time)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A session that was begun or renewed.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The session.
    pub session: Session,
    /// Whom its next access token speaks for.
    pub access: Access,
    /// What renews it.
    pub token: RefreshToken,
}

/// What came of renewing.
#[derive(Clone, Debug)]
pub enum Renewed {
    /// It goes on.
    Renewed(Box<Begun>),
    /// The token is none of ours, or of a session that has run out.
    Unknown,
    /// The session was ended, or is by this: the token had been used before.
    Revoked,
    /// The user is suspended. The session is what it was.
    Suspended,
}

/// The logins, as one request goes about them.
pub struct Logins<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// Executes commands.
    pub executor: &'a Executor,
    /// How long things are good for.
    pub lifetimes: Lifetimes,
    /// Ties together what a request sets off.
    pub correlation: Uuid,
}

impl Logins<'_> {
    /// Begins a session of somebody who has proved who they are, with this second factor if they have one. It is always a new one, with tokens that nobody has seen before.
    ///
    /// # Errors
    /// Their account is to be deleted; or it could not be kept, or those that are too many could not be ended: then it may have begun.
    pub async fn begin(
        &self,
        user: UserId,
        name: Option<SessionName>,
        agent: Option<&str>,
        factor: Option<FactorId>,
        random: &[u8; 64],
    ) -> Result<Begun, ExecuteError> {
        let now = self.ports.now();
        let token = RefreshToken::new(random);
        let session = Session {
            id: SessionId::new(self.ports.ids.next()),
            user,
            name,
            agent: agent.map(told).filter(|agent| !agent.is_empty()),
            created_at: now,
            used_at: now,
            expires_at: self.lifetimes.session_end(now, now),
            proof: Some(Proof { at: now, factor }),
            revision: 1,
            tokens: TokenFamily::new(token.family(), token.digest()),
        };
        self.ports.sessions.create(&session).await?;
        if self.executor.states().fresh::<User>(user).await?.leaving().is_some() {
            // Whoever left at the same moment has looked through the logins before this one began. Nobody has its tokens yet.
            self.ports.sessions.remove(user, &[session.id]).await?;
            return Err(UserRefusal::Leaving.into());
        }
        let others = self.ports.sessions.of_user(user).await?.into_iter().map(|other| other.id).filter(|other| *other != session.id);
        let too_many: Vec<_> = others.skip(MOST_SESSIONS - 1).collect();
        self.end(user, &too_many).await?;
        Ok(Begun { access: self.lifetimes.access(&session, now), session, token })
    }

    /// Renews the session of a token, which is used by that. The random bytes become the next token.
    ///
    /// # Errors
    /// The session could not be read or changed. The same token can be used again.
    pub async fn renew(&self, token: &RefreshToken, random: &[u8; 32]) -> Result<Renewed, ExecuteError> {
        let next = token.next(random);
        for _ in 0..TRIES {
            let now = self.ports.now();
            let found = self.ports.sessions.of_family(&token.family()).await?;
            let Some(mut session) = found.filter(|session| session.expires_at > now) else { return Ok(Renewed::Unknown) };
            let user = self.executor.states().fresh::<User>(session.user).await?;
            if user.has_revoked(session.id) || user.leaving().is_some() {
                return Ok(Renewed::Revoked);
            }
            if user.is_barred() {
                return Ok(Renewed::Suspended);
            }
            if session.tokens.present(&token.digest(), next.digest()).is_err() {
                self.end(session.user, &[session.id]).await?;
                tracing::warn!(user = %session.user, session = %session.id, "a refresh token was used again: its session is ended");
                return Ok(Renewed::Revoked);
            }
            session.used_at = now;
            session.expires_at = self.lifetimes.session_end(session.created_at, now);
            session.revision += 1;
            if self.ports.sessions.replace(&session).await? {
                return Ok(Renewed::Renewed(Box::new(Begun { access: self.lifetimes.access(&session, now), session, token: next })));
            }
        }
        Err(crowded().into())
    }

    /// Changes what a session is called; nothing if it is not one of the user's that lasts.
    ///
    /// # Errors
    /// It could not be read or changed.
    pub async fn rename(&self, user: UserId, session: SessionId, name: Option<SessionName>) -> Result<Option<Session>, ExecuteError> {
        for _ in 0..TRIES {
            let Some(mut session) = self.lasting(user).await?.into_iter().find(|lasting| lasting.id == session) else { return Ok(None) };
            if session.name == name {
                return Ok(Some(session));
            }
            session.name = name.clone();
            session.revision += 1;
            if self.ports.sessions.replace(&session).await? {
                return Ok(Some(session));
            }
        }
        Err(crowded().into())
    }

    /// Takes note that whoever uses a session has proved who they are, with this second factor if they have one, and says until when that
    /// is good; nothing if it is not one of the user's that lasts.
    ///
    /// # Errors
    /// It could not be read or changed.
    pub async fn prove(&self, current: Access, factor: Option<FactorId>) -> Result<Option<DateTime<Utc>>, ExecuteError> {
        for _ in 0..TRIES {
            let Some(mut session) = self.ports.sessions.find(current.user, current.session).await? else { return Ok(None) };
            let proof = Proof { at: self.ports.now(), factor };
            session.proof = Some(proof);
            session.revision += 1;
            if self.ports.sessions.replace(&session).await? {
                return Ok(Some(later(proof.at, PROOF_LASTS)));
            }
        }
        Err(crowded().into())
    }

    /// Whether whoever uses a session has proved lately who they are, with this second factor if it is the one that they have now.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn has_proved(&self, current: Access, factor: Option<FactorId>) -> Result<bool, PortError> {
        let session = self.ports.sessions.find(current.user, current.session).await?;
        let proof = session.and_then(|session| session.proof);
        Ok(proof.is_some_and(|proof| (factor.is_none() || proof.factor == factor) && self.ports.now() < later(proof.at, PROOF_LASTS)))
    }

    /// The sessions of a user that have neither run out nor been ended, the one used last first.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn lasting(&self, user: UserId) -> Result<Vec<Session>, ExecuteError> {
        let mut sessions = self.ports.sessions.of_user(user).await?;
        let (state, now) = (self.executor.states().fresh::<User>(user).await?, self.ports.now());
        sessions.retain(|session| session.expires_at > now && !state.has_revoked(session.id));
        Ok(sessions)
    }

    /// Ends sessions of a user, one after the other, and gives what became of the last.
    ///
    /// # Errors
    /// One could not be ended; those before it are.
    pub async fn end(&self, user: UserId, sessions: &[SessionId]) -> Result<Option<Executed>, ExecuteError> {
        let mut last = None;
        for session in sessions {
            let command = CommandId::new(self.ports.ids.next());
            let envelope = Envelope { command, actor: Some(user), correlation: self.correlation, at: self.ports.clock.now() };
            last = Some(self.executor.execute(envelope, Command::RevokeSession { session: *session }).await?);
            self.ports.sessions.remove(user, &[*session]).await?;
        }
        Ok(last)
    }

    /// Ends all sessions of a user that last, or all but one; gives which, and what became of the last.
    ///
    /// # Errors
    /// One could not be ended; those before it are.
    pub async fn end_all(&self, user: UserId, but: Option<SessionId>) -> Result<(Vec<SessionId>, Option<Executed>), ExecuteError> {
        let lasting = self.lasting(user).await?.into_iter().map(|session| session.id);
        let ended: Vec<_> = lasting.filter(|session| Some(*session) != but).collect();
        let last = self.end(user, &ended).await?;
        Ok((ended, last))
    }
}

/// Refuses to end what is not a session of the user, and never was: it would be an event about nothing. `current` is the one that asks.
///
/// # Errors
/// [`UserRefusal::UnknownSession`], or it cannot be looked up.
pub async fn check_own(sessions: &dyn Sessions, executor: &Executor, current: Access, session: SessionId) -> Result<(), ExecuteError> {
    let user = current.user;
    let own = session == current.session
        || executor.states().fresh::<User>(user).await?.has_revoked(session)
        || sessions.find(user, session).await?.is_some();
    if own { Ok(()) } else { Err(UserRefusal::UnknownSession.into()) }
}

/// What a client says that it is, fit to be kept and shown.
fn told(agent: &str) -> String {
    agent.chars().filter(|c| !c.is_control()).take(AGENT).collect::<String>().trim().to_owned()
}

/// Others changed the same one each time.
fn crowded() -> Crowded {
    Crowded { what: "the session", store: "sessions" }
}
