//! What was sent, answered and recorded.

use posthaste_application::recorded::Position;
use posthaste_tests::history::{Answer, Entry, Verdict, Violation};

use super::good::{ALICE, BOB, MESSAGES, Run, command, err, link, thread};

#[test]
fn an_ok_for_what_is_not_in_the_log_is_found() {
    let mut run = Run::good();
    let lost = Position(99);
    run.record(Entry::Sent { user: ALICE, command: command(lost), thread: thread(), text: "lost".to_owned() });
    run.record(Entry::Answered { command: command(lost), answer: Answer::Ok { id: command(lost).uuid(), position: lost, dup: false } });
    assert_eq!(run.violations(), [Violation::OkNotRecorded { command: command(lost), said: lost }]);
}

#[test]
fn an_ok_that_names_another_position_is_found() {
    let mut run = Run::good();
    *run.ok(3).1 = Position(11);
    let expected = Violation::OkElsewhere { command: command(MESSAGES[3]), said: Position(11), recorded: MESSAGES[3] };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn an_ok_that_names_another_message_is_found() {
    let mut run = Run::good();
    let other = command(MESSAGES[0]).uuid();
    *run.ok(3).0 = other;
    let message = command(MESSAGES[3]);
    let expected = Violation::OkOfAnother { command: message, said: other, position: MESSAGES[3], recorded: message.uuid() };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn a_retry_that_is_answered_differently_is_found() {
    let mut run = Run::good();
    let message = command(MESSAGES[1]);
    run.send(BOB, 1);
    let then = (message.uuid(), Position(11));
    run.record(Entry::Answered { command: message, answer: Answer::Ok { id: then.0, position: then.1, dup: true } });
    let first = (message.uuid(), MESSAGES[1]);
    assert_eq!(run.violations(), [Violation::AnsweredDifferently { command: message, first, then }]);
}

#[test]
fn a_retry_that_is_carried_out_anew_is_found() {
    let mut run = Run::good();
    run.send(ALICE, 0);
    run.answer(0, false);
    assert_eq!(run.violations(), [Violation::NewTwice { command: command(MESSAGES[0]) }]);
}

#[test]
fn a_refusal_of_what_is_in_the_log_is_found() {
    let mut run = Run::good();
    let message = command(MESSAGES[2]);
    run.record(Entry::Answered { command: message, answer: err("not_member", "never") });
    let expected = Violation::RefusedYetRecorded { command: message, code: "not_member".to_owned(), recorded: MESSAGES[2] };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn a_message_that_is_recorded_under_another_author_is_found() {
    let mut run = Run::good();
    run.log[9].actor = Some(BOB);
    link(&mut run.log);
    assert_eq!(run.violations(), [Violation::Misfiled { command: command(MESSAGES[2]), position: MESSAGES[2] }]);
}

#[test]
fn a_message_that_was_sent_later_and_stands_earlier_is_found() {
    let mut run = Run::good();
    // The third is sent after the fourth was answered.
    let (sent, answered) = (run.index_of_answer(2) - 1, run.index_of_answer(2));
    let moved: Vec<_> = run.history.drain(sent..=answered).collect();
    let after = run.index_of_answer(3) + 1;
    run.history.splice(after..after, moved);
    let expected = Violation::Reordered { command: command(MESSAGES[2]), position: MESSAGES[2], after: MESSAGES[3] };
    assert_eq!(run.violations(), [expected]);
}

#[test]
fn a_text_that_the_log_holds_otherwise_than_it_was_sent_is_found() {
    let mut run = Run::good();
    for entry in &mut run.history {
        if let Entry::Sent { command: sent, text, .. } = entry
            && *sent == command(MESSAGES[0])
        {
            *text = "something else".to_owned();
        }
    }
    assert_eq!(run.violations(), [Violation::TextChanged { command: command(MESSAGES[0]), position: MESSAGES[0] }]);
}

#[test]
fn what_was_never_answered_is_counted() {
    let mut run = Run::good();
    let answer = run.index_of_answer(3);
    run.history.remove(answer);
    let Verdict { violations, counts } = run.check();
    assert_eq!((violations, counts.ok, counts.unanswered), (Vec::new(), 3, 1));
}
