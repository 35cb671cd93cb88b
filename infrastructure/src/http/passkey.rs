//! One's own passkeys: how they are registered, shown and forgotten.

use chrono::{DateTime, Utc};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::passkey::{self, Begun, MOST_PASSKEYS, PasskeyLogins, Registering};
use posthaste_application::port::passkeys::Passkey;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Done};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::page::Items;
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;
use super::{Tag, example};

pub(super) struct MyPasskeys;

/// A ceremony with an authenticator that has begun. It is to be finished within five minutes, on any node.
#[derive(Object)]
#[oai(example, rename = "PasskeyCeremony")]
pub(super) struct Ceremony {
    /// To be sent back with the answer, as it is.
    ceremony: String,
    /// What the authenticator is asked: `publicKey` is for `PublicKeyCredential.parseCreationOptionsFromJSON`, or
    /// `parseRequestOptionsFromJSON`, of browsers.
    options: Value,
}

impl From<Begun> for Answer<Ceremony> {
    fn from(Begun { options, ceremony }: Begun) -> Self {
        Ceremony { ceremony, options }.into()
    }
}

impl Example for Ceremony {
    fn example() -> Self {
        Self { ceremony: "AZ3xQkC…".to_owned(), options: json!({ "publicKey": { "challenge": "2VhkBmE…" } }) }
    }
}

/// What an authenticator has answered.
#[derive(Object)]
#[oai(deny_unknown_fields, example, rename = "PasskeyAssertion")]
pub(super) struct Assertion {
    /// The ceremony that it answers.
    ceremony: String,
    /// The credential, as `PublicKeyCredential.toJSON()` gives it.
    credential: Value,
}

impl Assertion {
    pub(super) fn answer(&self) -> passkey::Answer<'_> {
        passkey::Answer { ceremony: &self.ceremony, credential: &self.credential }
    }
}

impl Example for Assertion {
    fn example() -> Self {
        Self { ceremony: "AZ3xQkC…".to_owned(), credential: json!({ "id": "Xf6BWA…", "type": "public-key" }) }
    }
}

/// A passkey that an authenticator has made.
#[derive(Object)]
#[oai(deny_unknown_fields, example, rename = "NewPasskey")]
struct Registration {
    /// The ceremony that it answers.
    ceremony: String,
    /// The credential, as `PublicKeyCredential.toJSON()` gives it.
    credential: Value,
    /// What to call it, such as the name of the device: 1 to 64 characters.
    name: Option<String>,
}

impl Example for Registration {
    fn example() -> Self {
        let Assertion { ceremony, credential } = Assertion::example();
        Self { ceremony, credential, name: Some("Alice's phone".to_owned()) }
    }
}

/// One of one's passkeys.
#[derive(Object)]
#[oai(example, rename = "MyPasskey")]
struct Mine {
    /// The passkey.
    id: Uuid,
    /// What it is called.
    name: Option<String>,
    /// When it was registered.
    created_at: DateTime<Utc>,
    /// When it was used last; null when it never was.
    used_at: Option<DateTime<Utc>>,
}

impl From<Passkey> for Mine {
    fn from(Passkey { id, name, created_at, used_at, .. }: Passkey) -> Self {
        Self { id, name: name.map(Into::into), created_at, used_at }
    }
}

impl Example for Mine {
    fn example() -> Self {
        let (created_at, used_at) = (example::noon(), Some(example::noon()));
        Self { id: example::SESSION, name: Some("Alice's phone".to_owned()), created_at, used_at }
    }
}

/// What to call a passkey.
#[derive(Object)]
#[oai(deny_unknown_fields, example, rename = "PasskeyNaming")]
struct Naming {
    /// 1 to 64 characters. Null takes the name away.
    name: Option<String>,
}

impl Example for Naming {
    fn example() -> Self {
        Self { name: Some("The old phone".to_owned()) }
    }
}

#[derive(ApiResponse)]
enum Registered {
    /// It is registered.
    #[oai(status = 201)]
    Created(Json<Mine>),
}

failures! { ListFailures = BEARER }

failures! {
    BeginFailures = BEARER [
        403: "`step_up_required`: prove once more who you are; `forbidden`: this service takes no passkeys; `account_suspended`: the user of \
              the token is suspended.",
        409: "`conflict`: you have as many passkeys as there may be.",
    ]
}

failures! {
    RegisterFailures = BEARER BODY [
        403: "`forbidden`: this is no answer to a challenge of this login, or it came too late, or this service takes no passkeys; \
              `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: it is registered already, or you have as many passkeys as there may be.",
    ]
}

failures! { RenameFailures = BEARER BODY [404: "`not_found`: there is no such passkey of yours."] }

failures! {
    RemoveFailures = BEARER [
        403: "`step_up_required`: prove once more who you are; `account_suspended`: the user of the token is suspended.",
        404: "`not_found`: there is no such passkey of yours.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl MyPasskeys {
    /// List my passkeys
    ///
    /// All of them, the oldest first.
    #[oai(path = "/me/passkeys", method = "get", operation_id = "list_my_passkeys")]
    async fn list(&self, token: AccessToken, call: Call) -> Result<Answer<Items<Mine>>, Failed<ListFailures>> {
        let passkeys = call.app.ports.passkeys.of_user(token.0.user).await?;
        Ok(Items::all(passkeys.into_iter().map(Mine::from).collect()).into())
    }

    /// Begin to register a passkey
    ///
    /// Gives what an authenticator is asked (WebAuthn): a passkey that knows whose it is, and that shows each time that whoever uses it may.
    /// Takes a login that has lately proved who uses it.
    #[oai(path = "/me/passkeys/challenge", method = "post", operation_id = "begin_passkey_registration")]
    async fn begin(&self, token: AccessToken, call: Call) -> Result<Answer<Ceremony>, Failed<BeginFailures>> {
        let passkeys = call.passkeys()?;
        call.must_have_proved(&token).await?;
        let Shown { username, display_name, .. } = Shown::find(&call.app, token.0.user).await?.ok_or(Code::Unauthorized)?;
        let username = username.unwrap_or_else(|| token.0.user.to_string());
        let display_name = display_name.unwrap_or_else(|| username.clone());
        Ok(passkeys.begin_registration(token.0, &username, &display_name).await?.ok_or_else(full)?.into())
    }

    /// Register a passkey
    ///
    /// Keeps what the authenticator has made. From now on it logs in by itself, and stands in for a code where there is a second factor.
    #[oai(path = "/me/passkeys", method = "post", operation_id = "register_passkey")]
    async fn register(&self, token: AccessToken, call: Call, body: Body<Registration>) -> Result<Registered, Failed<RegisterFailures>> {
        let Registration { ceremony, credential, name } = body.0;
        let name = name.as_deref().map(SessionName::parse).transpose()?;
        let answer = passkey::Answer { ceremony: &ceremony, credential: &credential };
        match call.passkeys()?.finish_registration(token.0, answer, name).await? {
            Registering::Kept(passkey) => Ok(Registered::Created(Json(Mine::from(*passkey)))),
            Registering::Wrong => {
                Err(Problem::with(Code::Forbidden, "this is no answer to a challenge of this login, or it came too late").into())
            }
            Registering::Known => Err(Problem::with(Code::Conflict, "it is registered already").into()),
            Registering::Full => Err(full().into()),
        }
    }

    /// Rename a passkey of mine
    ///
    /// What it is called in the list, and nowhere else.
    #[oai(path = "/me/passkeys/:passkey", method = "patch", operation_id = "rename_passkey")]
    async fn rename(
        &self,
        token: AccessToken,
        call: Call,
        /// The passkey.
        Path(passkey): Path<Uuid>,
        body: Body<Naming>,
    ) -> Result<Answer<Mine>, Failed<RenameFailures>> {
        let name = body.0.name.as_deref().map(SessionName::parse).transpose()?;
        let renamed = passkey::rename(&call.app.ports, token.0.user, passkey, name).await?.ok_or(Code::NotFound)?;
        Ok(Mine::from(renamed).into())
    }

    /// Remove a passkey of mine
    ///
    /// It proves nothing any more. Logins that were begun with it go on. Takes a login that has lately proved who uses it.
    #[oai(path = "/me/passkeys/:passkey", method = "delete", operation_id = "remove_passkey")]
    async fn remove(
        &self,
        token: AccessToken,
        call: Call,
        /// The passkey.
        Path(passkey): Path<Uuid>,
    ) -> Result<Done, Failed<RemoveFailures>> {
        call.must_have_proved(&token).await?;
        if call.app.ports.passkeys.remove(token.0.user, passkey).await? { Ok(Done::Done) } else { Err(Code::NotFound.into()) }
    }
}

fn full() -> Problem {
    Problem::with(Code::Conflict, format!("nobody has more than {MOST_PASSKEYS} passkeys: remove one first"))
}

impl Call {
    /// The passkeys, on behalf of this request.
    pub(super) fn passkeys(&self) -> Result<PasskeyLogins<'_>, ApiError> {
        let ports = &self.app.ports;
        let relying_party = ports.relying_party.as_deref();
        let relying_party = relying_party.ok_or_else(|| Problem::with(Code::Forbidden, "this service takes no passkeys"))?;
        Ok(PasskeyLogins { ports, relying_party })
    }

    /// Whether an assertion, which is used by that, shows a passkey of this user.
    pub(super) async fn shows_passkey(&self, user: UserId, assertion: &Assertion) -> Result<bool, ApiError> {
        Ok(self.passkeys()?.prove(assertion.answer()).await?.is_some_and(|passkey| passkey.user == user))
    }
}
