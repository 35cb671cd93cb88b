//! How whoever uses a login proves once more who they are.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};

use crate::http::answer::Answer;
use crate::http::auth::AccessToken;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::problem::{Failed, failures};
use crate::http::users::check_length;
use crate::http::{Tag, example};

pub(in crate::http) struct StepUp;

/// What proves who somebody is.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Evidence {
    /// The password.
    password: String,
    /// A code of the authenticator, or a recovery code, if there is a second factor. Each is good once.
    code: Option<String>,
}

impl Example for Evidence {
    fn example() -> Self {
        Self { password: "correct horse battery staple".to_owned(), code: Some("287082".to_owned()) }
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
        403: "`forbidden`: the password is another; `wrong_code`: a code is missing, is none, or was used; `account_suspended`: the user of \
              the token is suspended.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl StepUp {
    /// Step up
    ///
    /// Proves once more who uses this login, as logging in does: for ten minutes it may do what is sensitive.
    #[oai(path = "/sessions/current/step-up", method = "post", operation_id = "step_up")]
    async fn step_up(&self, token: AccessToken, call: Call, body: Body<Evidence>) -> Result<Answer<Proven>, Failed<StepUpFailures>> {
        let Evidence { password, code } = body.0;
        let (ports, limiter, current) = (&call.app.ports, &call.app.limiter, token.0);
        let wrong = || Problem::with(Code::Forbidden, "the password is another");
        if check_length(&password).is_err() {
            return Err(wrong().into());
        }
        let tried = limiter.try_proof(current.session.uuid()).await?;
        let kept = ports.accounts.find(current.user).await?.ok_or(Code::Unauthorized)?.password_hash;
        if !ports.passwords.verify(password, kept).await? {
            return Err(wrong().into());
        }
        limiter.forgive(tried).await;
        let missing = Problem::with(Code::WrongCode, "a code is needed as well");
        let factor = call.prove(current.user, current.session.uuid(), code.as_deref(), missing).await?;
        let proved_until = call.logins().prove(current, factor).await?.ok_or(Code::SessionRevoked)?;
        Ok(Proven { proved_until }.into())
    }
}
