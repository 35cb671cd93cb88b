use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use poem_openapi::param::{Header, Path};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::execute::{Command, Loaded};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{CommandId, Event, Friendship, FriendshipId, Thread, ThreadId, User, UserId, UserPair};
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::problem::{ApiError, Failed, failures};

/// Users who are looked at at the same time.
const AT_ONCE: usize = 16;

pub(super) struct Additions;

/// Whom to add.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewMembers {
    /// 1 to 1,000 users.
    #[oai(validator(min_items = 1, max_items = 1000))]
    users: Vec<Uuid>,
}

impl Example for NewMembers {
    fn example() -> Self {
        Self { users: vec![example::BOB] }
    }
}

/// What became of one of those who were to be added.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum AdditionResult {
    /// They were added by this.
    Added,
    /// They were in the thread before.
    AlreadyMember,
    /// They were not added.
    Refused,
}

/// Why somebody was not added.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum AdditionRefusal {
    /// They are banned from the thread.
    Banned,
    /// They have blocked you, or you them.
    Blocked,
    /// There is no such user.
    UnknownUser,
    /// The thread has all the members it can have.
    Full,
}

/// One of those who were to be added.
#[derive(Object)]
#[oai(example)]
struct Addition {
    /// Who.
    user: Uuid,
    /// What became of it.
    result: AdditionResult,
    /// What stands in the way now, of those who were refused; null for all others, and when nothing does any more.
    reason: Option<AdditionRefusal>,
}

impl Example for Addition {
    fn example() -> Self {
        Self { user: example::BOB, result: AdditionResult::Added, reason: None }
    }
}

/// What became of all of them.
#[derive(Object)]
#[oai(example)]
struct AddedMembers {
    /// The thread.
    id: Uuid,
    /// Where it was recorded, or by what it held already. A query takes it as `after`.
    position: u64,
    /// Each of them once, in the order they were named.
    users: Vec<Addition>,
}

impl Example for AddedMembers {
    fn example() -> Self {
        Self { id: example::GROUP, position: 43, users: vec![Addition::example()] }
    }
}

failures! {
    AddFailures = BODY BEARER COMMAND ROLE [
        409: "`conflict`: nobody of them can be added.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Members")]
impl Additions {
    /// Add members
    ///
    /// Up to 1,000 users at once, as one event. Takes the owner or an admin. Who cannot be added is left out, and told so for each: who was
    /// added is the same on every retry, why the others were not is as it is now. If all of them are members already, nothing is recorded.
    #[oai(path = "/threads/:thread/members", method = "post", operation_id = "add_members")]
    async fn add(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewMembers>,
    ) -> Result<Answer<AddedMembers>, Failed<AddFailures>> {
        let NewMembers { users } = body.0;
        let (thread, users) = (ThreadId::new(thread.0), users.into_iter().map(UserId::new).collect::<Vec<_>>());
        // The event is told by its command from another that says the same.
        let key = key.0.unwrap_or_else(|| call.app.ports.ids.next());
        let executed = call.command(&token, Some(key), Command::AddMembers { thread, users: users.clone() }).await?;
        let recorded = call.recorded(executed.position).await?;
        let added = match recorded.event()?.clone() {
            Event::Thread(ThreadEvent::MembersAdded { members, .. }) if recorded.command == CommandId::new(key) => members,
            Event::User(_)
            | Event::Claim(_)
            | Event::Friendship(_)
            | Event::Thread(_)
            | Event::Message(_)
            | Event::Subscription(_)
            | Event::Operation(_) => Vec::new(),
        };
        let results = Results { call: &call, actor: token.0.user, thread: call.state(thread).await?, added: added.into_iter().collect() };
        let mut named = HashSet::new();
        let each = users.into_iter().filter(|user| named.insert(*user)).map(|user| results.of(user));
        let users = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        Ok(AddedMembers { id: thread.uuid(), position: executed.position.0, users }.into())
    }
}

/// What is known when the members are added.
struct Results<'a> {
    call: &'a Call,
    actor: UserId,
    /// As it is now.
    thread: Arc<Loaded<Thread>>,
    added: HashSet<UserId>,
}

impl Results<'_> {
    /// What became of one of them.
    async fn of(&self, user: UserId) -> Result<Addition, ApiError> {
        let (result, reason) = if self.added.contains(&user) {
            (AdditionResult::Added, None)
        } else if self.thread.state.has_member(user) {
            (AdditionResult::AlreadyMember, None)
        } else {
            (AdditionResult::Refused, self.refusal(user).await?)
        };
        Ok(Addition { user: user.uuid(), result, reason })
    }

    /// What stands in the way of adding somebody.
    async fn refusal(&self, user: UserId) -> Result<Option<AdditionRefusal>, ApiError> {
        if self.call.state::<User>(user).await?.state.registered().is_err() {
            return Ok(Some(AdditionRefusal::UnknownUser));
        }
        if let Ok(pair) = UserPair::new(self.actor, user)
            && self.call.state::<Friendship>(FriendshipId::between(pair)).await?.is_blocked()
        {
            return Ok(Some(AdditionRefusal::Blocked));
        }
        Ok(match &self.thread.state {
            Thread::Shared(thread) if thread.has_banned(user) => Some(AdditionRefusal::Banned),
            Thread::Shared(thread) if thread.is_full() => Some(AdditionRefusal::Full),
            Thread::Unopened | Thread::Direct(_) | Thread::Shared(_) | Thread::Deleted => None,
        })
    }
}
