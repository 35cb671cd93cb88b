use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::view::ViewName;
use posthaste_domain::{MessageId, ThreadId};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::call::Call;
use super::entry::Message;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};

pub(super) struct Pins;

/// A pinned message.
#[derive(Object)]
#[oai(example)]
struct Pin {
    /// Where it was pinned.
    pinned_at: u64,
    /// The message.
    message: Message,
}

impl Example for Pin {
    fn example() -> Self {
        Self { pinned_at: 44, message: Message::example() }
    }
}

failures! {
    PinFailures = BEARER COMMAND [
        403: "`not_member`: you may know of this thread, and are not in it; `forbidden`: your role does not allow it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or the message is not in it, was deleted, or is not for you to \
              see. Which of it is not told.",
        409: "`conflict`: it has as many pinned messages as it can have.",
    ]
}
failures! {
    UnpinFailures = BEARER COMMAND [
        403: "`not_member`: you may know of this thread, and are not in it; `forbidden`: your role does not allow it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or the message is not in it, or is not for you to see. Which of \
              it is not told.",
    ]
}
failures! { ListFailures = BEARER MEMBER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Pins {
    /// List the pinned messages of a thread
    ///
    /// The latest pin first, up to 50. Only members may ask.
    #[oai(path = "/threads/:thread/pins", method = "get", operation_id = "list_pins")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The `next` of the page before.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Pin>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        let thread = ThreadId::new(thread.0);
        call.reached(&[ViewName::Threads, ViewName::Timeline], after.0).await?;
        call.admit(&token, thread).await?;
        let pins = call.app.ports.views.pins(token.0.user, thread, asked.page()).await?;
        let pins = pins.into_iter().filter_map(|(at, entry)| Message::of(entry).map(|message| (at, message))).collect();
        Ok(Items::of(asked, pins, |(at, _)| *at, |(at, message)| Pin { pinned_at: at.0, message }).into())
    }

    /// Pin a message
    ///
    /// For everybody in the thread. Pinning it again changes nothing.
    #[oai(path = "/threads/:thread/pins/:message", method = "put", operation_id = "pin_message")]
    async fn pin(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The message.
        message: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<PinFailures>> {
        let command = Command::PinMessage { thread: ThreadId::new(thread.0), message: MessageId::new(message.0) };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Unpin a message
    ///
    /// When it is not pinned, nothing changes.
    #[oai(path = "/threads/:thread/pins/:message", method = "delete", operation_id = "unpin_message")]
    async fn unpin(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The message.
        message: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<UnpinFailures>> {
        let command = Command::UnpinMessage { thread: ThreadId::new(thread.0), message: MessageId::new(message.0) };
        Ok(call.command(&token, key.0, command).await?.into())
    }
}
