//! How whoever uses a login proves once more who they are.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::port::secrets::Access;
use posthaste_application::problem::{Code, Problem};

use crate::http::answer::Answer;
use crate::http::auth::AccessToken;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::factor::Second;
use crate::http::passkey::Assertion;
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::users::check_length;
use crate::http::{Tag, example};

pub(in crate::http) struct StepUp;

/// What proves who somebody is.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Evidence {
    /// The password. Null if a passkey proves it.
    password: Option<String>,
    /// A code of the authenticator, or a recovery code, if there is a second factor. Each is good once.
    code: Option<String>,
    /// A passkey instead of a code; or of both, since it is a second factor by itself.
    passkey: Option<Assertion>,
}

impl Example for Evidence {
    fn example() -> Self {
        Self { password: Some("correct horse battery staple".to_owned()), code: Some("287082".to_owned()), passkey: None }
    }
}

/// That it was proved.
#[derive(Object)]
#[oai(example, rename = "SteppedUp")]
struct Proven {
    /// Until when it is good, for this login.
    proved_until: DateTime<Utc>,
}

impl Example for Proven {
    fn example() -> Self {
        Self { proved_until: example::noon() }
    }
}

failures! {
    StepUpFailures = BEARER BODY [
        403: "`forbidden`: the password is another, or the passkey proves nothing; `wrong_code`: a code is missing, is none, or was used; \
              `account_suspended`: the user of the token is suspended.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl StepUp {
    /// Step up
    ///
    /// Proves once more who uses this login, as logging in does, by the password, and a second factor if there is one, or by a passkey: for ten
    /// minutes it may do what is sensitive.
    #[oai(path = "/sessions/current/step-up", method = "post", operation_id = "step_up")]
    async fn step_up(&self, token: AccessToken, call: Call, body: Body<Evidence>) -> Result<Answer<Proven>, Failed<StepUpFailures>> {
        let Evidence { password, code, passkey } = body.0;
        let current = token.0;
        let factor = match (password, passkey) {
            (Some(password), passkey) => {
                check_password(&call, current, password).await?;
                let missing = Problem::with(Code::WrongCode, "a code is needed as well");
                let second = Second { code: code.as_deref(), passkey: passkey.as_ref() };
                call.prove(current.user, current.session.uuid(), second, missing).await?
            }
            (None, Some(passkey)) => {
                let tried = call.app.limiter.try_proof(current.session.uuid()).await?;
                if !call.shows_passkey(current.user, &passkey).await? {
                    return Err(wrong().into());
                }
                call.app.limiter.forgive(tried).await;
                call.factor_of(current.user).await?
            }
            (None, None) => return Err(Problem::with(Code::Validation, "a password or a passkey is needed").into()),
        };
        let proved_until = call.logins().prove(current, factor).await?.ok_or(Code::SessionRevoked)?;
        Ok(Proven { proved_until }.into())
    }
}

/// Refuses what is not the password of whoever uses a login. A wrong one is held against the login.
async fn check_password(call: &Call, current: Access, password: String) -> Result<(), ApiError> {
    if check_length(&password).is_err() {
        return Err(wrong().into());
    }
    let (ports, limiter) = (&call.app.ports, &call.app.limiter);
    let tried = limiter.try_proof(current.session.uuid()).await?;
    let kept = ports.accounts.find(current.user).await?.ok_or(Code::Unauthorized)?.password_hash;
    if !ports.passwords.verify(password, kept).await? {
        return Err(wrong().into());
    }
    limiter.forgive(tried).await;
    Ok(())
}

fn wrong() -> Problem {
    Problem::with(Code::Forbidden, "the password is another, or the passkey proves nothing")
}
