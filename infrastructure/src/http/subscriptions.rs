use poem_openapi::param::{Header, Path};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::recorded::Position;
use posthaste_domain::ThreadId;
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::problem::{Failed, failures};

pub(super) struct Subscriptions;

/// How far somebody has read.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct ReadMarker {
    /// A position of the log: everything in the thread up to here, inclusive, is read.
    upto: u64,
}

impl Example for ReadMarker {
    fn example() -> Self {
        Self { upto: 42 }
    }
}

failures! { ReadFailures = BODY BEARER MEMBER }
failures! { KeepFailures = BEARER COMMAND MEMBER }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Threads")]
impl Subscriptions {
    /// Mark a thread as read
    ///
    /// Everything up to a position is read, on all of one's devices. It never goes back: a lower position than before changes nothing. A
    /// position that the log has not reached is a `validation` problem. What comes in a burst is gathered for a moment, so this needs no
    /// `Idempotency-Key`: the same position again changes nothing.
    #[oai(path = "/threads/:thread/read", method = "put", operation_id = "read_thread")]
    async fn read(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        body: Body<ReadMarker>,
    ) -> Result<Answer<Recorded>, Failed<ReadFailures>> {
        Ok(call.read(&token, ThreadId::new(thread.0), Position(body.0.upto)).await?.into())
    }

    /// Mute a thread
    ///
    /// Wants no noise from it. Only oneself sees it; messages still come. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/mute", method = "put", operation_id = "mute_thread")]
    async fn mute(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<KeepFailures>> {
        Ok(call.command(&token, key.0, Command::MuteThread { thread: ThreadId::new(thread.0) }).await?.into())
    }

    /// Unmute a thread
    ///
    /// Wants to hear of it again. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/mute", method = "delete", operation_id = "unmute_thread")]
    async fn unmute(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<KeepFailures>> {
        Ok(call.command(&token, key.0, Command::UnmuteThread { thread: ThreadId::new(thread.0) }).await?.into())
    }

    /// Archive a thread
    ///
    /// Puts it out of sight. Only oneself sees it; messages still come. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/archive", method = "put", operation_id = "archive_thread")]
    async fn archive(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<KeepFailures>> {
        Ok(call.command(&token, key.0, Command::ArchiveThread { thread: ThreadId::new(thread.0) }).await?.into())
    }

    /// Take a thread out of the archive
    ///
    /// Brings it back into sight. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/archive", method = "delete", operation_id = "unarchive_thread")]
    async fn unarchive(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<KeepFailures>> {
        Ok(call.command(&token, key.0, Command::UnarchiveThread { thread: ThreadId::new(thread.0) }).await?.into())
    }
}
