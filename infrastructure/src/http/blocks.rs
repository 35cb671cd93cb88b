use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::view::{self, FriendState, ViewName};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::profile::{self, Shown};

pub(super) struct Blocks;

/// Somebody whom one has blocked.
#[derive(Object)]
#[oai(example)]
struct Block {
    /// Who.
    user: Shown,
    /// The position of the block.
    since: u64,
    /// When that was.
    since_at: DateTime<Utc>,
}

impl Example for Block {
    fn example() -> Self {
        Self { user: profile::bob(), since: 19, since_at: example::noon() }
    }
}

impl From<view::Friend> for Block {
    fn from(view::Friend { person, since, since_at, .. }: view::Friend) -> Self {
        Self { user: person.into(), since: since.0, since_at }
    }
}

failures! { BlockFailures = BEARER COMMAND [404: "`not_found`: there is no such user."] }
failures! { UnblockFailures = BEARER COMMAND }
failures! { ListFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Friends")]
impl Blocks {
    /// Block somebody
    ///
    /// Hears nothing from them any more: no request, no message in your direct thread, no invitation. Ends a friendship, and whatever request
    /// stands between you. They are not told that they are blocked. Saying it again changes nothing.
    #[oai(path = "/blocks/:user", method = "put", operation_id = "block_user")]
    async fn block(
        &self,
        token: AccessToken,
        call: Call,
        /// Whom.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<BlockFailures>> {
        Ok(call.command(&token, key.0, Command::BlockUser { user: UserId::new(user.0) }).await?.into())
    }

    /// Unblock somebody
    ///
    /// Lifts one's own block; what was between the two before does not come back. Saying it again changes nothing.
    #[oai(path = "/blocks/:user", method = "delete", operation_id = "unblock_user")]
    async fn unblock(
        &self,
        token: AccessToken,
        call: Call,
        /// Whom.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<UnblockFailures>> {
        Ok(call.command(&token, key.0, Command::UnblockUser { user: UserId::new(user.0) }).await?.into())
    }

    /// List those whom I have blocked
    ///
    /// The latest first. Nobody else sees it.
    #[oai(path = "/blocks", method = "get", operation_id = "list_blocks")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Block>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        call.reached(&[ViewName::People], after.0).await?;
        let blocked = call.app.ports.views.friends(token.0.user, FriendState::Blocked, asked.page()).await?;
        Ok(Items::of(asked, blocked, |entry| entry.since, Block::from).into())
    }
}
