use std::str::FromStr;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::dead::Letter;
use posthaste_application::port::PortError;
use posthaste_application::port::dead::{Consumer, DeadLetter};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_domain::operation::DeadLetterOperation;
use uuid::Uuid;

use super::events::LogEvent;
use crate::http::answer::{Answer, Recorded};
use crate::http::auth::{AdminToken, StaffToken};
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::page::{Asked, Items};
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::{Tag, example};

pub(in crate::http) struct DeadLetters;

/// An event that somebody who takes in the log cannot take, and behind which its stream is parked for them.
#[derive(Object)]
#[oai(example, rename = "DeadLetter")]
struct Parked {
    /// Who cannot take it: `view:<name>` or `webhook:<name>`.
    consumer: String,
    /// The stream, `<category>-<id>`.
    stream: String,
    /// The place of the event in the log.
    position: u64,
    /// What happened; null when what is stored cannot be read at all.
    #[oai(rename = "type")]
    event_type: Option<String>,
    /// Why it cannot be taken.
    reason: String,
    /// How often it was tried.
    tries: u32,
    /// When it was given up first.
    since: DateTime<Utc>,
    /// How many later events of the stream wait behind it.
    waiting: u64,
    /// When somebody asked to have it tried again, or dropped, and that was not done yet.
    asked_at: Option<DateTime<Utc>>,
}

impl Example for Parked {
    fn example() -> Self {
        Self {
            consumer: "webhook:crm".to_owned(),
            stream: format!("message-{}", example::MESSAGE),
            position: 77,
            event_type: Some("message.posted".to_owned()),
            reason: "answered 422".to_owned(),
            tries: 12,
            since: example::noon(),
            waiting: 2,
            asked_at: None,
        }
    }
}

impl Parked {
    fn of(letter: DeadLetter, event: Option<&LogEvent>) -> Self {
        let DeadLetter { consumer, stream, position, version: _, tries, reason, since, asked_at, waiting } = letter;
        let (consumer, stream, event_type) = (consumer.to_string(), stream.to_string(), event.map(|event| event.event_type.clone()));
        Self { consumer, stream, position: position.0, event_type, reason, tries, since, waiting, asked_at }
    }
}

/// A dead letter, with the event.
#[derive(Object)]
#[oai(example, rename = "DeadLetterInFull")]
struct InFull {
    /// Who cannot take what.
    letter: Parked,
    /// The event, as the log is explored; null when what is stored cannot be read at all.
    event: Option<LogEvent>,
}

impl Example for InFull {
    fn example() -> Self {
        Self { letter: Parked::example(), event: Some(LogEvent::example()) }
    }
}

/// Which event something is done about, so that it is the one that was looked at.
#[derive(Object)]
#[oai(deny_unknown_fields, example, rename = "ThisDeadLetter")]
struct This {
    /// Its place in the log, as the dead letter shows it.
    position: u64,
}

impl Example for This {
    fn example() -> Self {
        Self { position: 77 }
    }
}

failures! { ListFailures = BEARER STAFF }
failures! { GetFailures = BEARER STAFF }
failures! {
    ActFailures = BEARER ADMIN BODY COMMAND [
        404: "`not_found`: who asks is neither admin nor auditor, or the stream is not parked for this consumer; which of the two is not told.",
        409: "`conflict`: the stream is parked with another event by now. Nothing was recorded, unless somebody else was faster by a moment.",
    ]
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl DeadLetters {
    /// List dead letters
    ///
    /// The streams that are parked for a view or a webhook, each with the event that could not be taken, in the order of consumers and streams.
    #[oai(path = "/dead-letters", method = "get", operation_id = "list_dead_letters")]
    async fn list(
        &self,
        _staff: StaffToken,
        call: Call,
        /// Only of this consumer: `view:<name>` or `webhook:<name>`.
        consumer: Query<Option<String>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<Parked>>, Failed<ListFailures>> {
        let asked: Asked<(Consumer, StreamId)> = Asked::new(before.0, limit.0)?;
        let consumer = consumer.0.map(|name| read(&name, "`consumer` must be view:<name> or webhook:<name>")).transpose()?;
        let after = asked.before();
        let after = after.as_ref().map(|(consumer, stream)| (consumer, *stream));
        let letters = call.app.ports.dead.list(consumer.as_ref(), after, asked.limit()).await?;
        let mut parked = Vec::with_capacity(letters.len());
        for letter in letters {
            let key = (letter.consumer.clone(), letter.stream);
            let event = event(&call, letter.position).await?;
            parked.push((key, Parked::of(letter, event.as_ref())));
        }
        Ok(Items::of(asked, parked, |(key, _)| key.clone(), |(_, parked)| parked).into())
    }

    /// Get a dead letter
    ///
    /// With the event itself.
    #[oai(path = "/dead-letters/:consumer/:stream", method = "get", operation_id = "get_dead_letter")]
    async fn get(
        &self,
        _staff: StaffToken,
        call: Call,
        /// The consumer: `view:<name>` or `webhook:<name>`.
        consumer: Path<String>,
        /// The stream, `<category>-<id>`.
        stream: Path<String>,
    ) -> Result<Answer<InFull>, Failed<GetFailures>> {
        let (consumer, stream) = named(&consumer.0, &stream.0)?;
        let letter = call.app.ports.dead.one(&consumer, stream).await?.ok_or(Code::NotFound)?;
        let event = event(&call, letter.position).await?;
        Ok(InFull { letter: Parked::of(letter, event.as_ref()), event }.into())
    }

    /// Try a dead letter again
    ///
    /// It is recorded who asks for it, and then it is asked. A webhook is sent the event at once, and then what waits behind it, in the order of
    /// the log, before anything newer. A view is built anew beside the live one by a process with the role `projector`, and put in its place:
    /// that takes a while, and until then the letter has an `asked_at`. If it still cannot be taken, it is a dead letter again, with more
    /// `tries`. The same key does it again while the letter is there.
    #[oai(path = "/dead-letters/:consumer/:stream/retry", method = "post", operation_id = "retry_dead_letter")]
    async fn retry(
        &self,
        admin: AdminToken,
        call: Call,
        /// The consumer: `view:<name>` or `webhook:<name>`.
        consumer: Path<String>,
        /// The stream, `<category>-<id>`.
        stream: Path<String>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<This>,
    ) -> Result<Answer<Recorded>, Failed<ActFailures>> {
        let letter = letter(&consumer.0, &stream.0, body.0)?;
        Ok(call.perform(&admin, key.0, DeadLetterOperation::Retry, &letter).await?.into())
    }

    /// Drop a dead letter
    ///
    /// It is recorded who asks for it, and then the consumer does without this one event, for good; what waits behind it goes on. For a webhook
    /// that is so at once. A view is built anew without it, as when it is tried again, and whenever it is built after that. The log keeps
    /// the event, and so does everybody else.
    #[oai(path = "/dead-letters/:consumer/:stream/drop", method = "post", operation_id = "drop_dead_letter")]
    async fn give_up(
        &self,
        admin: AdminToken,
        call: Call,
        /// The consumer: `view:<name>` or `webhook:<name>`.
        consumer: Path<String>,
        /// The stream, `<category>-<id>`.
        stream: Path<String>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<This>,
    ) -> Result<Answer<Recorded>, Failed<ActFailures>> {
        let letter = letter(&consumer.0, &stream.0, body.0)?;
        Ok(call.perform(&admin, key.0, DeadLetterOperation::Drop, &letter).await?.into())
    }
}

fn read<T: FromStr>(name: &str, otherwise: &'static str) -> Result<T, ApiError> {
    name.parse().map_err(|_| Problem::with(Code::Validation, otherwise).into())
}

fn named(consumer: &str, stream: &str) -> Result<(Consumer, StreamId), ApiError> {
    let consumer = read(consumer, "a consumer is called view:<name> or webhook:<name>")?;
    Ok((consumer, read(stream, "a stream is called <category>-<id>")?))
}

fn letter(consumer: &str, stream: &str, This { position }: This) -> Result<Letter, ApiError> {
    let (consumer, stream) = named(consumer, stream)?;
    Ok(Letter { consumer, stream, position: Position(position) })
}

/// The event of a letter, unless what is stored is the very reason that it cannot be taken.
async fn event(call: &Call, position: Position) -> Result<Option<LogEvent>, ApiError> {
    match call.event(position).await {
        Ok(event) => Ok(event.map(|event| LogEvent::of(&event))),
        Err(PortError::Corrupt { .. } | PortError::Poison { .. }) => Ok(None),
        Err(error @ (PortError::Unavailable { .. } | PortError::Rejected { .. })) => Err(error.into()),
    }
}
