//! Stand-ins for the ports, in memory, and the people and events that the tests of this crate are about.

mod broker;
mod cursors;
pub(crate) mod events;
mod log;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::{DisplayName, MessageBody, Username};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{CommandId, Event, MessageId, Personal, ThreadId, UserId, UserPair};
use uuid::Uuid;

pub(crate) use self::broker::FakeBroker;
pub(crate) use self::cursors::FakeCursors;
pub(crate) use self::log::FakeLog;
use crate::codec;
use crate::port::broker::Run;
use crate::recorded::{Decoded, NewEvent, Position, Recorded, StreamId};

pub(crate) fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

pub(crate) fn pair(one: u128, other: u128) -> UserPair {
    UserPair::new(user(one), user(other)).unwrap()
}

pub(crate) fn direct(one: u128, other: u128) -> ThreadId {
    ThreadId::direct(pair(one, other))
}

pub(crate) fn registered(n: u128, username: &str) -> Event {
    let profile =
        Profile { username: Username::parse(username).unwrap(), display_name: DisplayName::parse(&username.to_uppercase()).unwrap() };
    UserEvent::Registered { user: user(n), content: profile.into() }.into()
}

pub(crate) fn requested(by: u128, of: u128) -> Event {
    FriendshipEvent::Requested { pair: pair(by, of), by: user(by) }.into()
}

pub(crate) fn accepted(by: u128, from: u128) -> Event {
    FriendshipEvent::Accepted { pair: pair(by, from), by: user(by) }.into()
}

pub(crate) fn opened(by: u128, with: u128) -> Event {
    ThreadEvent::Opened { thread: direct(by, with), pair: pair(by, with), by: user(by) }.into()
}

/// Somebody joins a thread. The domain has no such event yet; what matters here is who becomes a member with it.
pub(crate) fn joined(thread: ThreadId, by: u128, who: u128) -> Event {
    ThreadEvent::Opened { thread, pair: pair(by, who), by: user(by) }.into()
}

pub(crate) fn posted(message: u128, thread: ThreadId, by: u128, text: Option<&str>) -> Event {
    let content = text.map(|text| MessageContent::Text { text: MessageBody::parse(text).unwrap() });
    let message = MessageId::new(Uuid::from_u128(message));
    let author = user(by);
    MessageEvent::Posted { message, thread, author, reply_to: None, mentions: vec![], forwarded: None, content: Personal::from(content) }
        .into()
}

/// The event as the log would have it at this position.
pub(crate) fn recorded(position: u64, event: &Event) -> Recorded {
    let mut taken = taken(position, codec::encode(StreamId { category: event.category(), id: Uuid::nil() }, 1, event));
    // Streams of threads and messages have the name that is in their facts; nothing that is tested with this looks at others.
    let facts: serde_json::Value = serde_json::from_str(&taken.facts).unwrap();
    taken.stream.id = facts[event.category().as_str()].as_str().map_or(Uuid::nil(), |id| id.parse().unwrap());
    taken
}

/// Events as they are passed on.
pub(crate) fn run(events: &[Recorded]) -> Run {
    events.iter().cloned().map(Arc::new).collect()
}

/// The event as the log would have taken it at this position, from nobody.
fn taken(position: u64, new: NewEvent) -> Recorded {
    Recorded {
        position: Position(position),
        stream: new.stream,
        version: new.version,
        event_type: new.event_type,
        schema: new.schema,
        facts: new.facts,
        content: new.content,
        thread: new.thread,
        actor: None,
        command: CommandId::new(Uuid::from_u128(position.into())),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: Uuid::nil(),
        causation: None,
        at: at(position),
        hash: [0; 32],
        decoded: Decoded::default(),
    }
}

/// When that was.
pub(crate) fn at(position: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_700_000_000_000_000 + i64::try_from(position).unwrap()).unwrap()
}
