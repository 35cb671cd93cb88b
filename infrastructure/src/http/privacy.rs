use poem_openapi::param::Header;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_domain::{User, user};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::problem::{Failed, failures};

pub(super) struct Privacy;

/// Whom somebody lets know of something. Never those who are in a block with them.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "user::Circle", rename_all = "snake_case")]
enum Circle {
    /// Everybody.
    Everyone,
    /// Friends.
    Friends,
    /// Nobody but oneself.
    Nobody,
}

/// What others may know of one's comings and goings.
#[derive(Object)]
#[oai(deny_unknown_fields, example, rename = "Privacy")]
struct Settings {
    /// Who may see whether one is online; with `nobody` one is invisible.
    presence: Circle,
    /// Who of those may see when one was online last.
    last_seen: Circle,
    /// Whether others are told what one has read.
    read_receipts: bool,
}

impl Example for Settings {
    fn example() -> Self {
        Self { presence: Circle::Friends, last_seen: Circle::Nobody, read_receipts: true }
    }
}

failures! { GetFailures = BEARER }
failures! { SetFailures = BODY BEARER COMMAND }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Privacy {
    /// Get my privacy
    ///
    /// What others may know of one's comings and goings: friends may, and read receipts are sent, until one says otherwise.
    #[oai(path = "/me/privacy", method = "get", operation_id = "get_privacy")]
    async fn get(&self, token: AccessToken, call: Call) -> Result<Answer<Settings>, Failed<GetFailures>> {
        let user::Privacy { presence, last_seen, read_receipts } = call.state::<User>(token.0.user).await?.privacy();
        Ok(Settings { presence: presence.into(), last_seen: last_seen.into(), read_receipts }.into())
    }

    /// Set my privacy
    ///
    /// All of it at once. Saying it again changes nothing.
    #[oai(path = "/me/privacy", method = "put", operation_id = "set_privacy")]
    async fn set(
        &self,
        token: AccessToken,
        call: Call,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<Settings>,
    ) -> Result<Answer<Recorded>, Failed<SetFailures>> {
        let Settings { presence, last_seen, read_receipts } = body.0;
        let command = Command::SetPrivacy { presence: presence.into(), last_seen: last_seen.into(), read_receipts };
        Ok(call.command(&token, key.0, command).await?.into())
    }
}
