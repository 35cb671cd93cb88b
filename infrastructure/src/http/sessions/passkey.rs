//! How a login begins with a passkey.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::{Refusal, User};

use super::{Created, Mode, answer, wanted};
use crate::http::Tag;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::passkey::{Assertion, Ceremony};
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::profile::Shown;
use crate::http::visit::Visit;
use crate::system::random;

pub(in crate::http) struct PasskeySessions;

/// Who wants in, as their passkey shows.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct PasskeyLogin {
    /// What the authenticator has answered.
    passkey: Assertion,
    /// What to call this login in the list of one's sessions, such as the name of the device: 1 to 64 characters.
    name: Option<String>,
    /// Who keeps the refresh token; `token` when absent. `cookie` is for web pages.
    mode: Option<Mode>,
    /// Keep the account, if it is to be deleted: that is cancelled. False when absent.
    cancel_deletion: Option<bool>,
}

impl Example for PasskeyLogin {
    fn example() -> Self {
        let name = Some("Alice's laptop".to_owned());
        Self { passkey: Assertion::example(), name, mode: Some(Mode::Cookie), cancel_deletion: None }
    }
}

failures! { ChallengeFailures = [403: "`forbidden`: this service takes no passkeys."] }

failures! {
    PasskeyFailures = BODY [
        401: "`unauthorized`: the passkey proves nothing: it is unknown, the answer is another's, was given before, or came too late.",
        403: "`account_suspended`: the passkey is right, and the account is suspended; `deletion_pending`: the passkey is right, and the account \
              is to be deleted, at the time that `detail` tells: with `cancel_deletion`, and another answer of the passkey, it is kept; \
              `forbidden`: the cookie was asked for from elsewhere than a page that may, or this service takes no passkeys.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl PasskeySessions {
    /// Begin to prove by a passkey
    ///
    /// Gives what an authenticator is asked (WebAuthn), whoever is in front of it. The answer logs in, steps up, or stands in for a code.
    #[oai(path = "/sessions/passkey/challenge", method = "post", operation_id = "begin_passkey_login")]
    async fn begin(&self, call: Call) -> Result<Answer<Ceremony>, Failed<ChallengeFailures>> {
        Ok(call.passkeys()?.begin_proof()?.into())
    }

    /// Log in with a passkey
    ///
    /// Exchanges the answer of an authenticator for the tokens of a login, as a password is exchanged, second factor included. Each answer is
    /// good once.
    #[oai(path = "/sessions/passkey", method = "post", operation_id = "log_in_with_passkey")]
    async fn log_in(&self, call: Call, visit: Visit, body: Body<PasskeyLogin>) -> Result<Created, Failed<PasskeyFailures>> {
        let PasskeyLogin { passkey, name, mode, cancel_deletion } = body.0;
        let (name, mode) = wanted(&call, &visit, name, mode)?;
        let passkey = call.passkeys()?.prove(passkey.answer()).await?.ok_or_else(refused)?;
        let user = passkey.user;
        let shown = Shown::find(&call.app, user).await?.ok_or_else(refused)?;
        call.state::<User>(user).await?.unsuspended().map_err(Refusal::from)?;
        call.come_back(user, cancel_deletion).await?;
        // A passkey is something that somebody has, and that asks who they are: it is worth as much as both.
        let factor = call.factor_of(user).await?;
        let begun = call.logins().begin(user, name, visit.agent.as_deref(), factor, &random()?).await?;
        if call.app.ports.passkeys.find(&passkey.credential).await?.is_none_or(|kept| kept.id != passkey.id) {
            // It was removed meanwhile, and whoever did that has looked through the logins before this one began.
            call.logins().end(user, &[begun.session.id]).await?;
            return Err(refused().into());
        }
        let (session, cookie) = answer(&call, &begun, shown, mode)?;
        Ok(Created::Created(Json(session), cookie))
    }
}

/// One failure for everything, so that nobody learns which passkeys there are.
fn refused() -> ApiError {
    Problem::with(Code::Unauthorized, "the passkey proves nothing here").into()
}
