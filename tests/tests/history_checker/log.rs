//! The log itself.

use std::path::PathBuf;

use posthaste_application::chain;
use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::{Head, Position};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{DeviceId, Event};
use posthaste_tests::history::{Connection, Entry, Violation};
use uuid::Uuid;

use super::good::{ALICE, BOB, CAROL, DESKTOP, LAPTOP, MESSAGES, PHONE, Run, TEXTS, command, link, of, posted, recorded, thread};

#[test]
fn a_position_that_is_missing_in_the_log_is_found() {
    let mut run = Run::good();
    run.log.remove(10);
    let (expected, found) = (Position(11), Position(12));
    assert_eq!(run.violations(), [Violation::Log(chain::Broken::Gap { expected, found })]);
}

#[test]
fn an_event_that_was_altered_in_the_log_is_found() {
    let mut run = Run::good();
    run.log[3].actor = None;
    assert_eq!(run.violations(), [Violation::Log(chain::Broken::Altered { position: Position(4) })]);
}

#[test]
fn a_log_that_ends_before_its_head_is_found() {
    let mut run = Run::good();
    let (end, head) = (Position(12), Position(13));
    run.head = Some(Head { position: head, hash: [0; 32] });
    assert_eq!(run.violations(), [Violation::Log(chain::Broken::Cut { end, head })]);
}

#[test]
fn an_event_of_a_type_that_the_checker_does_not_know_is_found() {
    let mut run = Run::good();
    run.log[10].event_type = "user.vanished".to_owned();
    link(&mut run.log);
    assert_eq!(run.violations(), [Violation::Unknown { position: Position(11), event_type: "user.vanished".to_owned() }]);
}

#[test]
fn a_command_that_is_recorded_twice_is_found() {
    let mut run = Run::good();
    let (_, stream, event) = posted(BOB, MESSAGES[3], TEXTS[3]);
    let mut again = recorded(Position(13), BOB, stream, &event);
    again.command = command(MESSAGES[3]);
    run.log.push(again);
    link(&mut run.log);
    assert_eq!(run.violations(), [Violation::RecordedTwice { command: command(MESSAGES[3]), first: MESSAGES[3], second: Position(13) }]);
}

#[test]
fn the_checker_knows_to_whom_every_event_is_owed() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    for event_type in Event::TYPES {
        let text = std::fs::read_to_string(folder.join(format!("{event_type}.v1.json"))).unwrap();
        let fixture: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut run = Run::good();
        let event = &mut run.log[11];
        (event_type.to_string()).clone_into(&mut event.event_type);
        fixture["facts"].as_str().unwrap().clone_into(&mut event.facts);
        event.content = fixture["content"].as_str().map(|content| content.as_bytes().to_vec());
        link(&mut run.log);
        let unknown = run.violations().into_iter().find(|violation| matches!(violation, Violation::Unknown { .. }));
        assert_eq!(unknown, None, "{event_type}");
    }
}

/// The good log, and at 13 and 14 what becomes of Carol in the thread, then a message.
fn with_carol(first: ThreadEvent, second: ThreadEvent) -> Run {
    let mut run = Run::good();
    for event in [first, second] {
        let position = Position(run.log.len() as u64 + 1);
        let (actor, stream, event) = of(ALICE, thread().uuid(), event.into());
        run.log.push(recorded(position, actor, stream, &event));
    }
    let (actor, stream, event) = posted(BOB, Position(15), "behind her back");
    run.log.push(recorded(Position(15), actor, stream, &event));
    link(&mut run.log);
    for device in [DESKTOP, PHONE, LAPTOP] {
        run.history.retain(|entry| !matches!(entry, Entry::Quiesced { device: other, .. } if *other == device));
    }
    run
}

#[test]
fn whoever_was_removed_is_owed_the_removal_and_nothing_after() {
    let (thread, by) = (thread(), ALICE);
    let added = || ThreadEvent::MembersAdded { thread, by, members: vec![CAROL] };
    let joined = || ThreadEvent::Joined { thread, user: CAROL, invite: None };
    let removals = [
        (added(), ThreadEvent::MemberRemoved { thread, by, user: CAROL }),
        (added(), ThreadEvent::Left { thread, user: CAROL }),
        (joined(), ThreadEvent::Banned { thread, by, user: CAROL, removed: true }),
    ];
    let device = Device { user: CAROL, device: DeviceId::new(Uuid::from_u128(0xc1)) };
    let connection = Connection(7);
    for (begins, ends) in removals {
        let seen = |positions: &[u64]| {
            let mut run = with_carol(begins.clone(), ends.clone());
            run.connect(device, connection, Position(4));
            run.push(device, connection, positions);
            run.record(Entry::Quiesced { device, position: Position(15) });
            run.violations()
        };
        assert_eq!(seen(&[13, 14]), [], "{ends:?}");
        assert_eq!(seen(&[13]), [Violation::Missed { device, position: Position(14) }], "{ends:?}");
        let after = seen(&[13, 14, 15]);
        assert!(after.contains(&Violation::NotOwed { device, connection, position: Position(15) }), "{ends:?}: {after:?}");
    }
}
