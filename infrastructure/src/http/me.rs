use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::Code;
use posthaste_domain::User;
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::problem::{Failed, failures};
use super::profile::Shown;

pub(super) struct Me;

/// Oneself.
#[derive(Object)]
#[oai(example, rename = "Me")]
struct Myself {
    /// The user.
    id: Uuid,
    /// The unique handle; null when it was erased.
    username: Option<String>,
    /// The name beside it; null when it was erased.
    display_name: Option<String>,
    /// Only its owner sees it.
    email: String,
    /// Whether what is sent there reaches them, as they have shown with a link from a mail.
    email_verified: bool,
    /// The position of the last event of the log: where a device that wants no history can start.
    head: u64,
}

impl Example for Myself {
    fn example() -> Self {
        let Shown { id, username, display_name } = Shown::example();
        Self { id, username, display_name, email: "alice@example.com".to_owned(), email_verified: true, head: 3 }
    }
}

failures! { MeFailures = BEARER }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Me {
    /// Get myself
    ///
    /// The user of the access token, with what only they may see.
    #[oai(path = "/me", method = "get", operation_id = "get_me")]
    async fn get(&self, token: AccessToken, call: Call) -> Result<Answer<Myself>, Failed<MeFailures>> {
        let user = token.0.user;
        let ports = &call.app.ports;
        // A token of somebody who is not there is from another log: logging in again settles it.
        let Shown { id, username, display_name } = Shown::find(&call.app, user).await?.ok_or(Code::Unauthorized)?;
        let credentials = ports.accounts.find(user).await?.ok_or(Code::Unauthorized)?;
        let email_verified = call.state::<User>(user).await?.has_verified_email();
        let head = ports.log.head().await?.position.0;
        Ok(Myself { id, username, display_name, email: credentials.email.into(), email_verified, head }.into())
    }
}
