use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::view::{self, ViewName};
use posthaste_domain::MessageId;
use posthaste_domain::text::Emoji;
use uuid::Uuid;

use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::call::Call;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::{Tag, example};

pub(super) struct Reactions;

/// A reaction to a message.
#[derive(Object)]
#[oai(example)]
struct Reaction {
    /// Who reacted.
    user: Uuid,
    /// With what.
    emoji: String,
    /// Where it was recorded.
    position: u64,
    /// When it was recorded.
    at: DateTime<Utc>,
}

impl From<view::Reaction> for Reaction {
    fn from(reaction: view::Reaction) -> Self {
        Self { user: reaction.user.uuid(), emoji: reaction.emoji.into(), position: reaction.position.0, at: reaction.at }
    }
}

impl Example for Reaction {
    fn example() -> Self {
        Self { user: example::ALICE, emoji: "👍".to_owned(), position: 43, at: example::noon() }
    }
}

failures! {
    ReactFailures = BEARER COMMAND [
        404: "`not_found`: there is no such message, it was deleted, or it is not for you to see; which of it is not told.",
        409: "`conflict`: it has as many different reactions as it can have.",
    ]
}
failures! {
    UnreactFailures = BEARER COMMAND [
        404: "`not_found`: there is no such message, it was deleted, or it is not for you to see; which of it is not told.",
    ]
}
failures! {
    ListFailures = BEARER VIEW [404: "`not_found`: there is no such message, or it is not for you to see; which of the two is not told."]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Reactions {
    /// React to a message
    ///
    /// Once with each emoji; saying it again changes nothing.
    #[oai(path = "/messages/:message/reactions/:emoji", method = "put", operation_id = "react")]
    async fn react(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// With what: an emoji, percent-encoded.
        emoji: Path<String>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<ReactFailures>> {
        let command = Command::React { message: MessageId::new(message.0), emoji: Emoji::parse(&emoji.0)? };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Take a reaction back
    ///
    /// One's own. When there is none, nothing changes.
    #[oai(path = "/messages/:message/reactions/:emoji", method = "delete", operation_id = "unreact")]
    async fn unreact(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// Which one: an emoji, percent-encoded.
        emoji: Path<String>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<UnreactFailures>> {
        let command = Command::Unreact { message: MessageId::new(message.0), emoji: Emoji::parse(&emoji.0)? };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// List the reactions to a message
    ///
    /// The latest first. A message that was deleted has none.
    #[oai(path = "/messages/:message/reactions", method = "get", operation_id = "list_reactions")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// The `next` of the page before.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Reaction>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        let message = MessageId::new(message.0);
        let found = call.find(&token, message).await?;
        // A view that has not come as far would show what was taken back or deleted since.
        call.reached(&[ViewName::Timeline], after.0.max(Some(found.changed.0))).await?;
        let reactions = call.app.ports.views.reactions(message, asked.page()).await?;
        Ok(Items::of(asked, reactions, |reaction| reaction.position, Reaction::from).into())
    }
}
