//! What arrived.

use posthaste_application::recorded::Position;
use posthaste_domain::MessageId;
use posthaste_domain::message::MessageEvent;
use posthaste_tests::history::{Connection, Entry, Pushed, Violation};
use uuid::Uuid;

use super::good::{ALICE, DESKTOP, DESKTOPS, FIRST, LAPTOP, LAPTOPS, PHONE, Run, SECOND, command, link, recorded, thread};

#[test]
fn an_event_that_never_arrives_is_found_although_no_hole_shows() {
    let mut run = Run::good();
    run.leave_out(LAPTOPS, 9);
    assert_eq!(run.violations(), [Violation::Missed { device: LAPTOP, position: Position(9) }]);
}

#[test]
fn the_last_event_that_never_arrives_is_found() {
    let mut run = Run::good();
    run.leave_out(DESKTOPS, 12);
    assert_eq!(run.violations(), [Violation::Missed { device: DESKTOP, position: Position(12) }]);
}

#[test]
fn a_device_that_has_not_come_to_rest_misses_nothing_yet() {
    let mut run = Run::good();
    run.leave_out(DESKTOPS, 12);
    run.history.retain(|entry| !matches!(entry, Entry::Quiesced { device, .. } if *device == DESKTOP));
    assert_eq!(run.violations(), []);
}

#[test]
fn an_event_that_is_left_out_on_one_connection_is_found_although_it_arrived_on_another() {
    let mut run = Run::good();
    run.leave_out(SECOND, 9);
    assert_eq!(run.violations(), [Violation::Skipped { device: PHONE, connection: SECOND, position: Position(9) }]);
}

#[test]
fn an_event_for_somebody_else_is_found() {
    let mut run = Run::good();
    run.push(PHONE, SECOND, &[11]);
    let index = run.history.len() - 1;
    let mut stray = run.history.remove(index);
    if let Entry::Pushed { event, .. } = &mut stray {
        event.prev = Position(10);
    }
    run.pushed(SECOND, 12).prev = Position(11);
    let before = run.index_of_push(SECOND, 12);
    run.history.insert(before, stray);
    assert_eq!(run.violations(), [Violation::NotOwed { device: PHONE, connection: SECOND, position: Position(11) }]);
}

#[test]
fn an_event_from_before_somebody_was_a_member_is_found() {
    let mut run = Run::good();
    // The thread is opened only after the first message.
    let (mut opened, mut posted) = (run.log[6].clone(), run.log[7].clone());
    (opened.position, posted.position) = (posted.position, opened.position);
    (run.log[6], run.log[7]) = (posted, opened);
    link(&mut run.log);
    let early: Vec<_> = run.violations().into_iter().filter(|violation| matches!(violation, Violation::NotOwed { .. })).collect();
    let not_owed = |device, connection| Violation::NotOwed { device, connection, position: Position(7) };
    assert_eq!(early, [not_owed(DESKTOP, DESKTOPS), not_owed(PHONE, FIRST), not_owed(LAPTOP, LAPTOPS)]);
}

#[test]
fn an_event_that_is_not_in_the_log_at_all_is_found() {
    let mut run = Run::good();
    let mut event = run.pushed(LAPTOPS, 12).clone();
    (event.position, event.prev, event.id) = (Position(13), Position(12), Uuid::from_u128(1));
    run.record(Entry::Pushed { device: LAPTOP, connection: LAPTOPS, event });
    assert_eq!(run.violations(), [Violation::NotOwed { device: LAPTOP, connection: LAPTOPS, position: Position(13) }]);
}

#[test]
fn one_event_under_two_positions_is_found() {
    let mut run = Run::good();
    let id = run.pushed(LAPTOPS, 9).id;
    run.pushed(LAPTOPS, 10).id = id;
    assert_eq!(run.violations(), [Violation::DeliveredTwice { device: LAPTOP, id, first: Position(9), second: Position(10) }]);
}

#[test]
fn an_event_that_arrives_otherwise_than_it_was_recorded_is_found() {
    type Distortion = (&'static str, fn(&mut Pushed));
    let distortions: [Distortion; 5] = [
        ("id", |event| event.id = Uuid::from_u128(1)),
        ("type", |event| event.event_type = "message.edited".to_owned()),
        ("thread", |event| event.thread = None),
        ("key", |event| event.key = command(Position(1))),
        ("text", |event| event.text = Some("something else".to_owned())),
    ];
    for (field, distort) in distortions {
        let mut run = Run::good();
        distort(run.pushed(DESKTOPS, 10));
        let expected = Violation::Distorted { device: DESKTOP, connection: DESKTOPS, position: Position(10), field };
        assert_eq!(run.violations(), [expected]);
    }
}

#[test]
fn events_out_of_order_are_found_although_the_chain_holds() {
    let mut run = Run::good();
    // 8, 10, 9, 12, each with the prev of what came before.
    let (ninth, tenth) = (run.index_of_push(LAPTOPS, 9), run.index_of_push(LAPTOPS, 10));
    run.history.swap(ninth, tenth);
    run.pushed(LAPTOPS, 10).prev = Position(8);
    run.pushed(LAPTOPS, 9).prev = Position(10);
    run.pushed(LAPTOPS, 12).prev = Position(9);
    let expected = Violation::OutOfOrder { device: LAPTOP, connection: LAPTOPS, position: Position(9), after: Position(10) };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn an_event_that_comes_twice_on_one_connection_is_found() {
    let mut run = Run::good();
    run.push(LAPTOP, LAPTOPS, &[12]);
    let expected = Violation::OutOfOrder { device: LAPTOP, connection: LAPTOPS, position: Position(12), after: Position(12) };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn a_hole_in_the_chain_is_found() {
    let mut run = Run::good();
    run.pushed(DESKTOPS, 10).prev = Position(8);
    let (position, prev, expected) = (Position(10), Position(8), Position(9));
    assert_eq!(run.violations(), [Violation::BrokenChain { device: DESKTOP, connection: DESKTOPS, position, prev, expected }]);
}

#[test]
fn a_chain_that_does_not_begin_at_the_cursor_is_found() {
    let mut run = Run::good();
    run.pushed(SECOND, 8).prev = Position(6);
    let (position, prev, expected) = (Position(8), Position(6), Position(7));
    assert_eq!(run.violations(), [Violation::BrokenChain { device: PHONE, connection: SECOND, position, prev, expected }]);
}

#[test]
fn live_before_the_whole_backlog_is_found() {
    let mut run = Run::good();
    let live = run
        .history
        .iter()
        .position(|entry| matches!(entry, Entry::Live { connection, .. } if *connection == SECOND))
        .map(|index| run.history.remove(index))
        .unwrap();
    let before = run.index_of_push(SECOND, 10);
    run.history.insert(before, live);
    let (live, position) = (Position(11), Position(10));
    assert_eq!(run.violations(), [Violation::LiveTooEarly { device: PHONE, connection: SECOND, live, position }]);
}

#[test]
fn a_backlog_that_ends_too_early_is_found_by_what_live_says() {
    let mut run = Run::good();
    run.push(PHONE, FIRST, &[]);
    // On its first connection the phone is told that it has everything up to 11, and has not.
    run.live(PHONE, FIRST, 11);
    assert_eq!(run.violations(), [Violation::Skipped { device: PHONE, connection: FIRST, position: Position(10) }]);
}

#[test]
fn a_welcome_at_another_cursor_than_was_asked_for_is_found() {
    let mut run = Run::good();
    let (asked, cursor) = (Position(5), Position(12));
    run.record(Entry::Connected { device: LAPTOP, connection: Connection(9), asked: Some(asked), cursor });
    assert_eq!(run.violations(), [Violation::CursorIgnored { device: LAPTOP, connection: Connection(9), asked, cursor }]);
}

#[test]
fn a_stored_cursor_beyond_every_ack_is_found() {
    let mut run = Run::good();
    let (cursor, acked) = (Position(8), Position(7));
    run.record(Entry::Connected { device: PHONE, connection: Connection(9), asked: None, cursor });
    assert_eq!(run.violations(), [Violation::CursorBeyondAcks { device: PHONE, connection: Connection(9), cursor, acked }]);
}

#[test]
fn what_a_message_said_may_stay_away_once_it_is_deleted_but_not_before() {
    let mut run = Run::good();
    run.pushed(SECOND, 10).text = None;
    let distorted = Violation::Distorted { device: PHONE, connection: SECOND, position: Position(10), field: "text" };
    assert_eq!(run.violations(), [distorted]);

    let mut run = Run::good();
    run.pushed(SECOND, 10).text = None;
    let stream = run.log[9].stream;
    let deleted = MessageEvent::Deleted { message: MessageId::new(stream.id), thread: thread(), by: ALICE };
    run.log.push(recorded(Position(13), ALICE, stream, &deleted.into()));
    link(&mut run.log);
    assert_eq!(run.violations(), []);
}
