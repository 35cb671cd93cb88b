//! Between events and their stored bytes. Facts and personal content are stored apart.

mod parts;
mod stored;

use posthaste_domain::{Addressee, Category, Event};

use self::stored::Stored;
use crate::content::sealed::NotSealed;
use crate::recorded::{NewEvent, Recorded, StreamId};

/// Stored bytes that are not an event this program knows: written by a newer one, or corrupt.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} ({event_type} v{schema}) cannot be read")]
pub struct Undecodable {
    /// Where it stands.
    pub position: u64,
    /// Its type as stored.
    pub event_type: String,
    /// Its schema version as stored.
    pub schema: u16,
    /// What is wrong with it.
    #[source]
    pub source: Unknown,
}

/// What keeps this program from reading an event.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// Its category, its type, or the version of its form: whoever recorded it is newer.
    #[error("it was recorded by a newer version of this program")]
    Newer,
    /// It should be known, and makes no sense.
    #[error("it is corrupt")]
    Corrupt(#[source] serde_json::Error),
}

impl Undecodable {
    pub(crate) fn new(recorded: &Recorded, source: serde_json::Error) -> Self {
        Self::because(recorded, Unknown::Corrupt(source))
    }

    fn because(recorded: &Recorded, source: Unknown) -> Self {
        Self { position: recorded.position.0, event_type: recorded.event_type.clone(), schema: recorded.schema, source }
    }

    /// Whether a newer program can read it. If not, it is corrupt.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        matches!(self.source, Unknown::Newer)
    }
}

const CONTENT: &str = "content";

/// The stored form of an event that becomes this version of its stream.
#[must_use]
pub fn encode(stream: StreamId, version: u64, event: &Event) -> NewEvent {
    let (facts, content) = match event {
        Event::User(event) => parts::of(event),
        Event::Claim(event) => parts::of(event),
        Event::Friendship(event) => parts::of(event),
        Event::Thread(event) => parts::of(event),
        Event::Message(event) => parts::of(event),
        Event::Subscription(event) => parts::of(event),
        Event::Operation(event) => parts::of(event),
    }
    .expect("every event is a variant with fields");
    let audience = event.audience();
    NewEvent {
        stream,
        version,
        event_type: event.event_type().to_owned(),
        schema: event.schema(),
        facts,
        content,
        owner: event.owner(),
        thread: audience.thread,
        addressees: audience.users,
    }
}

/// What a recorded event says.
///
/// # Errors
/// [`Undecodable`], with the position.
pub fn decode(recorded: &Recorded) -> Result<Event, Undecodable> {
    if recorded.is_tampered() {
        return Err(Undecodable::new(recorded, serde::de::Error::custom(NotSealed)));
    }
    read(recorded, recorded.content())
}

/// The users whom a recorded event names. Its facts alone tell, so it does not matter whether its content can be read.
///
/// # Errors
/// [`Undecodable`], with the position.
pub fn addressees(recorded: &Recorded) -> Result<Vec<Addressee>, Undecodable> {
    Ok(read(recorded, None)?.audience().users)
}

/// What a recorded event says, or would say if its newer form were the one this program knows: so it is while forms only gain fields.
pub(crate) fn guess(recorded: &Recorded) -> Result<Event, Undecodable> {
    decode(recorded).or_else(|error| match parse(recorded, recorded.content()) {
        Ok(event) if error.is_newer() => Ok(event),
        Ok(_) | Err(_) => Err(error),
    })
}

fn read(recorded: &Recorded, content: Option<&[u8]>) -> Result<Event, Undecodable> {
    let unknown = match parse(recorded, content) {
        Ok(event) if event.schema() >= recorded.schema => return Ok(event),
        Ok(_) => Unknown::Newer,
        Err(error) => error,
    };
    let newest = Event::newest_schema(&recorded.event_type);
    let newer = newest.is_none_or(|newest| newest < recorded.schema);
    Err(Undecodable::because(recorded, if newer { Unknown::Newer } else { unknown }))
}

fn parse(recorded: &Recorded, content: Option<&[u8]>) -> Result<Event, Unknown> {
    let stored = Stored { event_type: &recorded.event_type, facts: &recorded.facts, content };
    match recorded.stream.category {
        Category::User => stored.read().map(Event::User),
        Category::Claim => stored.read().map(Event::Claim),
        Category::Friendship => stored.read().map(Event::Friendship),
        Category::Thread => stored.read().map(Event::Thread),
        Category::Message => stored.read().map(Event::Message),
        Category::Subscription => stored.read().map(Event::Subscription),
        Category::Operation => stored.read().map(Event::Operation),
        Category::Other(_) => return Err(Unknown::Newer),
    }
    .map_err(Unknown::Corrupt)
}

/// The body of an event as clients see it: the facts, and the content under its own key, unless it was erased. Joined as text, so the
/// stored bytes are what is shown.
#[must_use]
pub fn body(recorded: &Recorded) -> String {
    let facts = recorded.facts.trim_end();
    let Some(content) = recorded.content().and_then(|content| std::str::from_utf8(content).ok()) else {
        return facts.to_owned();
    };
    let open = facts.strip_suffix('}').unwrap_or(facts);
    let comma = if open.trim_end().ends_with('{') { "" } else { "," };
    format!("{open}{comma}\"{CONTENT}\":{content}}}")
}
