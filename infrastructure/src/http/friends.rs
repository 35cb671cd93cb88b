use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::problem::Code;
use posthaste_application::view::{self, FriendState, ViewName};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Made, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::profile::{self, Shown};

pub(super) struct Friends;

/// Whom to ask.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct FriendRequest {
    /// The user.
    user: Uuid,
}

impl Example for FriendRequest {
    fn example() -> Self {
        Self { user: example::BOB }
    }
}

/// What somebody is to oneself.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case", rename = "FriendState")]
enum State {
    /// A friend.
    Friend,
    /// Asked, and waits for an answer.
    Received,
    /// Was asked, and has not answered.
    Sent,
}

impl From<State> for FriendState {
    fn from(state: State) -> Self {
        match state {
            State::Friend => Self::Friend,
            State::Received => Self::Received,
            State::Sent => Self::Sent,
        }
    }
}

/// Somebody in one's list.
#[derive(Object)]
#[oai(example)]
struct Friend {
    /// The friendship.
    id: Uuid,
    /// The other.
    user: Shown,
    /// What they are to oneself.
    state: State,
    /// The position of the last change.
    since: u64,
    /// When that was.
    since_at: DateTime<Utc>,
}

impl Example for Friend {
    fn example() -> Self {
        Self { id: example::FRIENDSHIP, user: profile::bob(), state: State::Friend, since: 17, since_at: example::noon() }
    }
}

impl Friend {
    fn new(view::Friend { friendship, person, since, since_at, .. }: view::Friend, state: State) -> Self {
        Self { id: friendship.uuid(), user: person.into(), state, since: since.0, since_at }
    }
}

failures! {
    RequestFailures = BODY BEARER COMMAND [
        403: "`blocked`: one of you has blocked the other.",
        404: "`not_found`: there is no such user.",
        409: "`conflict`: you are friends already.",
        429: "`rate_limited`: this user has declined you a short while ago; ask again later.",
    ]
}
failures! {
    AcceptFailures = BEARER COMMAND [
        403: "`forbidden`: it was you who asked; only the other can accept.",
        404: "`not_found`: this user has not asked.",
    ]
}
failures! { DropFailures = BEARER COMMAND [404: "`not_found`: no request stands between you."] }
failures! { EndFailures = BEARER COMMAND [403: "`not_friends`: you are not friends."] }
failures! { ListFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Friends")]
impl Friends {
    /// Ask somebody to be friends
    ///
    /// Asks once, however often it is sent. If the other has asked already, this is the answer, and you are friends. The `id` of the answer is
    /// the friendship's.
    #[oai(path = "/friend-requests", method = "post", operation_id = "request_friendship")]
    async fn request(
        &self,
        token: AccessToken,
        call: Call,
        /// A UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<FriendRequest>,
    ) -> Result<Made, Failed<RequestFailures>> {
        let FriendRequest { user } = body.0;
        Ok(call.command(&token, key.0, Command::RequestFriendship { user: UserId::new(user) }).await?.into())
    }

    /// Decline a friend request, or take it back
    ///
    /// Says no to what this user has asked, who cannot ask again for a while then; or, if it was you who asked, takes it back.
    #[oai(path = "/friend-requests/:user", method = "delete", operation_id = "drop_friend_request")]
    async fn drop_request(
        &self,
        token: AccessToken,
        call: Call,
        /// The other.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<DropFailures>> {
        let user = UserId::new(user.0);
        match call.command(&token, key.0, Command::DeclineFriendship { user }).await {
            Ok(executed) => Ok(executed.into()),
            // It was not for us to decline; or this is a retry, and it was not the first time either.
            Err(error) if matches!(error.0.code, Code::Forbidden | Code::CommandMismatch) => {
                Ok(call.command(&token, key.0, Command::CancelFriendship { user }).await?.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Accept a friend request
    ///
    /// Says yes to this user's request. Saying it again changes nothing.
    #[oai(path = "/friends/:user", method = "put", operation_id = "accept_friendship")]
    async fn accept(
        &self,
        token: AccessToken,
        call: Call,
        /// Who asked.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<AcceptFailures>> {
        Ok(call.command(&token, key.0, Command::AcceptFriendship { user: UserId::new(user.0) }).await?.into())
    }

    /// End a friendship
    ///
    /// Your direct thread stays, to be read; who may write in it is up to the service's policy.
    #[oai(path = "/friends/:user", method = "delete", operation_id = "end_friendship")]
    async fn end(
        &self,
        token: AccessToken,
        call: Call,
        /// The friend.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        Ok(call.command(&token, key.0, Command::EndFriendship { user: UserId::new(user.0) }).await?.into())
    }

    /// List friends or requests
    ///
    /// One's friends, the requests one has received, or those one has sent; the latest change first.
    #[oai(path = "/friends", method = "get", operation_id = "list_friends")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// Which of the three; friends when absent.
        state: Query<Option<State>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Friend>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        call.reached(&[ViewName::People], after.0).await?;
        let state = state.0.unwrap_or(State::Friend);
        let friends = call.app.ports.views.friends(token.0.user, state.into(), asked.page()).await?;
        Ok(Items::of(asked, friends, |friend| friend.since, |friend| Friend::new(friend, state)).into())
    }
}
