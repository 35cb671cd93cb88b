//! The stored form of every event, frozen: what is in a log today can be read for ever. A fixture is never edited; a new form is a new
//! schema version with a fixture of its own, and an upcast from the old one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use posthaste_application::codec;
use posthaste_application::recorded::{NewEvent, Position, Recorded, StreamId};
use posthaste_domain::claim::ClaimEvent;
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::{DisplayName, MessageBody, Username};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{ClaimId, CommandId, Event, MessageId, Personal, ThreadId, UserId, UserPair};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Debug, Deserialize)]
struct Fixture {
    facts: String,
    content: Option<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

fn fixture(event: &Event) -> Fixture {
    let path = folder().join(format!("{}.v{}.json", event.event_type(), event.schema()));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn events() -> Vec<Event> {
    let [alice, bob] = [1, 2].map(|n| UserId::new(Uuid::from_u128(n)));
    let pair = UserPair::new(alice, bob).unwrap();
    let profile = Profile { username: Username::parse("alice").unwrap(), display_name: DisplayName::parse("Alice").unwrap() };
    let content = MessageContent::Text { text: MessageBody::parse("hello \"Bob\" 🎈").unwrap() };
    let (thread, message) = (ThreadId::direct(pair), MessageId::new(Uuid::from_u128(7)));
    vec![
        UserEvent::Registered { user: alice, content: Personal::Known(profile) }.into(),
        ClaimEvent::Taken { claim: ClaimId::new(Uuid::from_u128(9)), by: alice }.into(),
        FriendshipEvent::Requested { pair, by: alice }.into(),
        FriendshipEvent::Accepted { pair, by: bob }.into(),
        ThreadEvent::Opened { thread, pair, by: alice }.into(),
        MessageEvent::Posted { message, thread, author: alice, content: Personal::Known(content) }.into(),
    ]
}

fn encode(event: &Event) -> NewEvent {
    codec::encode(StreamId { category: event.category(), id: Uuid::nil() }, 1, event)
}

fn recorded(event: &NewEvent, fixture: &Fixture) -> Recorded {
    Recorded {
        position: Position(1),
        stream: event.stream,
        version: event.version,
        event_type: event.event_type.clone(),
        schema: event.schema,
        facts: fixture.facts.clone(),
        content: fixture.content.clone().map(String::into_bytes),
        thread: event.thread,
        actor: None,
        command: CommandId::new(Uuid::nil()),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: Uuid::nil(),
        causation: None,
        at: chrono::DateTime::UNIX_EPOCH,
        hash: [0; 32],
    }
}

#[test]
fn every_event_is_stored_as_its_fixture_says_and_read_back_from_it() {
    for event in events() {
        let (encoded, fixture) = (encode(&event), fixture(&event));
        assert_eq!(encoded.facts, fixture.facts, "{}", event.event_type());
        assert_eq!(
            encoded.content.as_deref().map(String::from_utf8_lossy).as_deref(),
            fixture.content.as_deref(),
            "{}",
            event.event_type()
        );
        assert_eq!(codec::decode(&recorded(&encoded, &fixture)).unwrap(), event);
    }
}

#[test]
fn every_event_type_has_a_fixture_and_every_fixture_a_type() {
    let types: BTreeSet<_> = events().iter().map(|event| format!("{}.v{}.json", event.event_type(), event.schema())).collect();
    let files: BTreeSet<_> = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(types, files);
    let named: BTreeSet<_> = events().iter().map(Event::event_type).collect();
    assert_eq!(named, Event::TYPES.into_iter().collect(), "Event::TYPES names every event");
}

#[test]
fn every_event_type_is_its_category_and_one_word() {
    for event in events() {
        let (category, name) = event.event_type().split_once('.').unwrap();
        assert_eq!(category, event.category().as_str());
        assert!(!name.contains('.'), "a topic pattern of two words would miss {}", event.event_type());
    }
}

#[test]
fn erased_content_leaves_every_event_readable() {
    for event in events() {
        let encoded = encode(&event);
        let erased = Fixture { content: None, ..fixture(&event) };
        let event = codec::decode(&recorded(&encoded, &erased)).unwrap();
        assert_eq!(event.audience().thread, encoded.thread, "{}", event.event_type());
    }
}

#[test]
fn a_body_shows_the_stored_facts_and_content_as_they_are() {
    for event in events() {
        let (encoded, fixture) = (encode(&event), fixture(&event));
        let body: serde_json::Value = serde_json::from_str(&codec::body(&recorded(&encoded, &fixture))).unwrap();
        let mut expected: serde_json::Value = serde_json::from_str(&fixture.facts).unwrap();
        if let Some(content) = &fixture.content {
            expected["content"] = serde_json::from_str(content).unwrap();
        }
        assert_eq!(body, expected);
    }
}
