use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use posthaste_application::execute::{Command, Executed};
use posthaste_application::view::{TimelineEntry, ViewName};
use posthaste_domain::ThreadId;
use posthaste_domain::message::MessageContent;
use posthaste_domain::text::MessageBody;
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::threads::admit;

pub(super) struct Messages;

/// The kinds of content.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "ContentKind", rename_all = "snake_case")]
enum Kind {
    /// Plain text.
    Text,
}

/// What a message says.
#[derive(Object)]
#[oai(rename = "MessageContent", deny_unknown_fields, example)]
struct Content {
    /// Which kind of content it is.
    kind: Kind,
    /// Of `text`: 1 to 8,000 characters after trimming.
    text: String,
}

impl Example for Content {
    fn example() -> Self {
        Self { kind: Kind::Text, text: "See you at eight.".to_owned() }
    }
}

/// A message to post.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewMessage {
    /// What it says.
    content: Content,
}

impl Example for NewMessage {
    fn example() -> Self {
        Self { content: Content::example() }
    }
}

/// A message that was posted.
#[derive(Object)]
#[oai(example)]
struct Posted {
    /// The message: the `Idempotency-Key`.
    id: Uuid,
    /// The thread it is in.
    thread: Uuid,
    /// Where it was recorded.
    position: u64,
}

impl Example for Posted {
    fn example() -> Self {
        Self { id: example::MESSAGE, thread: example::THREAD, position: 42 }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The message is recorded, and reaches every device of every member. A retry with the same key gets the same answer.
    #[oai(status = 201)]
    Created(Json<Posted>),
}

/// A message in its thread.
#[derive(Object)]
#[oai(example)]
struct Message {
    /// The message.
    id: Uuid,
    /// The thread it is in.
    thread: Uuid,
    /// Who wrote it.
    author: Uuid,
    /// Where it stands: the key of the list.
    position: u64,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// What it says; null when it was erased.
    content: Option<Content>,
}

impl Example for Message {
    fn example() -> Self {
        Self {
            id: example::MESSAGE,
            thread: example::THREAD,
            author: example::BOB,
            position: 42,
            at: example::noon(),
            content: Some(Content::example()),
        }
    }
}

impl From<TimelineEntry> for Message {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { position, message, thread, author, text, at } = entry;
        Self {
            id: message.uuid(),
            thread: thread.uuid(),
            author: author.uuid(),
            position: position.0,
            at,
            content: text.map(|text| Content { kind: Kind::Text, text }),
        }
    }
}

failures! {
    PostFailures = BODY BEARER COMMAND [
        403: "`not_member`: you are not in this thread, or there is none; `not_friends`: you are not friends with the other any more.",
        409: "`conflict`: another message has this id.",
    ]
}
failures! {
    HistoryFailures = BEARER VIEW [403: "`not_member`: you are not in this thread, or there is none; which of the two is not told."]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Messages {
    /// Post a message
    ///
    /// When this is answered, the message is stored durably. Its id is the `Idempotency-Key`.
    #[oai(path = "/threads/:thread/messages", method = "post", operation_id = "post_message")]
    async fn post(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The message's id: a UUID (best version 7), the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewMessage>,
    ) -> Result<Created, Failed<PostFailures>> {
        let NewMessage { content: Content { kind, text } } = body.0;
        let content = match kind {
            Kind::Text => MessageContent::Text { text: MessageBody::parse(&text)? },
        };
        let envelope = call.envelope(Some(token.0.user), key.0);
        let command = Command::PostMessage { thread: ThreadId::new(thread.0), content };
        let Executed { id, position, .. } = call.app.executor.execute(envelope, command).await?;
        Ok(Created::Created(Json(Posted { id, thread: thread.0, position: position.0 })))
    }

    /// Read a thread's messages
    ///
    /// The newest first. Only members may ask.
    #[oai(path = "/threads/:thread/messages", method = "get", operation_id = "list_messages")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// Only messages at positions below this one.
        before: Query<Option<u64>>,
        /// At most this many messages; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Message>>, Failed<HistoryFailures>> {
        let thread = ThreadId::new(thread.0);
        call.reached(&[ViewName::Members, ViewName::Timeline], after.0).await?;
        admit(&call, thread, token.0.user).await?;
        let asked = Asked::new(before.0, limit.0);
        let entries = call.app.ports.views.timeline(thread, asked.page()).await?;
        Ok(Items::of(asked, entries, |entry| entry.position, Message::from).into())
    }
}
