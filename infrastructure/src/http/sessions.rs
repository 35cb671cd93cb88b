//! How a login begins and is renewed.

mod mine;
mod oidc;
mod passkey;
mod step_up;

use chrono::{DateTime, SubsecRound as _, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use posthaste_application::login::{Begun, Logins, Renewed};
use posthaste_application::port::PortError;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::secrets::PASSWORD_CHARACTERS;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::text::{SessionName, Username};
use posthaste_domain::{Claim, ClaimId, Refusal, User, UserId};
use uuid::Uuid;

pub(super) use self::mine::MySessions;
pub(super) use self::oidc::{OidcSessions, worthless};
pub(super) use self::passkey::PasskeySessions;
pub(super) use self::step_up::StepUp;
use super::body::Body;
use super::call::Call;
use super::factor::Second;
use super::passkey::Assertion;
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;
use super::visit::{self, Visit};
use super::{Tag, example};
use crate::system::random;

pub(super) struct Sessions;

/// Where a refresh token is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Mode {
    /// By the client, which finds it in the answer.
    Token,
    /// By the browser, out of reach of every script.
    Cookie,
}

/// Who wants in.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Login {
    /// A username or an email address, in any case.
    login: String,
    /// The password.
    password: String,
    /// A code of the authenticator, or a recovery code, if there is a second factor. Each is good once.
    code: Option<String>,
    /// A passkey instead of a code.
    passkey: Option<Assertion>,
    /// What to call this login in the list of one's sessions, such as the name of the device: 1 to 64 characters.
    name: Option<String>,
    /// Who keeps the refresh token; `token` when absent. `cookie` is for web pages.
    mode: Option<Mode>,
    /// Keep the account, if it is to be deleted: that is cancelled. False when absent.
    cancel_deletion: Option<bool>,
}

impl Example for Login {
    fn example() -> Self {
        let (login, password) = ("alice".to_owned(), "correct horse battery staple".to_owned());
        Self {
            login,
            password,
            code: None,
            passkey: None,
            name: Some("Alice's laptop".to_owned()),
            mode: Some(Mode::Token),
            cancel_deletion: None,
        }
    }
}

/// What renews a login.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Refresh {
    /// The refresh token. Null if it is in the cookie.
    refresh_token: Option<String>,
}

impl Example for Refresh {
    fn example() -> Self {
        Self { refresh_token: Some("phr_Y3J5cHRpYw…".to_owned()) }
    }
}

/// A login.
#[derive(Object)]
#[oai(example)]
struct Session {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// How long the token is good for, in seconds.
    expires_in_s: u64,
    /// When it ends, by the server's clock.
    expires_at: DateTime<Utc>,
    /// Exchange it for the next access token, and the next of its own kind. Null if it is in the cookie.
    refresh_token: Option<String>,
    /// When the login runs out unless it is refreshed before.
    refresh_expires_at: DateTime<Utc>,
    /// Who is logged in.
    user: Shown,
    /// The login.
    session: Uuid,
}

impl Example for Session {
    fn example() -> Self {
        Self {
            access_token: "eyJhbGciOi…".to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in_s: 900,
            expires_at: example::noon(),
            refresh_token: Some("phr_Y3J5cHRpYw…".to_owned()),
            refresh_expires_at: example::noon(),
            user: Shown::example(),
            session: example::SESSION,
        }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// Logged in.
    #[oai(status = 201)]
    Created(
        Json<Session>,
        /// The refresh token, if the browser is to keep it.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Refreshed {
    /// The login goes on.
    #[oai(status = 200)]
    Refreshed(
        Json<Session>,
        /// The next refresh token, if the browser keeps it.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

failures! {
    LoginFailures = BODY [
        401: "`unauthorized`: there is no such account, or this is not its password. Which of the two is not told. `second_factor_required`: the \
              password is right, and a code or a passkey is needed as well.",
        403: "`wrong_code`: the password is right, and the code is none, or was used, or the passkey proves nothing; `account_suspended`: the password is right, and the \
              account is suspended; `deletion_pending`: all is right, and the account is to be deleted, at the time that `detail` tells: with \
              `cancel_deletion`, and another code if there is a second factor, it is kept; `forbidden`: the cookie was asked for from elsewhere \
              than a page that may.",
    ]
}

failures! {
    RefreshFailures = BODY [
        401: "`unauthorized`: the token is unknown, or its login has run out; `session_revoked`: its login was ended, or is now, because the \
              token had been used before.",
        403: "`account_suspended`: the user is suspended; `forbidden`: the cookie came from elsewhere than a page that may.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Sessions {
    /// Log in
    ///
    /// Exchanges a username or email address and a password for an access token, and a refresh token that gets the next ones. If there is a
    /// second factor, the same with a `code` or a `passkey` follows: without one the answer to the right password is `second_factor_required`. With `mode:
    /// cookie` the browser keeps the refresh token in a cookie that no script sees, which is sent to `/v1/sessions` only; then this must come
    /// from a page of the server or of an allowed origin, with the header `X-Posthaste-Csrf`.
    #[oai(path = "/sessions", method = "post", operation_id = "log_in")]
    async fn log_in(&self, call: Call, visit: Visit, body: Body<Login>) -> Result<Created, Failed<LoginFailures>> {
        let Login { login, password, code, passkey, name, mode, cancel_deletion } = body.0;
        if password.chars().count() > *PASSWORD_CHARACTERS.end() {
            return Err(
                Problem::with(Code::Validation, format!("password must have at most {} characters", PASSWORD_CHARACTERS.end())).into()
            );
        }
        let (name, mode) = wanted(&call, &visit, name, mode)?;
        let ports = &call.app.ports;
        let mut credentials = find(&call, &login).await?;
        let mut factor = None;
        loop {
            let hash = credentials.as_ref().and_then(|credentials| credentials.password_hash.clone());
            // Without credentials, or without a password, it takes as long and says no.
            let right = ports.passwords.verify(password.clone(), hash).await?;
            let found = credentials.take().filter(|_| right).and_then(|found| Some((found.user, found.password_hash?)));
            let (user, password_hash) = found.ok_or_else(refused)?;
            let shown = Shown::find(&call.app, user).await?.ok_or_else(refused)?;
            // Only now: whoever does not know the password learns nothing.
            call.state::<User>(user).await?.unsuspended().map_err(Refusal::from)?;
            // Once, however often the rest is tried: a code is used by it.
            if factor.is_none() {
                // A wrong one is held against the user: whoever gives it has their password.
                let second = Second { code: code.as_deref(), passkey: passkey.as_ref() };
                factor = call.prove(user, user.uuid(), second, Code::SecondFactorRequired).await?;
            }
            // Only now: with a second factor, none of this is for whoever knows the password alone.
            call.come_back(user, cancel_deletion).await?;
            let password_hash = renewed_hash(&call, user, &password, password_hash).await?;
            let begun = call.logins().begin(user, name.clone(), visit.agent.as_deref(), factor, &random()?).await?;
            let now = ports.accounts.find(user).await?.ok_or_else(refused)?;
            if now.password_hash.as_ref() == Some(&password_hash) {
                let (session, cookie) = answer(&call, &begun, shown, mode)?;
                return Ok(Created::Created(Json(session), cookie));
            }
            // The password was changed meanwhile, and every login ended that there was: this one may have come too late for that.
            call.logins().end(user, &[begun.session.id]).await?;
            credentials = Some(now);
        }
    }

    /// Refresh a login
    ///
    /// Exchanges a refresh token for an access token and the next refresh token. Each is good once: the old one stays good until the new one is
    /// used, in case this answer is lost. Whoever uses one after that is taken for a thief, or the victim of one, and the login is ended:
    /// its sockets are closed with 4202. Without a `refresh_token` it is taken from the cookie, and the next one goes there; then this must come
    /// from a page of the server or of an allowed origin, with the header `X-Posthaste-Csrf`.
    #[oai(path = "/sessions/refresh", method = "post", operation_id = "refresh_session")]
    async fn refresh(&self, call: Call, visit: Visit, body: Body<Refresh>) -> Result<Refreshed, Failed<RefreshFailures>> {
        let (token, mode) = match (&body.0.refresh_token, visit.cookie()) {
            (Some(token), _) => (token.as_str(), Mode::Token),
            (None, Some(token)) => {
                visit.must_be_from_a_page_that_may(&call.app.edges.origins)?;
                (token, Mode::Cookie)
            }
            (None, None) => return Err(visit::unknown().into()),
        };
        let begun = match call.logins().renew(&visit::token(token)?, &random()?).await? {
            Renewed::Renewed(begun) => begun,
            Renewed::Unknown => return Err(visit::unknown().into()),
            Renewed::Revoked => return Err(Code::SessionRevoked.into()),
            Renewed::Suspended => return Err(Code::AccountSuspended.into()),
        };
        let shown = Shown::find(&call.app, begun.session.user).await?.ok_or_else(visit::unknown)?;
        let (session, cookie) = answer(&call, &begun, shown, mode)?;
        Ok(Refreshed::Refreshed(Json(session), cookie))
    }
}

impl Call {
    /// The logins, on behalf of this request.
    pub(super) fn logins(&self) -> Logins<'_> {
        let app = &self.app;
        Logins { ports: &app.ports, executor: &app.executor, lifetimes: app.lifetimes, correlation: self.correlation() }
    }
}

/// What a login is to be called, and who keeps its refresh token, if this page may say so.
fn wanted(call: &Call, visit: &Visit, name: Option<String>, mode: Option<Mode>) -> Result<(Option<SessionName>, Mode), ApiError> {
    let name = name.as_deref().map(SessionName::parse).transpose()?;
    let mode = mode.unwrap_or(Mode::Token);
    if mode == Mode::Cookie {
        // Whoever logs somebody in as themselves sees what they do then.
        visit.must_be_from_a_page_that_may(&call.app.edges.origins)?;
    }
    Ok((name, mode))
}

/// What a client is told of a login that was begun or renewed, and its cookie.
fn answer(call: &Call, begun: &Begun, user: Shown, mode: Mode) -> Result<(Session, Option<String>), ApiError> {
    let Begun { session, access, token } = begun;
    let expires_in = access.expires_at - session.used_at.trunc_subsecs(0);
    let shown = Session {
        access_token: call.app.ports.tokens.issue(access)?,
        token_type: "Bearer".to_owned(),
        expires_in_s: u64::try_from(expires_in.num_seconds()).unwrap_or(0),
        expires_at: access.expires_at,
        refresh_token: (mode == Mode::Token).then(|| token.write()),
        refresh_expires_at: session.expires_at,
        user,
        session: session.id.uuid(),
    };
    Ok((shown, (mode == Mode::Cookie).then(|| visit::keep(begun))))
}

/// One failure for everything, so that nobody learns who has an account.
fn refused() -> ApiError {
    Problem::with(Code::Unauthorized, "the login or the password is wrong").into()
}

/// The credentials of whoever holds the username or email address; `None` when nobody does. What is looked up does not depend on that.
async fn find(call: &Call, login: &str) -> Result<Option<Credentials>, ApiError> {
    let claim = ClaimId::login(login);
    let named = claim.as_ref().copied().unwrap_or_else(|_| ClaimId::username(&nobody()));
    let holder = call.app.executor.states().fresh::<Claim>(named).await?.state.holder();
    let found = call.app.ports.accounts.find(holder.unwrap_or(UserId::new(Uuid::nil()))).await?;
    Ok(found.filter(|_| holder.is_some() && claim.is_ok()))
}

/// A name that is looked up where there is none to look up.
fn nobody() -> Username {
    Username::parse("nobody").expect("a username")
}

/// The hash of a password that was just verified: a new one if the kept one costs less than is asked for now. That it cannot be made now does
/// not keep anybody out.
async fn renewed_hash(call: &Call, user: UserId, password: &str, kept: String) -> Result<String, ApiError> {
    let ports = &call.app.ports;
    if !ports.passwords.is_weak(&kept) {
        return Ok(kept);
    }
    match ports.passwords.hash(password.to_owned()).await {
        Ok(hash) if ports.accounts.replace_hash(user, Some(&kept), &hash).await? => Ok(hash),
        Ok(_) | Err(PortError::Unavailable { .. }) => Ok(kept),
        Err(error) => Err(error.into()),
    }
}
