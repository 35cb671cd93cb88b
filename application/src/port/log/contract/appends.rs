//! What is recorded, and what is refused.

use std::sync::Arc;

use futures::future::join_all;
use posthaste_domain::UserId;

use super::{Draft, at, everything, fill, head, id, moved, one, positions, record, stream, thread, user};
use crate::port::{EventLog, PortError};
use crate::recorded::{Append, Position};

pub async fn the_first_event_is_recorded_at_position_one_and_comes_back_as_it_was(log: Arc<dyn EventLog>) {
    let mut append = Draft::new(7).on(stream(1), 0).event(stream(1)).in_thread(thread(1)).0;
    append.fingerprint = [0xAB; 32];
    append.actor = Some(user(9));
    append.causation = Some(id(6, 1));
    append.events[0].schema = 3;
    append.events[0].content = Some(b"{\"text\":\"hello\"}".to_vec());
    assert_eq!(record(&*log, append.clone()).await, Ok(at(1, 1)));

    let events = everything(&*log).await;
    assert_eq!(events.len(), 1);
    let (event, sent) = (&events[0], &append.events[0]);
    assert_eq!(event.position, Position(1));
    assert_eq!((event.stream, event.version, event.ordinal), (stream(1), 1, 0));
    assert_eq!((&event.event_type, event.schema), (&sent.event_type, 3));
    assert_eq!((&event.facts, &event.content), (&sent.facts, &sent.content));
    assert_eq!((event.thread, event.actor.map(UserId::uuid)), (Some(thread(1)), Some(id(2, 9))));
    assert_eq!((event.command, event.fingerprint), (append.command, append.fingerprint));
    assert_eq!((event.correlation, event.causation), (append.correlation, append.causation));
    assert_eq!(event.at.timestamp_subsec_nanos() % 1_000, 0, "whole microseconds");

    let mut anonymous = one(8, stream(2), 0);
    anonymous.actor = None;
    assert_eq!(record(&*log, anonymous).await, Ok(at(2, 2)));
    let event = &everything(&*log).await[1];
    assert_eq!((event.actor, event.causation, event.thread, &event.content), (None, None, None, &None));
}

pub async fn facts_and_content_come_back_byte_for_byte(log: Arc<dyn EventLog>) {
    let mut append = one(1, stream(1), 0);
    append.events[0].facts = "{\"z\" : 1.0,\"a\":1e2,  \"twice\":1,\"twice\":2,\"zero\":\"\\u0000\",\"text\":\"ü\\u00fc🦀\\/\"}".to_owned();
    append.events[0].content = Some((0..=255).collect());
    record(&*log, append.clone()).await.expect("recorded");
    let mut empty = one(2, stream(2), 0);
    empty.events[0].content = Some(Vec::new());
    record(&*log, empty).await.expect("recorded");

    let events = everything(&*log).await;
    assert_eq!(events[0].facts, append.events[0].facts);
    assert_eq!(events[0].content, append.events[0].content);
    assert_eq!(events[1].content, Some(Vec::new()), "empty is not absent");
}

pub async fn an_empty_batch_is_answered_with_nothing(log: Arc<dyn EventLog>) {
    assert_eq!(log.append(&[]).await.expect("nothing can fail"), []);
    assert_eq!(head(&*log).await, 0);
}

pub async fn what_was_recorded_is_given_as_it_is_read(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 3).await;
    let mut full = Draft::new(4).on(stream(1), 3).on(stream(2), 0).event(stream(1)).event(stream(2)).0;
    full.events[1].facts = "{\"z\" : 1.0, \"a\":1e2}".to_owned();
    full.events[1].content = Some((0..=255).collect());
    // What is refused, or was recorded before, is not among it, wherever it stands in the batch.
    let batch = [one(5, stream(1), 0), one(1, stream(1), 0), full, one(5, stream(3), 1), one(6, stream(3), 0), one(6, stream(3), 0)];
    let recording = log.record(batch.to_vec()).await.expect("the log takes the batch");
    assert_eq!(recording.answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert_eq!(recording.events, log.read(Position(3), 10).await.expect("readable"));
    assert_eq!(positions(&recording.events), [4, 5, 6]);
    assert_eq!(log.record(batch[..2].to_vec()).await.expect("the log takes the batch").events, []);
}

pub async fn a_stale_writer_is_refused(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 2).await;
    assert_eq!(record(&*log, one(3, stream(1), 1)).await, Err(moved(stream(1), 1, 2)));
    assert_eq!(record(&*log, one(4, stream(1), 2)).await, Ok(at(3, 3)));
}

pub async fn a_writer_from_the_future_is_refused(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 2).await;
    assert_eq!(record(&*log, one(3, stream(1), 3)).await, Err(moved(stream(1), 3, 2)));
    assert_eq!(record(&*log, one(4, stream(2), 1)).await, Err(moved(stream(2), 1, 0)));
    assert_eq!(head(&*log).await, 2);
}

pub async fn a_stream_thought_new_that_exists_is_refused(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 1).await;
    assert_eq!(record(&*log, one(2, stream(1), 0)).await, Err(moved(stream(1), 0, 1)));
}

pub async fn a_stream_that_was_only_read_is_checked(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 2).await;
    let resting_on = |n, version| Draft::new(n).on(stream(2), 0).on(stream(1), version).event(stream(2)).0;
    assert_eq!(record(&*log, resting_on(3, 1)).await, Err(moved(stream(1), 1, 2)));
    assert_eq!(record(&*log, resting_on(4, 3)).await, Err(moved(stream(1), 3, 2)));
    assert_eq!(record(&*log, resting_on(5, 0)).await, Err(moved(stream(1), 0, 2)));
    assert_eq!(record(&*log, resting_on(6, 2)).await, Ok(at(3, 3)));
    // It was only read: its version is what it was.
    assert_eq!(record(&*log, one(7, stream(1), 2)).await, Ok(at(4, 4)));
}

pub async fn the_first_of_the_checks_that_fails_is_named(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 1).await;
    fill(&*log, 2, stream(2), 2).await;
    let append = Draft::new(4).on(stream(3), 0).on(stream(2), 1).on(stream(1), 0).event(stream(3)).0;
    assert_eq!(record(&*log, append).await, Err(moved(stream(2), 1, 2)));
}

pub async fn an_append_is_all_or_nothing(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 1).await;
    let append = Draft::new(2).on(stream(2), 0).on(stream(1), 0).event(stream(2)).event(stream(1)).0;
    assert_eq!(record(&*log, append).await, Err(moved(stream(1), 0, 1)));
    assert_eq!(positions(&everything(&*log).await), [1]);
    assert_eq!(log.read_stream(stream(2), 0, 10).await.expect("readable"), []);
}

pub async fn one_append_records_events_of_several_streams_in_its_order(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 3).await;
    let append = Draft::new(4).on(stream(1), 3).on(stream(2), 0).event(stream(1)).event(stream(2)).event(stream(1)).event(stream(2)).0;
    assert_eq!(record(&*log, append).await, Ok(at(4, 7)));
    let events = log.read(Position(3), 10).await.expect("readable");
    let what: Vec<_> = events.iter().map(|event| (event.stream, event.version, event.ordinal)).collect();
    assert_eq!(what, [(stream(1), 4, 0), (stream(2), 1, 1), (stream(1), 5, 2), (stream(2), 2, 3)]);
}

pub async fn a_refused_append_does_not_touch_its_neighbours(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 1).await;
    let batch = [one(2, stream(2), 0), one(3, stream(1), 0), one(4, stream(1), 1), one(5, stream(3), 8), one(6, stream(4), 0)];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(
        answers,
        [Ok(at(2, 2)), Err(moved(stream(1), 0, 1)), Ok(at(3, 3)), Err(moved(stream(3), 8, 0)), Ok(at(4, 4))],
        "each for itself"
    );
    assert_eq!(positions(&everything(&*log).await), [1, 2, 3, 4]);
}

pub async fn a_later_append_of_a_batch_sees_an_earlier_one(log: Arc<dyn EventLog>) {
    let reads_the_first = Draft::new(3).on(stream(1), 2).on(stream(2), 0).event(stream(2)).0;
    let batch = [one(1, stream(1), 0), one(2, stream(1), 1), reads_the_first, one(4, stream(1), 2)];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(answers, [Ok(at(1, 1)), Ok(at(2, 2)), Ok(at(3, 3)), Ok(at(4, 4))]);
    let versions: Vec<_> = log.read_stream(stream(1), 0, 10).await.expect("readable").iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3]);
}

pub async fn a_later_append_of_a_batch_is_checked_against_an_earlier_one(log: Arc<dyn EventLog>) {
    let rests_on_new = Draft::new(3).on(stream(2), 0).on(stream(1), 0).event(stream(2)).0;
    let batch = [one(1, stream(1), 0), one(2, stream(1), 0), rests_on_new, one(4, stream(1), 2)];
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert_eq!(
        answers,
        [Ok(at(1, 1)), Err(moved(stream(1), 0, 1)), Err(moved(stream(1), 0, 1)), Err(moved(stream(1), 2, 1))],
        "as if one after the other"
    );
}

pub async fn positions_are_dense_after_refusals(log: Arc<dyn EventLog>) {
    for n in 0..10 {
        record(&*log, one(2 * n, stream(1), n)).await.expect("recorded");
        record(&*log, one(2 * n + 1, stream(1), n)).await.expect_err("it has moved");
    }
    assert_eq!(positions(&everything(&*log).await), (1..=10).collect::<Vec<_>>());
}

pub async fn of_writers_racing_for_one_version_one_wins(log: Arc<dyn EventLog>) {
    for round in 0..5 {
        let answers = join_all((0..10).map(|n| record(&*log, one(100 * round + n, stream(1), round)))).await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {answers:?}");
        assert!(answers.iter().all(|answer| answer.is_ok() || *answer == Err(moved(stream(1), round, round + 1))), "{answers:?}");
    }
    assert_eq!(positions(&everything(&*log).await), [1, 2, 3, 4, 5]);
}

pub async fn an_append_that_contradicts_itself_is_rejected_and_records_nothing(log: Arc<dyn EventLog>) {
    let mut unchecked = one(1, stream(1), 0);
    unchecked.events[0].stream = stream(2);
    let mut skipping = one(2, stream(1), 0);
    skipping.events[0].version = 2;
    let mut repeating = Draft::new(3).on(stream(1), 0).event(stream(1)).event(stream(1)).0;
    repeating.events[1].version = 1;
    let mut empty = one(4, stream(1), 0);
    empty.events.clear();
    let twice = Draft::new(5).on(stream(1), 0).on(stream(1), 0).event(stream(1)).0;

    for append in [unchecked, skipping, repeating, empty, twice] {
        let batch: [Append; 2] = [one(6, stream(3), 0), append];
        let answer = log.append(&batch).await;
        assert!(matches!(answer, Err(PortError::Rejected { .. })), "{answer:?} for {:?}", batch[1]);
        assert_eq!(head(&*log).await, 0, "after {:?}", batch[1]);
    }
}
