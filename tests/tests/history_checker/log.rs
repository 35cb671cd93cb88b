//! The log itself.

use posthaste_application::chain;
use posthaste_application::recorded::{Head, Position};
use posthaste_tests::history::Violation;

use super::good::{BOB, MESSAGES, Run, TEXTS, command, link, posted, recorded};

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
