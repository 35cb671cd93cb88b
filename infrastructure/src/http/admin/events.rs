use std::str::FromStr;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::audit::explore::{Exploration, show};
use posthaste_application::audit::filter::Filter;
use posthaste_application::codec::Undecodable;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::{Position, Recorded, StreamId};
use posthaste_domain::{Category, ThreadId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::answer::Answer;
use crate::http::auth::StaffToken;
use crate::http::call::Call;
use crate::http::page::{Asked, Items};
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::{Tag, example};

pub(in crate::http) struct Events;

/// An event of the log.
#[derive(Object)]
#[oai(example)]
pub(super) struct LogEvent {
    /// Its place in the log.
    position: u64,
    /// The event's own id, the same wherever it is seen.
    id: Uuid,
    /// What happened.
    #[oai(rename = "type")]
    pub(super) event_type: String,
    /// The version of the shape of `body`.
    v: u16,
    /// Its stream, `<category>-<id>`.
    stream: String,
    /// Its place in the stream, from 1.
    version: u64,
    /// The thread whose members received it.
    thread: Option<Uuid>,
    /// Who caused it; null is the server itself.
    actor: Option<Uuid>,
    /// When the log took it, by the log's clock. Orders nothing.
    at: DateTime<Utc>,
    /// The command that led to it; null where it would open a door.
    command: Option<Uuid>,
    /// Ties together what one request set off.
    correlation: Uuid,
    /// The link of the chain, in hexadecimal digits.
    hash: String,
    /// The facts, and under `content` what is personal, unless it was erased. An invitation by link is not told: whoever knows it can join.
    /// Null when what is stored cannot be read.
    body: Option<Value>,
    /// Why it cannot be read, if it cannot: somebody has touched the log, see `posthaste log verify`.
    unreadable: Option<String>,
}

impl Example for LogEvent {
    fn example() -> Self {
        Self {
            position: 77,
            id: example::FILE,
            event_type: "user.suspended".to_owned(),
            v: 1,
            stream: format!("user-{}", example::BOB),
            version: 4,
            thread: None,
            actor: Some(example::ALICE),
            at: example::noon(),
            command: Some(example::INVITE),
            correlation: example::MESSAGE,
            hash: "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a".to_owned(),
            body: Some(json!({ "user": example::BOB, "reason": "spam" })),
            unreadable: None,
        }
    }
}

impl LogEvent {
    /// One that cannot be read is shown as far as it can: it keeps nobody from seeing the others.
    pub(super) fn of(recorded: &Recorded) -> Self {
        let (body, command, unreadable) = match show(recorded) {
            Ok(shown) => (Some(shown.body), shown.command, None),
            Err(error) => (None, None, Some(in_full(&error))),
        };
        Self {
            position: recorded.position.0,
            id: recorded.id(),
            event_type: recorded.event_type.clone(),
            v: recorded.schema,
            stream: recorded.stream.to_string(),
            version: recorded.version,
            thread: recorded.thread.map(ThreadId::uuid),
            actor: recorded.actor.map(UserId::uuid),
            at: recorded.at,
            command: command.map(Into::into),
            correlation: recorded.correlation,
            hash: posthaste_application::hex::encode(&recorded.hash),
            body,
            unreadable,
        }
    }
}

fn in_full(error: &Undecodable) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}

failures! { ListFailures = BEARER STAFF }
failures! { GetFailures = BEARER STAFF }

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Events {
    /// Explore the log
    ///
    /// Events that fit everything that is asked, newest first: the same filters as of `posthaste log export`. A page may be short, or empty, and
    /// still not be the last, because only so many events are looked at for one: `next` says. What messages say is in it; secrets are not.
    #[oai(path = "/events", method = "get", operation_id = "list_events")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        _staff: StaffToken,
        call: Call,
        /// Of this category: `user`, `claim`, `friendship`, `thread`, `message`, `subscription` or `operation`.
        category: Query<Option<String>>,
        /// Of this stream, `<category>-<id>`. Quick, however long the log is.
        stream: Query<Option<String>>,
        /// In this thread: what happened to the thread, and what its members received.
        thread: Query<Option<Uuid>>,
        /// By this user.
        actor: Query<Option<Uuid>>,
        /// Of this type, such as `user.suspended`.
        #[oai(name = "type")]
        event_type: Query<Option<String>>,
        /// Recorded at or after this time.
        since: Query<Option<DateTime<Utc>>>,
        /// Recorded before this time.
        until: Query<Option<DateTime<Utc>>>,
        /// At or above this position.
        from: Query<Option<u64>>,
        /// At or below this position.
        to: Query<Option<u64>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<LogEvent>>, Failed<ListFailures>> {
        let asked: Asked = Asked::new(before.0, limit.0)?;
        let filter = Filter {
            categories: category.0.map(|name| of_category(&name)).transpose()?.into_iter().collect(),
            streams: stream.0.map(|name| of_stream(&name)).transpose()?.into_iter().collect(),
            threads: thread.0.map(ThreadId::new).into_iter().collect(),
            actors: actor.0.map(UserId::new).into_iter().collect(),
            types: event_type.0.into_iter().collect(),
            since: since.0,
            until: until.0,
        };
        let above = Position(from.0.unwrap_or_default().saturating_sub(1));
        let below = to.0.map(|to| Position(to.saturating_add(1)));
        let before = asked.before().map_or(below, |before| Some(below.map_or(before, |below| below.min(before))));
        let explored = Exploration { filter, above, before, limit: asked.limit() - 1 }.of(&*call.app.ports.log).await?;
        let events = explored.events.iter().map(LogEvent::of).collect();
        Ok(Items::going_on(events, explored.next).into())
    }

    /// Get an event
    ///
    /// By its place in the log, as it is shown among others.
    #[oai(path = "/events/:position", method = "get", operation_id = "get_event")]
    async fn get(
        &self,
        _staff: StaffToken,
        call: Call,
        /// Its place in the log.
        position: Path<u64>,
    ) -> Result<Answer<LogEvent>, Failed<GetFailures>> {
        Ok(LogEvent::of(&call.event(Position(position.0)).await?.ok_or(Code::NotFound)?).into())
    }
}

fn of_category(name: &str) -> Result<Category, ApiError> {
    Category::parse(name).ok_or_else(|| invalid("`category` is none of the log"))
}

fn of_stream(name: &str) -> Result<StreamId, ApiError> {
    StreamId::from_str(name).map_err(|_| invalid("`stream` must be <category>-<id>"))
}

fn invalid(detail: &'static str) -> ApiError {
    Problem::with(Code::Validation, detail).into()
}
