//! The socket's document: committed, valid, and as complete as it claims to be. `UPDATE_SNAPSHOTS=1` writes the committed one anew. That it is
//! true is seen by every test that uses a socket: see `posthaste_tests::contract`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use posthaste_application::deliver::Push;
use posthaste_application::problem::Code;
use posthaste_application::recorded::{NewEvent, Position, Recorded, StreamId};
use posthaste_domain::{Event, ThreadId, UserId};
use posthaste_tests::contract::{Side, document, judge};
use posthaste_tests::drafts::taken;
use serde_json::{Value, json};
use uuid::Uuid;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.json");
const PROSE: &str = include_str!("../../docs/PROTOCOL.md");

/// The components of this prefix, without it.
fn components(prefix: &str) -> BTreeSet<&'static str> {
    let schemas = document()["components"]["schemas"].as_object().unwrap();
    schemas.keys().filter_map(|name| name.strip_prefix(prefix)).collect()
}

/// Calls back for every value in the document, with its path.
fn visit(value: &Value, path: &str, seen: &mut impl FnMut(&str, &Value)) {
    seen(path, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| visit(member, &format!("{path}/{name}"), seen)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| visit(item, &format!("{path}/{n}"), seen)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every recorded event of the fixtures, with and without its content.
fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let fixture: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (event_type, version) = path.file_stem().unwrap().to_str().unwrap().rsplit_once(".v").unwrap();
        // A second fixture of one shape has a name of its own after the version.
        let version = version.split('.').next().unwrap();
        let category = serde_json::from_value(event_type.split_once('.').unwrap().0.into()).unwrap();
        let content = fixture["content"].as_str().map(|content| content.as_bytes().to_vec());
        let new = NewEvent {
            stream: StreamId { category, id: Uuid::nil() },
            version: 1,
            event_type: event_type.to_owned(),
            schema: version.parse().unwrap(),
            facts: fixture["facts"].as_str().unwrap().to_owned(),
            content,
            owner: None,
            thread: Some(ThreadId::new(Uuid::nil())),
            addressees: Vec::new(),
        };
        let event = Recorded { actor: Some(UserId::new(Uuid::nil())), ..taken(Position(2), new) };
        found.push(Recorded { content: None, thread: None, actor: None, ..event.clone() });
        found.push(event);
    }
    found
}

fn ev(recorded: &Recorded) -> Value {
    serde_json::from_str(&Push::new(recorded).unwrap().frame(Position(1))).unwrap()
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let served = posthaste_infrastructure::ws::document();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|update| update == "1") {
        std::fs::write(Path::new(COMMITTED), &served).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let difference = served.lines().zip(committed.lines()).enumerate().find(|(_, (served, committed))| served != committed);
    assert!(served == committed, "docs/asyncapi.json is out of date (UPDATE_SNAPSHOTS=1 writes it), first at {difference:?}");
}

#[test]
fn it_is_an_asyncapi_document() {
    let rules: Value = serde_json::from_str(include_str!("../fixtures/asyncapi/3.0.0.json")).unwrap();
    let rules = jsonschema::draft7::new(&rules).unwrap();
    let breaches: Vec<_> = rules
        .iter_errors(document())
        .map(|error| format!("{}: {}", error.instance_path(), error.to_string().chars().take(300).collect::<String>()))
        .collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
    // And the rules are not empty.
    let mut broken = document().clone();
    broken["components"]["schemas"]["server.live"]["type"] = json!("thing");
    assert!(!rules.is_valid(&broken));
}

#[test]
fn every_reference_leads_somewhere() {
    let mut references = 0;
    visit(document(), "", &mut |path, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            assert!(document().pointer(reference.strip_prefix('#').unwrap()).is_some(), "{path} refers to {reference}");
        }
    });
    assert!(references > 50, "{references}");
}

#[test]
fn every_frame_event_operation_and_field_says_what_it_is() {
    let mut fields = 0;
    visit(&document()["components"], "", &mut |path, value| {
        let is_message = path.starts_with("/messages/") && path.matches('/').count() == 2;
        if is_message {
            assert!(value["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
        }
        for (name, field) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // Constants say what they are, and `body` of an event is the event.
            let is_tag = field.get("const").is_some();
            fields += 1;
            assert!(is_tag || field["description"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {name}");
        }
    });
    for side in ["client.", "server."] {
        for name in components(side) {
            let description = &document()["components"]["schemas"][format!("{side}{name}")]["description"];
            assert!(description.as_str().is_some_and(|text| !text.is_empty()), "{side}{name}");
        }
    }
    assert!(fields > 100, "{fields}");
}

#[test]
fn every_event_type_is_described() {
    assert_eq!(components("server.ev."), Event::TYPES.iter().copied().collect());
}

#[test]
fn every_event_is_sent_as_it_is_described() {
    let recorded = recorded();
    for recorded in &recorded {
        judge(Side::Server, &ev(recorded)).unwrap();
    }
    let seen: BTreeSet<_> = recorded.iter().map(|recorded| recorded.event_type.as_str()).collect();
    assert_eq!(seen, Event::TYPES.iter().copied().collect());
}

#[test]
fn every_error_code_is_described() {
    let listed = document()["channels"]["socket"]["x-error-codes"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().map(|code| code["code"].as_str().unwrap()).collect();
    assert_eq!(listed, Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
    for code in listed {
        let err = json!({ "t": "err", "code": code, "title": "no", "retry": "never" });
        judge(Side::Server, &err).unwrap();
    }
}

#[test]
fn the_prose_names_every_frame_operation_and_close_code() {
    for name in components("client.cmd.").iter().chain(&components("client.")).chain(&components("server.")) {
        // Events, and operations under their frame, have a table of their own; so have the parts that both sides see differently.
        let is_frame = !name.contains('.') && name.starts_with(char::is_lowercase);
        let is_operation = components("client.cmd.").contains(name);
        if is_frame || is_operation {
            assert!(PROSE.contains(&format!("| `{name}` |")), "docs/PROTOCOL.md does not name {name}");
        }
    }
    let closes = document()["channels"]["socket"]["x-close-codes"].as_array().unwrap();
    assert!(closes.len() > 10, "{closes:?}");
    for close in closes {
        let (code, name) = (&close["code"], close["name"].as_str().unwrap());
        let row = PROSE.lines().find(|line| line.starts_with(&format!("| {code} |")));
        assert!(row.is_some_and(|row| row.contains(name)), "docs/PROTOCOL.md does not name {code} {name}");
        judge(Side::Server, &json!({ "t": "err", "code": name, "title": "no", "retry": close["retry"] })).unwrap();
    }
}

#[test]
fn what_the_server_sends_is_closed_at_every_depth() {
    let mut closed = 0;
    let seen_by_clients = |path: &str| !path.starts_with("/client.");
    visit(&document()["components"]["schemas"], "", &mut |path, value| {
        if seen_by_clients(path) && value.get("properties").is_some_and(Value::is_object) && !path.ends_with("/properties") {
            closed += 1;
            assert_eq!(value["additionalProperties"], false, "{path}");
            for combined in ["allOf", "anyOf", "oneOf", "$ref"] {
                assert!(value.get(combined).is_none(), "{path} cannot be closed beside {combined}");
            }
        }
    });
    assert!(closed > 15, "{closed}");
    // And so is the body of every command.
    for op in components("client.cmd.") {
        if let Some(body) = document()["components"]["schemas"][format!("client.cmd.{op}")].pointer("/properties/body") {
            assert_eq!(body["additionalProperties"], false, "{op}");
        }
    }

    let event = ev(&recorded().into_iter().find(|event| event.event_type == "message.posted" && event.content.is_some()).unwrap());
    judge(Side::Server, &event).unwrap();
    for place in ["", "/body", "/body/content"] {
        let mut event = event.clone();
        event.pointer_mut(place).unwrap()["surprise"] = json!(1);
        assert!(judge(Side::Server, &event).is_err(), "{place}");
    }
}

#[test]
fn a_frame_of_the_server_that_is_not_as_described_is_refused() {
    let live = |position: Value| json!({ "t": "live", "position": position });
    judge(Side::Server, &live(json!(7))).unwrap();
    let event = ev(&recorded().into_iter().find(|event| event.event_type == "message.posted").unwrap());
    let with = |field: &str, value: Value| {
        let mut event = event.clone();
        event[field] = value;
        event
    };
    let without = |field: &str| {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove(field);
        event
    };
    for bad in [
        json!({}),
        json!({ "t": "dance" }),
        json!({ "t": "hello", "device": Uuid::nil() }),
        live(json!(-1)),
        live(json!("7")),
        json!({ "t": "live", "pos": 7 }),
        json!({ "t": "live", "position": 7, "more": true }),
        json!({ "t": "err", "code": "oops", "title": "no", "retry": "never" }),
        json!({ "t": "err", "code": "internal", "title": "no", "retry": "maybe" }),
        with("type", json!("message.exploded")),
        with("v", json!(2)),
        with("at", json!("yesterday")),
        with("id", json!("7")),
        with("body", json!({})),
        with("thread", Value::Null),
        without("prev"),
        without("key"),
        without("body"),
    ] {
        assert!(judge(Side::Server, &bad).is_err(), "{bad}");
    }
}

#[test]
fn a_client_may_send_fields_that_are_not_known_but_not_in_the_body_of_a_command() {
    let thread = Uuid::nil();
    let cmd = |op: &str, body: Value| json!({ "t": "cmd", "id": 1, "key": Uuid::nil(), "op": op, "body": body, "new": true });
    let content = json!({ "kind": "text", "text": "hello" });
    for good in [
        json!({ "t": "bye", "new": true }),
        json!({ "t": "ack", "position": 7, "new": true }),
        json!({ "t": "hello", "device": thread, "token": "a", "cursor": null, "new": { "much": 1 } }),
        cmd("message.post", json!({ "thread": thread, "content": content })),
        cmd("thread.update", json!({ "thread": thread, "description": null, "passcode": "open sesame" })),
        json!({ "t": "read", "id": 1, "thread": thread, "upto": 7 }),
    ] {
        judge(Side::Client, &good).unwrap();
    }
    for bad in [
        json!({ "t": "dance" }),
        json!({ "t": "live", "position": 7 }),
        json!({ "t": "ack" }),
        json!({ "t": "hello", "token": "a" }),
        json!({ "t": "hello", "device": thread }),
        json!({ "t": "hello", "device": thread, "token": "a", "ticket": "b" }),
        cmd("message.explode", json!({})),
        // Becoming a user takes no token, and reading has a frame of its own.
        cmd("user.register", json!({})),
        cmd("subscription.read", json!({ "thread": thread, "upto": 7 })),
        json!({ "t": "read", "id": 1, "thread": thread }),
        cmd("message.post", json!({})),
        cmd("message.post", json!({ "thread": "kitchen", "content": content })),
        cmd("message.post", json!({ "thread": thread, "content": content, "silent": true })),
        cmd("message.post", json!({ "thread": thread, "content": { "kind": "text", "text": "hello", "bold": true } })),
    ] {
        assert!(judge(Side::Client, &bad).is_err(), "{bad}");
    }
}
