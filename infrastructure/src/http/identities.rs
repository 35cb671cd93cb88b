//! The accounts elsewhere that one logs in with.

use chrono::{DateTime, Utc};
use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::port::identities::{Identity, Leaving};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::IdentityId;
use uuid::Uuid;

use super::answer::{Answer, Done};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::page::Items;
use super::problem::{Failed, failures};
use super::sessions::worthless;
use super::{Tag, example};

pub(super) struct Identities;

/// An account elsewhere that one logs in with.
#[derive(Object)]
#[oai(example, rename = "Identity")]
struct Shown {
    /// Which.
    id: Uuid,
    /// The provider that vouches for it; null if it is none any more that can be logged in with.
    provider: Option<String>,
    /// The provider, as it calls itself.
    issuer: String,
    /// Since when it is linked.
    linked_at: DateTime<Utc>,
}

impl Example for Shown {
    fn example() -> Self {
        let (provider, issuer) = (Some("example".to_owned()), "https://login.example".to_owned());
        Self { id: example::IDENTITY, provider, issuer, linked_at: example::noon() }
    }
}

/// What a browser came back from a provider with.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Link {
    /// The code.
    code: String,
    /// What the challenge is the hash of that the browser was sent away with.
    verifier: String,
}

impl Example for Link {
    fn example() -> Self {
        Self { code: "5f0c…e19a".to_owned(), verifier: "dBjftJeZ4CVP…".to_owned() }
    }
}

failures! { ListFailures = BEARER }

failures! {
    LinkFailures = BEARER BODY [
        403: "`forbidden`: the code is unknown, used or run out, or was not asked for with this verifier; `step_up_required`: prove once more \
              who you are; `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: it is linked to somebody else.",
    ]
}

failures! {
    UnlinkFailures = BEARER [
        403: "`step_up_required`: prove once more who you are; `account_suspended`: the user of the token is suspended.",
        404: "`not_found`: there is no such identity of yours.",
        409: "`conflict`: there would be no way left to log in.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Identities {
    /// List my identities
    ///
    /// The accounts elsewhere that I log in with, the one that was linked first first.
    #[oai(path = "/me/identities", method = "get", operation_id = "list_identities")]
    async fn list(&self, token: AccessToken, call: Call) -> Result<Answer<Items<Shown>>, Failed<ListFailures>> {
        let identities = call.app.ports.identities.of_user(token.0.user).await?;
        Ok(Items::all(identities.into_iter().map(|identity| show(&call, identity)).collect()).into())
    }

    /// Link an identity
    ///
    /// From now on I can log in with this account elsewhere. The code is what a browser came back with from `/v1/oidc/{provider}/authorize`.
    /// Takes a login that has lately proved who uses it: by logging in, or by a step-up.
    #[oai(path = "/me/identities", method = "post", operation_id = "link_identity")]
    async fn link(&self, token: AccessToken, call: Call, body: Body<Link>) -> Result<Answer<Shown>, Failed<LinkFailures>> {
        call.must_have_proved(&token).await?;
        let (sign_ins, user) = (call.sign_ins(), token.0.user);
        // Not 401: the access token is good.
        let worthless = || Problem { code: Code::Forbidden, ..worthless().0 };
        let returned = sign_ins.redeem(&body.0.code, &body.0.verifier).await?.ok_or_else(worthless)?;
        let linked = sign_ins.link(&returned, user).await?.ok_or_else(|| Problem::new(Code::Unavailable).after(100))?;
        if linked != user {
            return Err(Problem::with(Code::Conflict, "it is linked to somebody else").into());
        }
        let found = call.app.ports.identities.find(&returned.issuer, &returned.vouched.subject).await?;
        let found = found.filter(|identity| identity.user == user).ok_or(Code::Conflict)?;
        Ok(show(&call, found).into())
    }

    /// Unlink an identity
    ///
    /// From now on I cannot log in with this account elsewhere. The last one stays as long as there is no password. No login ends by it. Takes a
    /// login that has lately proved who uses it.
    #[oai(path = "/me/identities/:identity", method = "delete", operation_id = "unlink_identity")]
    async fn unlink(
        &self,
        token: AccessToken,
        call: Call,
        /// The identity.
        identity: Path<Uuid>,
    ) -> Result<Done, Failed<UnlinkFailures>> {
        call.must_have_proved(&token).await?;
        let (ports, user, identity) = (&call.app.ports, token.0.user, IdentityId::new(identity.0));
        // A password can be changed and not be taken away, so what is seen here stays so.
        let has_password = ports.accounts.find(user).await?.is_some_and(|kept| kept.password_hash.is_some());
        let leaving = if has_password { Leaving::Any } else { Leaving::AnotherIdentity };
        if ports.identities.unlink(user, identity, leaving).await? {
            return Ok(Done::Done);
        }
        let theirs = ports.identities.of_user(user).await?.iter().any(|kept| kept.id == identity);
        if !theirs {
            return Err(Code::NotFound.into());
        }
        Err(Problem::with(Code::Conflict, "there would be no way left to log in: set a password first").into())
    }
}

fn show(call: &Call, identity: Identity) -> Shown {
    let provider = call.sign_ins().of_issuer(&identity.issuer).map(|provider| provider.id.clone());
    Shown { id: identity.id.uuid(), provider, issuer: identity.issuer, linked_at: identity.linked_at }
}
