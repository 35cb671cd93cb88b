use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::problem::Code;
use posthaste_application::recorded::StreamId;
use posthaste_application::view::ViewName;
use posthaste_domain::message::MessageEvent;
use posthaste_domain::{Category, Event, MessageId, ThreadId, UserId};
use uuid::Uuid;

use super::answer::{Answer, Changed, Made, Recorded, Tagged};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::content::Content;
use super::entry::Message;
use super::problem::{Failed, failures};
use super::{Tag, example, revision};

pub(super) struct Messages;

/// A message to post.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewMessage {
    /// What it says.
    content: Content,
    /// The message of the same thread that it answers.
    reply_to: Option<Uuid>,
    /// Who is mentioned, up to 50; nobody when absent.
    mentions: Option<Vec<Uuid>>,
}

impl Example for NewMessage {
    fn example() -> Self {
        Self { content: Content::example(), reply_to: Some(example::QUOTED), mentions: Some(vec![example::ALICE]) }
    }
}

/// What a message says from now on.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct MessageChanges {
    /// What it says.
    content: Content,
    /// Who is mentioned, up to 50; nobody when absent.
    mentions: Option<Vec<Uuid>>,
}

impl Example for MessageChanges {
    fn example() -> Self {
        Self { content: Content::example(), mentions: None }
    }
}

/// A message to forward.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewForward {
    /// The message, of a thread you are in.
    message: Uuid,
}

impl Example for NewForward {
    fn example() -> Self {
        Self { message: example::QUOTED }
    }
}

/// Messages to delete together.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewMessageDeletion {
    /// 1 to 100 messages of the thread.
    messages: Vec<Uuid>,
}

impl Example for NewMessageDeletion {
    fn example() -> Self {
        Self { messages: vec![example::MESSAGE, example::QUOTED] }
    }
}

fn users(users: Option<Vec<Uuid>>) -> Vec<UserId> {
    users.unwrap_or_default().into_iter().map(UserId::new).collect()
}

failures! {
    PostFailures = BODY BEARER COMMAND [
        403: "`not_member`: you may know of this thread, and are not in it; `forbidden`: your role does not allow it; `not_friends`, `blocked`: \
              you and the other of a direct thread cannot write to each other.",
        404: "`not_found`: there is no such thread, or none that you may know of; or the message that is answered or forwarded is not there for \
              you. Which of it is not told.",
        409: "`conflict`: another message has this id.",
    ]
}
failures! {
    BulkFailures = BODY BEARER COMMAND [
        403: "`not_member`: you may know of this thread, and are not in it; `forbidden`: one of the messages is not yours, and your role does not \
              allow it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or some of the messages are not there for you: `detail` lists \
              them. Nothing was deleted.",
    ]
}
failures! {
    GetFailures = BEARER VIEW [404: "`not_found`: there is no such message, or it is not for you to see; which of the two is not told."]
}
failures! {
    EditFailures = BODY BEARER COMMAND [
        403: "`forbidden`: it is not your message, or your role does not allow it any more; `not_friends`, `blocked`: you and the other of a \
              direct thread cannot write to each other.",
        404: "`not_found`: there is no such message, it was deleted, or it is not for you to see; which of it is not told.",
        409: "`version_conflict`: it was edited since you looked; look again.",
    ]
}
failures! {
    DeleteFailures = BEARER COMMAND [
        403: "`forbidden`: it is not your message, and your role does not allow it.",
        404: "`not_found`: there is no such message, or it is not for you to see; which of the two is not told.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Messages {
    /// Post a message
    ///
    /// When this is answered, the message is stored durably, and reaches every device of every member. Its id is the `Idempotency-Key`.
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
    ) -> Result<Made, Failed<PostFailures>> {
        let NewMessage { content, reply_to, mentions } = body.0;
        let command = Command::PostMessage {
            thread: ThreadId::new(thread.0),
            content: content.read()?,
            reply_to: reply_to.map(MessageId::new),
            mentions: users(mentions),
        };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Forward a message
    ///
    /// Posts what another message says, and who wrote that; not in which thread. The new message's id is the `Idempotency-Key`.
    #[oai(path = "/threads/:thread/forwards", method = "post", operation_id = "forward_message")]
    async fn forward(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread it is posted into.
        thread: Path<Uuid>,
        /// The new message's id: a UUID (best version 7), the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewForward>,
    ) -> Result<Made, Failed<PostFailures>> {
        let command = Command::ForwardMessage { thread: ThreadId::new(thread.0), message: MessageId::new(body.0.message) };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Delete messages
    ///
    /// All of them, or none: one's own, or as the thread's owner or admin.
    #[oai(path = "/threads/:thread/message-deletions", method = "post", operation_id = "delete_messages")]
    async fn delete_many(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewMessageDeletion>,
    ) -> Result<Answer<Recorded>, Failed<BulkFailures>> {
        let messages = body.0.messages.into_iter().map(MessageId::new).collect();
        let command = Command::DeleteMessages { thread: ThreadId::new(thread.0), messages };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Get a message
    ///
    /// As it is now. One that was deleted is there still, and says nothing.
    #[oai(path = "/messages/:message", method = "get", operation_id = "get_message")]
    async fn get(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Tagged<Message>, Failed<GetFailures>> {
        let message = MessageId::new(message.0);
        let found = call.find(&token, message).await?;
        // A view that has not come as far would show what was edited or deleted since.
        call.reached(&[ViewName::Threads, ViewName::Timeline], after.0.max(Some(found.changed.0))).await?;
        let entry = call.app.ports.views.message(token.0.user, message).await?;
        let message = entry.and_then(Message::of).ok_or(Code::NotFound)?;
        let revision = message.revision();
        Ok(Tagged::new(message, revision))
    }

    /// Edit a message
    ///
    /// One's own. With `If-Match`, only if it was not edited since one looked. What it said before is seen by nobody but auditors.
    #[oai(path = "/messages/:message", method = "patch", operation_id = "edit_message")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn edit(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// The `ETag` it must have; any when absent.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<MessageChanges>,
    ) -> Result<Tagged<Changed>, Failed<EditFailures>> {
        let MessageChanges { content, mentions } = body.0;
        let message = MessageId::new(message.0);
        let (content, mentions, revision) = (content.read()?, users(mentions), revision::expected(if_match.0)?);
        let executed = call.command(&token, key.0, Command::EditMessage { message, content, mentions, revision }).await?;
        let stream = StreamId { category: Category::Message, id: message.uuid() };
        Ok(call.changed(executed, stream, written_revision).await?)
    }

    /// Delete a message
    ///
    /// One's own, or as the thread's owner or admin. What it said is gone from every read, search and quote. Deleting it again changes nothing.
    #[oai(path = "/messages/:message", method = "delete", operation_id = "delete_message")]
    async fn delete(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<DeleteFailures>> {
        Ok(call.command(&token, key.0, Command::DeleteMessage { message: MessageId::new(message.0) }).await?.into())
    }
}

/// The revision that a message has after an event, if it says one.
fn written_revision(event: &Event) -> Option<u32> {
    if let Event::Message(MessageEvent::Edited { revision, .. }) = event { Some(*revision) } else { None }
}
