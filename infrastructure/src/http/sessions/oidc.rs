//! How a login begins that somebody else vouches for.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::oidc::{NotSettled, Returned, Whom};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::{FactorId, Refusal, User, UserId};

use super::{Created, Mode, answer, wanted};
use crate::http::Tag;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::factor::Second;
use crate::http::passkey::Assertion;
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::profile::Shown;
use crate::http::visit::Visit;
use crate::system::random;

pub(in crate::http) struct OidcSessions;

/// How often it is looked up anew whom a provider vouches for, if others are faster.
const TRIES: usize = 5;

/// Whoever comes back from a provider.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct SignIn {
    /// The code that the browser came back with.
    code: String,
    /// What the challenge is the hash of that the browser was sent away with.
    verifier: String,
    /// A code of the authenticator, or a recovery code, if there is a second factor. Each is good once.
    second_factor: Option<String>,
    /// A passkey instead of a code.
    passkey: Option<Assertion>,
    /// What to call this login in the list of one's sessions, such as the name of the device: 1 to 64 characters.
    name: Option<String>,
    /// Who keeps the refresh token; `token` when absent. `cookie` is for web pages.
    mode: Option<Mode>,
    /// Keep the account, if it is to be deleted: that is cancelled. False when absent.
    cancel_deletion: Option<bool>,
}

impl Example for SignIn {
    fn example() -> Self {
        let (code, verifier) = ("5f0c…e19a".to_owned(), "dBjftJeZ4CVP…".to_owned());
        Self {
            code,
            verifier,
            second_factor: None,
            passkey: None,
            name: Some("Alice's laptop".to_owned()),
            mode: Some(Mode::Token),
            cancel_deletion: None,
        }
    }
}

failures! {
    SignInFailures = BODY [
        401: "`unauthorized`: the code is unknown, used or run out, or was not asked for with this verifier. Which of them is not told. \
              `second_factor_required`: it is good, and a code of the authenticator or a passkey is needed as well; it stays good for that.",
        403: "`wrong_code`: the code of the authenticator is none, or was used, or the passkey proves nothing; `account_suspended`: the account is suspended; \
              `deletion_pending`: all is right, and the account is to be deleted, at the time that `detail` tells: the same with \
              `cancel_deletion`, and another `second_factor` if there is one, keeps it; \
              `registration_closed`: there is no account, and nobody can register here; `forbidden`: the cookie was asked for from elsewhere \
              than a page that may.",
        409: "`conflict`: there is no account of theirs, and none can be made: the provider gives no address, or one that an account has \
              which it cannot be linked to without a login.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl OidcSessions {
    /// Log in with an account elsewhere
    ///
    /// Exchanges the code that a browser came back from a provider with for a login, as `log_in` does a password. Whoever has no account yet
    /// is registered. An account with the same email address is linked, if both the provider and the account have it verified. If there is a second
    /// factor, the same with `second_factor` or a `passkey` follows. For a login that exists link the provider with `POST /v1/me/identities` instead.
    #[oai(path = "/sessions/oidc", method = "post", operation_id = "log_in_with_oidc")]
    async fn log_in(&self, call: Call, visit: Visit, body: Body<SignIn>) -> Result<Created, Failed<SignInFailures>> {
        let SignIn { code, verifier, second_factor, passkey, name, mode, cancel_deletion } = body.0;
        let (name, mode) = wanted(&call, &visit, name, mode)?;
        let returned = call.sign_ins().redeem(&code, &verifier).await?.ok_or_else(worthless)?;
        let second = Second { code: second_factor.as_deref(), passkey: passkey.as_ref() };
        let (user, factor) = match settle(&call, &returned, second, cancel_deletion).await {
            Ok(settled) => settled,
            Err(error) => {
                // Nobody has to log in elsewhere once more because a code of theirs is missing, or their account is to be deleted, or something could
                // not be reached.
                call.sign_ins().restore(&code, &returned).await?;
                return Err(error.into());
            }
        };
        let shown = Shown::find(&call.app, user).await?.ok_or_else(worthless)?;
        let begun = call.logins().begin(user, name, visit.agent.as_deref(), factor, &random()?).await?;
        // A password that was set anew takes identities away, and then every login that there was: this one may have come too late for that.
        let linked = call.app.ports.identities.find(&returned.issuer, &returned.vouched.subject).await?;
        if linked.is_none_or(|linked| linked.user != user) {
            call.logins().end(user, &[begun.session.id]).await?;
            return Err(worthless().into());
        }
        let (session, cookie) = answer(&call, &begun, shown, mode)?;
        Ok(Created::Created(Json(session), cookie))
    }
}

/// Who somebody is whom a provider vouches for, and which second factor they have shown. They are linked or registered only after that.
async fn settle(
    call: &Call,
    returned: &Returned,
    second: Second<'_>,
    cancel_deletion: Option<bool>,
) -> Result<(UserId, Option<FactorId>), ApiError> {
    let sign_ins = call.sign_ins();
    let mut proved = None;
    for _ in 0..TRIES {
        let whom = sign_ins.whom(returned).await?;
        if let Whom::Linked(user) | Whom::ByAddress(user) = whom {
            call.state::<User>(user).await?.unsuspended().map_err(Refusal::from)?;
            // Once, however often the rest is tried: a code is used by it.
            if proved.is_none_or(|(whose, _)| whose != user) {
                // A wrong one is held against the user, as behind a right password.
                proved = Some((user, call.prove(user, user.uuid(), second, Code::SecondFactorRequired).await?));
            }
            call.come_back(user, cancel_deletion).await?;
        }
        if let Some(user) = sign_ins.settle(returned, whom).await? {
            let factor = proved.filter(|(whose, _)| *whose == user).and_then(|(_, factor)| factor);
            return Ok((user, factor));
        }
    }
    Err(Problem::new(Code::Unavailable).after(100).into())
}

/// One failure for every code that is not good, so that nobody learns which there are.
pub(in crate::http) fn worthless() -> ApiError {
    Problem::with(Code::Unauthorized, "the code is unknown, was used, has run out, or is another's").into()
}

impl From<NotSettled> for ApiError {
    fn from(error: NotSettled) -> Self {
        match error {
            NotSettled::Closed => Code::RegistrationClosed.into(),
            NotSettled::NoAddress | NotSettled::Taken => Problem::with(Code::Conflict, error.to_string()).into(),
            NotSettled::Execute(error) => error.into(),
        }
    }
}
