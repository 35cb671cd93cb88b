//! A command is recorded once, however often it comes.

use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, join_all, select};

use super::{Draft, again, at, command, everything, fill, head, moved, one, positions, record, stream};
use crate::append::{AppendError, append_queue};
use crate::port::EventLog;
use crate::port::contract::within;
use crate::port::log::AppendRefused;
use crate::recorded::Append;

/// The same command, asking for something else.
fn altered(mut append: Append) -> Append {
    append.fingerprint = [2; 32];
    append.events[0].facts = "{\"other\":true}".to_owned();
    append
}

pub async fn a_repeated_command_gets_its_first_answer_for_ever(log: Arc<dyn EventLog>) {
    fill(&*log, 100, stream(9), 4).await;
    let append = Draft::new(1).on(stream(1), 0).on(stream(2), 0).event(stream(1)).event(stream(2)).event(stream(1)).0;
    assert_eq!(record(&*log, append.clone()).await, Ok(at(5, 7)));
    fill(&*log, 200, stream(8), 4).await;
    for _ in 0..3 {
        assert_eq!(record(&*log, append.clone()).await, Ok(again(5, 7)));
    }
    assert_eq!(head(&*log).await, 11);
}

pub async fn a_repeated_command_is_not_checked_again(log: Arc<dyn EventLog>) {
    let append = one(1, stream(1), 0);
    assert_eq!(record(&*log, append.clone()).await, Ok(at(1, 1)));
    assert_eq!(record(&*log, one(2, stream(1), 1)).await, Ok(at(2, 2)));
    assert_eq!(record(&*log, append).await, Ok(again(1, 1)), "its stream has moved");
    // Decided anew on what it led to itself, it is still the same command.
    assert_eq!(record(&*log, one(1, stream(1), 2)).await, Ok(again(1, 1)));
    assert_eq!(head(&*log).await, 2);
}

pub async fn a_command_twice_in_one_batch_is_recorded_once(log: Arc<dyn EventLog>) {
    let twice = Draft::new(1).on(stream(1), 0).event(stream(1)).event(stream(1)).0;
    let batch = [twice.clone(), one(2, stream(2), 0), twice.clone(), twice];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(answers, [Ok(at(1, 2)), Ok(at(3, 3)), Ok(again(1, 2)), Ok(again(1, 2))]);
    assert_eq!(positions(&everything(&*log).await), [1, 2, 3]);
}

pub async fn a_command_refused_once_can_be_recorded_later(log: Arc<dyn EventLog>) {
    fill(&*log, 10, stream(1), 1).await;
    assert_eq!(record(&*log, one(1, stream(1), 0)).await, Err(moved(stream(1), 0, 1)));
    assert_eq!(log.find_command(command(1)).await.expect("readable"), None);
    assert_eq!(record(&*log, one(1, stream(1), 1)).await, Ok(at(2, 2)));

    // Within one batch as well: the refusal leaves nothing behind.
    let batch = [one(2, stream(1), 0), one(2, stream(1), 2)];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(answers, [Err(moved(stream(1), 0, 2)), Ok(at(3, 3))]);
}

pub async fn a_known_command_with_other_content_is_refused(log: Arc<dyn EventLog>) {
    let append = one(1, stream(1), 0);
    record(&*log, append.clone()).await.expect("recorded");
    let refused = Err(AppendRefused::CommandMismatch { command: command(1) });
    assert_eq!(record(&*log, altered(append.clone())).await, refused);
    assert_eq!(record(&*log, altered(one(1, stream(2), 0))).await, refused, "even where it would fit");
    assert_eq!(record(&*log, append).await, Ok(again(1, 1)));
    assert_eq!(head(&*log).await, 1);
}

pub async fn a_known_command_with_other_content_is_refused_within_one_batch(log: Arc<dyn EventLog>) {
    let batch = [one(1, stream(1), 0), altered(one(1, stream(2), 0)), one(2, stream(2), 0)];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(answers, [Ok(at(1, 1)), Err(AppendRefused::CommandMismatch { command: command(1) }), Ok(at(2, 2))]);
    assert_eq!(positions(&everything(&*log).await), [1, 2]);
}

pub async fn a_command_sent_fifty_times_at_once_is_recorded_once(log: Arc<dyn EventLog>) {
    let append = Draft::new(1).on(stream(1), 0).event(stream(1)).event(stream(1)).0;
    let answers = join_all((0..50).map(|_| record(&*log, append.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(at(1, 2))).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(again(1, 2))).count(), 49, "{answers:?}");
    assert_eq!(positions(&everything(&*log).await), [1, 2]);
}

pub async fn a_command_queued_fifty_times_at_once_is_recorded_once(log: Arc<dyn EventLog>) {
    let append = one(1, stream(1), 0);
    // Two queues, as in two processes.
    let answers = through_queues(&log, (0..50).map(|_| append.clone()).collect()).await;
    let places: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|at| (at.first.0, at.last.0))).collect();
    assert!(places.iter().all(|place| matches!(place, Ok((1, 1)))), "{answers:?}");
    assert_eq!(answers.iter().flatten().filter(|at| !at.repeated).count(), 1, "{answers:?}");
    assert_eq!(positions(&everything(&*log).await), [1]);
}

pub async fn a_queue_answers_each_append_with_its_own_outcome(log: Arc<dyn EventLog>) {
    fill(&*log, 1_000, stream(1_000), 1).await;
    let mut contradicting = one(3, stream(3), 0);
    contradicting.events[0].version = 5;
    let appends =
        vec![one(1, stream(1), 0), one(2, stream(1_000), 0), contradicting, one(4, stream(4), 0), altered(one(1_000, stream(5), 0))];
    let answers = through_queues(&log, appends).await;
    assert!(answers[0].is_ok() && answers[3].is_ok(), "{answers:?}");
    assert!(matches!(answers[1], Err(AppendError::Refused(AppendRefused::Moved { expected: 0, actual: 1, .. }))), "{answers:?}");
    assert!(matches!(answers[2], Err(AppendError::Failed(_))), "{answers:?}");
    assert!(matches!(answers[4], Err(AppendError::Refused(AppendRefused::CommandMismatch { .. }))), "{answers:?}");
    assert_eq!(head(&*log).await, 3);
}

/// The answers to appends that go in at once, alternating between two queues.
async fn through_queues(log: &Arc<dyn EventLog>, appends: Vec<Append>) -> Vec<Result<crate::recorded::Appended, AppendError>> {
    let (one, one_out) = append_queue(Arc::clone(log));
    let (other, other_out) = append_queue(Arc::clone(log));
    let asked =
        join_all(appends.into_iter().enumerate().map(|(n, append)| if n % 2 == 0 { one.append(append) } else { other.append(append) }));
    let driven = futures::future::join(one_out.run(), other_out.run());
    within("all appends are answered", async {
        match select(pin!(asked), pin!(driven)).await {
            Either::Left((answers, _)) => answers,
            Either::Right(_) => panic!("the queues ended before their answers"),
        }
    })
    .await
}

pub async fn a_recorded_command_can_be_found(log: Arc<dyn EventLog>) {
    fill(&*log, 100, stream(9), 4).await;
    assert_eq!(log.find_command(command(1)).await.expect("readable"), None);
    let mut append = Draft::new(1).on(stream(1), 0).event(stream(1)).event(stream(1)).0;
    append.fingerprint = [7; 32];
    record(&*log, append).await.expect("recorded");
    assert_eq!(log.find_command(command(1)).await.expect("readable"), Some(([7; 32], again(5, 6))));
    assert_eq!(log.find_command(command(2)).await.expect("readable"), None);
}
