//! The stored form of every event, frozen: what is in a log today can be read for ever. A fixture is never edited; a new form is a new
//! schema version with a fixture of its own, and an upcast from the old one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "fixtures/events.rs"]
mod events;

use std::collections::BTreeSet;
use std::path::PathBuf;

use events::{Case, cases};
use posthaste_application::codec;
use posthaste_application::recorded::{NewEvent, Position, Recorded, StreamId};
use posthaste_domain::{Category, Event};
use posthaste_tests::drafts::taken;
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

fn fixture(name: &str) -> Fixture {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn encode(event: &Event) -> NewEvent {
    codec::encode(StreamId { category: event.category(), id: Uuid::nil() }, 1, event)
}

fn recorded(event: &NewEvent, fixture: &Fixture) -> Recorded {
    let content = fixture.content.clone().map(String::into_bytes);
    taken(Position(1), NewEvent { facts: fixture.facts.clone(), content, ..event.clone() })
}

#[test]
fn every_event_is_stored_as_its_fixture_says_and_read_back_from_it() {
    for Case { name, event } in cases() {
        let (encoded, fixture) = (encode(&event), fixture(&name));
        assert_eq!(encoded.facts, fixture.facts, "{name}");
        assert_eq!(encoded.content.as_deref().map(String::from_utf8_lossy).as_deref(), fixture.content.as_deref(), "{name}");
        assert_eq!(codec::decode(&recorded(&encoded, &fixture)).unwrap(), event);
    }
}

#[test]
fn every_event_type_has_a_fixture_and_every_fixture_a_type() {
    let cases = cases();
    let names: BTreeSet<_> = cases.iter().map(|case| format!("{}.json", case.name)).collect();
    let files: BTreeSet<_> = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, files);
    assert_eq!(names.len(), cases.len(), "no fixture is for two events");
    let named: BTreeSet<_> = cases.iter().map(|case| case.event.event_type()).collect();
    assert_eq!(named, Event::TYPES.iter().copied().collect(), "Event::TYPES names every event");
}

#[test]
fn the_newest_form_of_every_type_has_a_fixture_of_its_version() {
    for event_type in Event::TYPES {
        let newest = Event::newest_schema(event_type).unwrap();
        for schema in 1..=newest {
            let beginning = format!("{event_type}.v{schema}");
            let names: Vec<_> = cases().into_iter().map(|case| case.name).filter(|name| name.starts_with(&beginning)).collect();
            assert!(!names.is_empty(), "there is no fixture of {beginning}");
        }
    }
    for Case { name, event } in cases() {
        let newest = Event::newest_schema(event.event_type()).unwrap();
        assert_eq!(event.schema(), newest, "{name}: events are made in their newest form");
    }
    assert_eq!(Event::newest_schema("thread.of_tomorrow"), None);
}

#[test]
fn what_a_newer_version_recorded_is_told_from_what_is_corrupt() {
    for Case { name, event } in cases() {
        let (encoded, fixture) = (encode(&event), fixture(&name));
        let stored = recorded(&encoded, &fixture);
        let is_newer = |changed: Recorded| codec::decode(&changed).expect_err(&name).is_newer();
        assert!(
            is_newer(Recorded { schema: stored.schema + 1, ..stored.clone() }),
            "a newer form of {name}, even if it looks like the old"
        );
        let odd = "{\"what\":\"ever\"}".to_owned();
        assert!(is_newer(Recorded { schema: stored.schema + 1, facts: odd.clone(), ..stored.clone() }), "another form of {name}");
        assert!(is_newer(Recorded { event_type: format!("{}.of_tomorrow", event.category()), ..stored.clone() }));
        let category = Category::parse("tomorrow").unwrap();
        let elsewhere = StreamId { category, ..stored.stream };
        assert!(is_newer(Recorded { stream: elsewhere, event_type: "tomorrow.begun".to_owned(), ..stored.clone() }));
        assert!(!is_newer(Recorded { facts: odd, ..stored.clone() }), "{name} without its facts");
        assert!(!is_newer(Recorded { facts: "{".to_owned(), ..stored }), "{name}, torn");
    }
}

#[test]
fn every_event_type_is_its_category_and_one_word() {
    for Case { event, .. } in cases() {
        let (category, name) = event.event_type().split_once('.').unwrap();
        assert_eq!(category, event.category().as_str());
        assert!(!name.contains('.'), "a topic pattern of two words would miss {}", event.event_type());
    }
}

#[test]
fn erased_content_leaves_every_event_readable() {
    for Case { name, event } in cases() {
        let encoded = encode(&event);
        let erased = Fixture { content: None, ..fixture(&name) };
        let event = codec::decode(&recorded(&encoded, &erased)).unwrap();
        assert_eq!(event.audience().thread, encoded.thread, "{name}");
    }
}

#[test]
fn a_body_shows_the_stored_facts_and_content_as_they_are() {
    for Case { name, event } in cases() {
        let (encoded, fixture) = (encode(&event), fixture(&name));
        let body: serde_json::Value = serde_json::from_str(&codec::body(&recorded(&encoded, &fixture))).unwrap();
        let mut expected: serde_json::Value = serde_json::from_str(&fixture.facts).unwrap();
        if let Some(content) = &fixture.content {
            expected["content"] = serde_json::from_str(content).unwrap();
        }
        assert_eq!(body, expected);
    }
}
