use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::secrets::{Access, PASSWORD_CHARACTERS};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::text::{Email, Username};
use posthaste_domain::{Claim, ClaimId, SessionId, User};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;

pub(super) struct Sessions;

/// Who wants in.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Login {
    /// A username or an email address, in any case.
    login: String,
    /// The password.
    password: String,
}

impl Example for Login {
    fn example() -> Self {
        Self { login: "alice".to_owned(), password: "correct horse battery staple".to_owned() }
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
            user: Shown::example(),
            session: example::SESSION,
        }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// Logged in.
    #[oai(status = 201)]
    Created(Json<Session>),
}

failures! {
    LoginFailures = BODY [
        401: "`unauthorized`: there is no such account, or this is not its password. Which of the two is not told.",
        403: "`account_suspended`: the password is right, and the account is suspended.",
    ]
}

failures! { EndFailures = BEARER COMMAND }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Sessions {
    /// Log in
    ///
    /// Exchanges a username or email address and a password for an access token.
    #[oai(path = "/sessions", method = "post", operation_id = "log_in")]
    async fn log_in(&self, call: Call, body: Body<Login>) -> Result<Created, Failed<LoginFailures>> {
        let Login { login, password } = body.0;
        if password.chars().count() > *PASSWORD_CHARACTERS.end() {
            return Err(
                Problem::with(Code::Validation, format!("password must have at most {} characters", PASSWORD_CHARACTERS.end())).into()
            );
        }
        let ports = &call.app.ports;
        let credentials = find(&call, &login).await?;
        // Without credentials it takes as long and says no.
        let right = ports.passwords.verify(password, credentials.as_ref().map(|credentials| credentials.password_hash.clone())).await?;
        let user = credentials.filter(|_| right).ok_or_else(refused)?.user;
        let shown = Shown::find(&call.app, user).await?.ok_or_else(refused)?;
        // Only now: whoever does not know the password learns nothing.
        if call.state::<User>(user).await?.is_suspended() {
            return Err(Code::AccountSuspended.into());
        }

        let lifetime = call.app.limits.access_token.as_secs();
        // Tokens count whole seconds.
        let expires_at = ports.clock.now().trunc_subsecs(0) + TimeDelta::seconds(i64::try_from(lifetime).unwrap_or(i64::MAX / 1_000));
        let access = Access { user, session: SessionId::new(ports.ids.next()), expires_at };
        Ok(Created::Created(Json(Session {
            access_token: ports.tokens.issue(&access)?,
            token_type: "Bearer".to_owned(),
            expires_in_s: lifetime,
            expires_at,
            user: shown,
            session: access.session.uuid(),
        })))
    }

    /// Log out
    ///
    /// Ends the login of the access token that is used: no token of it is taken any more, and its sockets are closed with 4202. A retry is
    /// refused with `session_revoked`, which says that it is done.
    #[oai(path = "/sessions/current", method = "delete", operation_id = "log_out")]
    async fn log_out(
        &self,
        token: AccessToken,
        call: Call,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        let session = token.0.session;
        Ok(call.command(&token, key.0, Command::RevokeSession { session }).await?.into())
    }

    /// End one of my logins
    ///
    /// The same for any login of one's own, by its id. That of somebody else is not touched: it is only noted that it is none of mine.
    #[oai(path = "/sessions/:session", method = "delete", operation_id = "end_session")]
    async fn end(
        &self,
        token: AccessToken,
        call: Call,
        /// The `session` that logging in has given.
        session: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        Ok(call.command(&token, key.0, Command::RevokeSession { session: SessionId::new(session.0) }).await?.into())
    }
}

/// One failure for everything, so that nobody learns who has an account.
fn refused() -> ApiError {
    Problem::with(Code::Unauthorized, "the login or the password is wrong").into()
}

/// The credentials of whoever holds the username or email address; `None` when nobody can.
async fn find(call: &Call, login: &str) -> Result<Option<Credentials>, ApiError> {
    let claim = if login.contains('@') {
        Email::parse(login).map(|email| ClaimId::email(&email))
    } else {
        Username::parse(login).map(|username| ClaimId::username(&username))
    };
    let Ok(claim) = claim else { return Ok(None) };
    match call.app.executor.states().fresh::<Claim>(claim).await?.state.holder() {
        Some(user) => Ok(call.app.ports.accounts.find(user).await?),
        None => Ok(None),
    }
}
