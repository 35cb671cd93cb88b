use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use posthaste_application::execute::{Command, Executed};
use posthaste_application::view::{self, FriendState, ViewName};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};

pub(super) struct Friends;

/// Whom to ask.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct FriendRequest {
    /// The user.
    to: Uuid,
}

impl Example for FriendRequest {
    fn example() -> Self {
        Self { to: example::BOB }
    }
}

/// What stands between two users now.
#[derive(Object)]
#[oai(example)]
struct Friendship {
    /// The friendship.
    id: Uuid,
    /// The other user.
    user: Uuid,
    /// Where it was recorded.
    position: u64,
}

impl Example for Friendship {
    fn example() -> Self {
        Self { id: example::FRIENDSHIP, user: example::BOB, position: 17 }
    }
}

#[derive(ApiResponse)]
enum Requested {
    /// Asked; or, if the other had asked already, friends now. A retry with the same key gets the same answer.
    #[oai(status = 201)]
    Created(Json<Friendship>),
}

/// What somebody is to oneself.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "FriendState", rename_all = "snake_case", rename = "FriendState")]
enum State {
    /// A friend.
    Friend,
    /// Asked, and waits for an answer.
    Received,
    /// Was asked, and has not answered.
    Sent,
}

/// Somebody in one's list.
#[derive(Object)]
#[oai(example)]
struct Friend {
    /// The friendship.
    id: Uuid,
    /// The other user.
    user: Uuid,
    /// The other's handle; null when it was erased.
    username: Option<String>,
    /// The other's name; null when it was erased.
    display_name: Option<String>,
    /// What they are to oneself.
    state: State,
    /// The position of the last change: the key of the list.
    since: u64,
    /// When that was.
    since_at: DateTime<Utc>,
}

impl Example for Friend {
    fn example() -> Self {
        Self {
            id: example::FRIENDSHIP,
            user: example::BOB,
            username: Some("bob".to_owned()),
            display_name: Some("Bob Birch".to_owned()),
            state: State::Friend,
            since: 17,
            since_at: example::noon(),
        }
    }
}

impl From<view::Friend> for Friend {
    fn from(friend: view::Friend) -> Self {
        let view::Friend { friendship, user, username, display_name, state, since, since_at } = friend;
        Self { id: friendship.uuid(), user: user.uuid(), username, display_name, state: state.into(), since: since.0, since_at }
    }
}

failures! {
    RequestFailures = BODY BEARER COMMAND [
        404: "`not_found`: there is no such user.",
        409: "`conflict`: you are friends already.",
    ]
}
failures! {
    AcceptFailures = BEARER COMMAND [
        403: "`forbidden`: it was you who asked; only the other can accept.",
        404: "`not_found`: this user has not asked.",
    ]
}
failures! { ListFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Friends")]
impl Friends {
    /// Ask somebody to be friends
    ///
    /// Asks once, however often it is sent. If the other has asked already, this is the answer, and you are friends.
    #[oai(path = "/friend-requests", method = "post", operation_id = "request_friendship")]
    async fn request(
        &self,
        token: AccessToken,
        call: Call,
        /// A UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<FriendRequest>,
    ) -> Result<Requested, Failed<RequestFailures>> {
        let FriendRequest { to } = body.0;
        let envelope = call.envelope(Some(token.0.user), key.0);
        let command = Command::RequestFriendship { to: UserId::new(to) };
        let Executed { id, position, .. } = call.app.executor.execute(envelope, command).await?;
        Ok(Requested::Created(Json(Friendship { id, user: to, position: position.0 })))
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
    ) -> Result<Answer<Friendship>, Failed<AcceptFailures>> {
        let envelope = call.envelope(Some(token.0.user), key.0);
        let command = Command::AcceptFriendship { from: UserId::new(user.0) };
        let Executed { id, position, .. } = call.app.executor.execute(envelope, command).await?;
        Ok(Friendship { id, user: user.0, position: position.0 }.into())
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
        /// Only entries whose key is below this one.
        before: Query<Option<u64>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Friend>>, Failed<ListFailures>> {
        call.reached(&[ViewName::Friends], after.0).await?;
        let asked = Asked::new(before.0, limit.0);
        let state = state.0.unwrap_or(State::Friend).into();
        let friends = call.app.ports.views.friends(token.0.user, state, asked.page()).await?;
        Ok(Items::of(asked, friends, |friend| friend.since, Friend::from).into())
    }
}
