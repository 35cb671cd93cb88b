use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::{Command, Executed};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::view::{self, ViewName};
use posthaste_domain::{ThreadId, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{ApiError, Failed, failures};

pub(super) struct Threads;

/// An open thread.
#[derive(Object)]
#[oai(example)]
struct Opened {
    /// The thread.
    id: Uuid,
    /// The other user.
    user: Uuid,
    /// Where its opening was recorded.
    position: u64,
}

impl Example for Opened {
    fn example() -> Self {
        Self { id: example::THREAD, user: example::BOB, position: 18 }
    }
}

/// The newest message of a thread.
#[derive(Object)]
#[oai(example)]
struct LastMessage {
    /// Where it stands.
    position: u64,
    /// Who wrote it.
    author: Uuid,
    /// What it says; null when it was erased.
    text: Option<String>,
}

impl Example for LastMessage {
    fn example() -> Self {
        Self { position: 42, author: example::BOB, text: Some("See you at eight.".to_owned()) }
    }
}

/// A thread in one's list.
#[derive(Object)]
#[oai(example)]
struct Thread {
    /// The thread.
    id: Uuid,
    /// Its members.
    members: Vec<Uuid>,
    /// The position of its last event: the key of the list.
    activity: u64,
    /// When that was.
    active_at: DateTime<Utc>,
    /// Its newest message; null when there is none.
    last_message: Option<LastMessage>,
}

impl Example for Thread {
    fn example() -> Self {
        Self {
            id: example::THREAD,
            members: vec![example::ALICE, example::BOB],
            activity: 42,
            active_at: example::noon(),
            last_message: Some(LastMessage::example()),
        }
    }
}

impl From<view::ThreadSummary> for Thread {
    fn from(summary: view::ThreadSummary) -> Self {
        let view::ThreadSummary { thread, members, activity, active_at, last_message } = summary;
        Self {
            id: thread.uuid(),
            members: members.into_iter().map(UserId::uuid).collect(),
            activity: activity.0,
            active_at,
            last_message: last_message.map(|message| {
                let view::threads::LastMessage { position, author, text } = message;
                LastMessage { position: position.0, author: author.uuid(), text }
            }),
        }
    }
}

/// Somebody in a thread.
#[derive(Object)]
#[oai(example)]
struct Member {
    /// The user.
    user: Uuid,
    /// The position they joined at.
    joined: u64,
}

impl Example for Member {
    fn example() -> Self {
        Self { user: example::BOB, joined: 18 }
    }
}

failures! {
    OpenFailures = BEARER COMMAND [403: "`not_friends`: only friends can open a direct thread."]
}
failures! { ListFailures = BEARER VIEW }
failures! {
    MembersFailures = BEARER VIEW [403: "`not_member`: you are not in this thread, or there is none; which of the two is not told."]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Threads")]
impl Threads {
    /// Open the direct thread with a friend
    ///
    /// There is one for every two friends, whoever opens it first; opening it again finds it.
    #[oai(path = "/threads/direct/:user", method = "put", operation_id = "open_direct_thread")]
    async fn open_direct(
        &self,
        token: AccessToken,
        call: Call,
        /// The friend.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Opened>, Failed<OpenFailures>> {
        let envelope = call.envelope(Some(token.0.user), key.0);
        let command = Command::OpenDirect { with: UserId::new(user.0) };
        let Executed { id, position, .. } = call.app.executor.execute(envelope, command).await?;
        Ok(Opened { id, user: user.0, position: position.0 }.into())
    }

    /// List my threads
    ///
    /// The threads one is in, the latest activity first.
    #[oai(path = "/threads", method = "get", operation_id = "list_threads")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// Only entries whose key is below this one.
        before: Query<Option<u64>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Thread>>, Failed<ListFailures>> {
        call.reached(&[ViewName::Threads], after.0).await?;
        let asked = Asked::new(before.0, limit.0);
        let threads = call.app.ports.views.threads(token.0.user, asked.page()).await?;
        Ok(Items::of(asked, threads, |thread| thread.activity, Thread::from).into())
    }

    /// List the members of a thread
    ///
    /// Everybody who is in it, in the order of joining. Only members may ask.
    #[oai(path = "/threads/:thread/members", method = "get", operation_id = "list_members")]
    async fn members(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Member>>, Failed<MembersFailures>> {
        let thread = ThreadId::new(thread.0);
        call.reached(&[ViewName::Members], after.0).await?;
        admit(&call, thread, token.0.user).await?;
        let members = call.app.ports.views.members(thread).await?;
        let show = |member: view::Member| Member { user: member.user.uuid(), joined: member.joined.0 };
        Ok(Items::all(members.into_iter().map(show).collect()).into())
    }
}

/// Refuses whoever is not in the thread.
pub(super) async fn admit(call: &Call, thread: ThreadId, user: UserId) -> Result<(), ApiError> {
    let ports = &call.app.ports;
    if ports.views.member(thread, user).await?.is_some() {
        return Ok(());
    }
    // The view may only be late; whoever has just joined is not sent away.
    let memberships = ports.log.memberships(user).await?;
    if memberships.windows.iter().any(|window| window.thread == thread && window.until.is_none()) {
        return Ok(());
    }
    Err(Problem::new(Code::NotMember).into())
}
