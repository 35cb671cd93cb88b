//! The log as its readers see it.

use std::sync::Arc;

use futures::future::join;
use posthaste_domain::Category;

use super::{Draft, everything, fill, moved, one, positions, record, stream};
use crate::chain::{GENESIS, Verifier};
use crate::port::EventLog;
use crate::port::contract::{eventually, within};
use crate::recorded::{Head, Position, StreamId};

pub async fn the_log_is_read_in_order_up_to_a_limit(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 5).await;
    fill(&*log, 11, stream(2), 5).await;
    for (after, limit, expected) in
        [(0, 3, vec![1, 2, 3]), (3, 3, vec![4, 5, 6]), (8, 5, vec![9, 10]), (10, 5, vec![]), (99, 5, vec![]), (4, 0, vec![])]
    {
        let events = log.read(Position(after), limit).await.expect("readable");
        assert_eq!(positions(&events), expected, "after {after}, at most {limit}");
    }
}

pub async fn a_stream_is_read_in_order_up_to_a_limit(log: Arc<dyn EventLog>) {
    for n in 0..5 {
        record(&*log, one(n, stream(1), n)).await.expect("recorded");
        record(&*log, one(100 + n, stream(2), n)).await.expect("recorded");
    }
    for (after, limit, expected) in [(0, 10, vec![2, 4, 6, 8, 10]), (2, 2, vec![6, 8]), (5, 10, vec![]), (9, 10, vec![]), (0, 0, vec![])] {
        let events = log.read_stream(stream(2), after, limit).await.expect("readable");
        assert_eq!(positions(&events), expected, "after version {after}, at most {limit}");
        assert!(events.iter().all(|event| event.stream == stream(2)));
    }
    assert_eq!(log.read_stream(stream(3), 0, 10).await.expect("readable"), []);
}

pub async fn the_events_that_deleted_messages_are_found_by_their_streams(log: Arc<dyn EventLog>) {
    let thread = |n| StreamId { category: Category::Thread, id: stream(n).id };
    let of_type = |n, stream, version, event_type: &str| {
        let mut append = one(n, stream, version);
        append.events[0].event_type = event_type.to_owned();
        append
    };
    for append in [
        one(1, stream(1), 0),
        of_type(2, stream(1), 1, "message.deleted"),
        of_type(3, stream(2), 0, "message.deleted"),
        one(4, thread(3), 0),
        of_type(5, thread(3), 1, "thread.messages_deleted"),
        of_type(6, thread(3), 2, "thread.messages_deleted"),
        of_type(7, stream(4), 0, "message.edited"),
    ] {
        record(&*log, append).await.expect("recorded");
    }
    for (streams, expected) in [(vec![], vec![]), (vec![3, 1, 4], vec![2, 5, 6]), (vec![2, 9], vec![3]), (vec![4], vec![])] {
        let ids: Vec<_> = streams.iter().map(|n| stream(*n).id).collect();
        assert_eq!(positions(&log.deletions(&ids).await.expect("readable")), expected, "of {streams:?}");
    }
}

pub async fn a_stream_of_an_unknown_category_is_a_stream_like_any_other(log: Arc<dyn EventLog>) {
    let category = Category::parse("a_category_of_tomorrow").expect("a name");
    let unknown = StreamId { category, id: stream(1).id };
    record(&*log, one(1, stream(1), 0)).await.expect("recorded");
    record(&*log, one(2, unknown, 0)).await.expect("recorded");
    record(&*log, one(3, unknown, 1)).await.expect("recorded");
    assert_eq!(record(&*log, one(4, unknown, 1)).await, Err(moved(unknown, 1, 2)));
    let read = log.read_stream(unknown, 0, 10).await.expect("readable");
    assert_eq!(positions(&read), [2, 3]);
    assert!(read.iter().all(|event| event.stream == unknown && event.event_type == "a_category_of_tomorrow.posted"), "{read:?}");
    let mut verifier = Verifier::default();
    for event in everything(&*log).await {
        verifier.check(&event).expect("it hangs in the chain as it was recorded");
    }
}

pub async fn streams_of_different_categories_are_apart(log: Arc<dyn EventLog>) {
    for (n, category) in (0..).zip(Category::ALL) {
        let stream = StreamId { category, id: stream(1).id };
        record(&*log, one(n, stream, 0)).await.expect("no category sees another one's stream");
    }
    for (position, category) in (1..).zip(Category::ALL) {
        let stream = StreamId { category, id: stream(1).id };
        let events = log.read_stream(stream, 0, 10).await.expect("readable");
        assert_eq!(positions(&events), [position]);
        assert_eq!(events[0].stream, stream);
    }
}

pub async fn an_empty_log_ends_at_the_start(log: Arc<dyn EventLog>) {
    assert_eq!(log.head().await.expect("readable"), Head { position: Position::START, hash: GENESIS });
    assert_eq!(everything(&*log).await, []);
}

pub async fn the_head_is_the_last_event(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 3).await;
    let last = everything(&*log).await.pop().expect("three events");
    assert_eq!(log.head().await.expect("readable"), Head { position: last.position, hash: last.hash });
}

pub async fn the_hashes_chain_from_the_first_event_to_the_head(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 20).await;
    for n in 0..5 {
        let wide = Draft::new(100 + n).on(stream(2), 2 * n).on(stream(3), n).event(stream(2)).event(stream(3)).event(stream(2)).0;
        record(&*log, wide).await.expect("recorded");
    }
    let mut verifier = Verifier::default();
    for event in everything(&*log).await {
        verifier.check(&event).expect("every link holds");
    }
    assert_eq!(verifier.position(), Position(35));
    verifier.finish(log.head().await.expect("readable")).expect("it ends at its head");
}

pub async fn a_reader_that_is_behind_does_not_wait(log: Arc<dyn EventLog>) {
    fill(&*log, 1, stream(1), 3).await;
    within("a reader that is behind goes on", async {
        log.grown(Position::START).await;
        log.grown(Position(2)).await;
    })
    .await;
}

pub async fn a_waiting_reader_is_woken(log: Arc<dyn EventLog>) {
    // One wake-up may be missed, and one may come for nothing; a reader that waits for the next events one by one sees them all.
    let reader = async {
        for seen in 0..10 {
            eventually("the log grows", async || {
                log.grown(Position(seen)).await;
                let events = log.read(Position(seen), 1).await.expect("readable");
                (!events.is_empty()).then_some(())
            })
            .await;
        }
    };
    let writer = async {
        for n in 0..10 {
            record(&*log, one(n, stream(1), n)).await.expect("recorded");
        }
    };
    join(reader, writer).await;
}
