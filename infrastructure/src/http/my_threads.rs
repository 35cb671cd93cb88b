use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::view::{self, ThreadFilter, ThreadSummary, ViewName};
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::example;
use super::kinds::Look;
use super::page::{Asked, Items, SOUGHT_LEAST, looked_for};
use super::problem::{Failed, failures};
use super::profile::Shown;
use super::threads::{self, Thread};

pub(super) struct MyThreads;

/// The newest message of a thread.
#[derive(Object)]
#[oai(example)]
struct LastMessage {
    /// The message.
    id: Uuid,
    /// Where it stands.
    position: u64,
    /// Who wrote it.
    author: Uuid,
    /// Its words; null when it has none, or was deleted or erased.
    text: Option<String>,
    /// It was deleted.
    deleted: bool,
}

impl Example for LastMessage {
    fn example() -> Self {
        Self { id: example::MESSAGE, position: 42, author: example::BOB, text: Some("See you at eight.".to_owned()), deleted: false }
    }
}

impl From<view::LastMessage> for LastMessage {
    fn from(view::LastMessage { position, message, author, text, deleted }: view::LastMessage) -> Self {
        Self { id: message.uuid(), position: position.0, author: author.uuid(), text, deleted }
    }
}

/// A thread in one's list.
#[derive(Object)]
#[oai(example)]
struct ThreadEntry {
    /// The thread.
    thread: Thread,
    /// One wants no noise from it.
    muted: bool,
    /// One has put it out of sight.
    archived: bool,
    /// Everything up to this position one has read.
    read: u64,
    /// How many messages of others one has not read, up to 1,000.
    unread: u32,
    /// The position of its last message, of its beginning, or of one's joining, whichever is last.
    activity: u64,
    /// When that was.
    active_at: DateTime<Utc>,
    /// Its newest message; null when there is none that one may see.
    last_message: Option<LastMessage>,
}

impl Example for ThreadEntry {
    fn example() -> Self {
        Self {
            thread: threads::between_alice_and_bob(),
            muted: false,
            archived: false,
            read: 40,
            unread: 1,
            activity: 42,
            active_at: example::noon(),
            last_message: Some(LastMessage::example()),
        }
    }
}

impl From<ThreadSummary> for ThreadEntry {
    fn from(summary: ThreadSummary) -> Self {
        let Look { title, description, avatar } = summary.appearance.into();
        let thread = Thread {
            id: summary.thread.uuid(),
            kind: summary.kind.into(),
            role: Some(summary.role.into()),
            peer: summary.peer.map(Shown::from),
            title,
            description,
            avatar,
            visibility: summary.visibility.into(),
            history: summary.history.into(),
            has_passcode: summary.has_passcode,
            members: u64::from(summary.members),
            revision: summary.revision,
        };
        Self {
            thread,
            muted: summary.muted,
            archived: summary.archived,
            read: summary.read.0,
            unread: summary.unread,
            activity: summary.activity.0,
            active_at: summary.active_at,
            last_message: summary.last_message.map(LastMessage::from),
        }
    }
}

/// A channel that everybody can find.
#[derive(Object)]
#[oai(example)]
struct PublicThread {
    /// The thread.
    id: Uuid,
    /// What it is called; null when it was erased.
    title: Option<String>,
    /// What it is about; null when nobody has said.
    description: Option<String>,
    /// Its picture, a file; null when it has none.
    avatar: Option<Uuid>,
    /// Whether joining takes a passcode.
    has_passcode: bool,
    /// How many members it has.
    members: u64,
    /// The position of its creation.
    created: u64,
}

impl Example for PublicThread {
    fn example() -> Self {
        Self {
            id: example::GROUP,
            title: Some("Trail conditions".to_owned()),
            description: Some("What is open, and what is under snow.".to_owned()),
            avatar: None,
            has_passcode: false,
            members: 1_204,
            created: 30,
        }
    }
}

impl From<view::PublicThread> for PublicThread {
    fn from(view::PublicThread { thread, appearance, members, has_passcode, created }: view::PublicThread) -> Self {
        let Look { title, description, avatar } = appearance.into();
        Self { id: thread.uuid(), title, description, avatar, has_passcode, members: u64::from(members), created: created.0 }
    }
}

failures! { ListFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Threads")]
impl MyThreads {
    /// List my threads
    ///
    /// The threads one is in, the latest activity first.
    #[oai(path = "/threads", method = "get", operation_id = "list_threads")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// Only those whose title, or whose peer's username or display name, has this in it, in any case: 1 to 64 characters.
        q: Query<Option<String>>,
        /// Only those that are archived, or that are not; all when absent.
        archived: Query<Option<bool>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<ThreadEntry>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        let matching = q.0.map(|q| looked_for("q", &q, 1)).transpose()?;
        let filter = ThreadFilter { archived: archived.0, matching };
        call.reached(&ViewName::ALL, after.0).await?;
        let threads = call.app.ports.views.threads(token.0.user, &filter, asked.page()).await?;
        Ok(Items::of(asked, threads, |thread| thread.activity, ThreadEntry::from).into())
    }

    /// Discover public channels
    ///
    /// The newest first. Anybody can join them; see `has_passcode`.
    #[oai(path = "/threads/public", method = "get", operation_id = "discover_threads")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn discover(
        &self,
        _token: AccessToken,
        call: Call,
        /// Only those whose title has this in it, in any case: 3 to 64 characters.
        q: Query<Option<String>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<PublicThread>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        let matching = q.0.map(|q| looked_for("q", &q, SOUGHT_LEAST)).transpose()?;
        call.reached(&[ViewName::Threads], after.0).await?;
        let threads = call.app.ports.views.discover(matching.as_deref(), asked.page()).await?;
        Ok(Items::of(asked, threads, |thread| thread.created, PublicThread::from).into())
    }
}
