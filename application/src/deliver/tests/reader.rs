//! One device: backlog, live, window, acks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::reader::AckAhead;
use super::*;
use crate::fake::{direct, opened, posted};

/// Messages into the thread of 1 and 2.
fn messages(count: u64) -> impl Iterator<Item = Event> {
    (0..count).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi")))
}

#[test]
fn a_device_gets_its_backlog_and_then_goes_live_without_a_gap_or_a_repetition() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(2)));
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 1);
    assert_eq!(bob.take(), [2, 3]);
    assert_eq!(bob.live, Some(3));
    node.record(messages(2));
    node.deliver_the_rest();
    assert_eq!(bob.take(), [4, 5]);
}

#[test]
fn what_is_committed_while_the_backlog_is_read_comes_once() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(2)));
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 0);
    let Some(Output::Events(frames)) = bob.next() else { panic!() };
    assert_eq!(frames.iter().map(|frame| bob.receive(frame)).collect::<Vec<_>>(), [1, 2, 3]);
    node.record(messages(2));
    node.deliver(4..=4);
    // 5 is committed, and not yet on the feed.
    assert_eq!(bob.take(), [4]);
    assert!(bob.live.is_some());
    node.deliver(5..=5);
    assert_eq!(bob.take(), [5]);
}

#[test]
fn a_long_backlog_comes_in_order_and_whole() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(999)));
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 10_000, bytes: usize::MAX });
    assert_eq!(bob.take(), (1..=1_000).collect::<Vec<_>>());
}

#[test]
fn a_device_goes_live_while_the_hub_moves_on_with_every_read() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(5_000)));
    node.deliver_the_rest();
    let (log, hub) = (Arc::clone(&node.log), Arc::clone(&node.hub));
    let reads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&reads);
    node.log.after_read_for_user(move || {
        let read = counted.fetch_add(1, Ordering::Relaxed);
        // Not for ever, so that whoever never goes live is told apart from who does.
        if read < 200 {
            log.record(messages(10));
            hub.route(&log.all()[usize::try_from(hub.position().0).unwrap()..]);
        }
    });
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 100_000, bytes: usize::MAX });
    let got = bob.take();
    assert!(reads.load(Ordering::Relaxed) < 30, "{reads:?} reads for 20 pages");
    assert_eq!(got, (1..=node.hub.position().0).collect::<Vec<_>>());
    assert!(bob.live.is_some());
}

#[test]
fn a_device_with_nothing_to_come_goes_live_at_once_where_the_hub_is() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut carol = node.connect(device(3, 1), 0);
    assert_eq!(carol.take(), [0; 0]);
    assert_eq!(carol.live, Some(1));
    assert_eq!(carol.ack(1), Some(1), "whoever is live may say that nothing is owed to them so far");
}

#[test]
fn a_full_window_stops_pushing_until_an_ack() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(9)));
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 4, bytes: usize::MAX });
    assert_eq!(bob.take(), [1, 2, 3, 4]);
    assert!(!bob.reader.has_room());
    assert_eq!(bob.ack(2), Some(2));
    assert_eq!(bob.take(), [5, 6]);
    assert_eq!(bob.live, None, "the backlog is not done");
    assert_eq!(bob.ack(6), Some(6));
    assert_eq!(bob.take(), [7, 8, 9, 10]);
    assert_eq!(bob.ack(10), Some(10));
    assert_eq!(bob.take(), [0; 0]);
    assert_eq!(bob.live, Some(10));
}

#[test]
fn a_window_counts_bytes_as_well() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(9)));
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 1_000, bytes: 1 });
    for position in 1..=10 {
        assert_eq!(bob.take(), [position], "one frame is always allowed");
        bob.ack(position);
    }
}

#[test]
fn events_that_come_live_fill_the_window_too() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 2, bytes: usize::MAX });
    assert_eq!(bob.take(), [1]);
    bob.ack(1);
    node.record(messages(3));
    node.deliver_the_rest();
    assert_eq!(bob.take(), [2, 3]);
    bob.ack(3);
    assert_eq!(bob.take(), [4]);
}

#[test]
fn an_ack_of_what_was_not_pushed_is_refused_and_changes_nothing() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(9)));
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 2, bytes: usize::MAX });
    assert_eq!(bob.reader.ack(Position(1)), Err(AckAhead { position: Position(1), pushed: Position(0) }));
    assert_eq!(bob.take(), [1, 2]);
    assert_eq!(bob.reader.ack(Position(3)), Err(AckAhead { position: Position(3), pushed: Position(2) }));
    assert_eq!(bob.take(), [0; 0], "the window is still full");
}

#[test]
fn an_older_ack_is_a_no_op() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(3)));
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 1);
    bob.take();
    assert_eq!(bob.ack(3), Some(3));
    assert_eq!(bob.ack(3), None);
    assert_eq!(bob.ack(2), None);
    assert_eq!(bob.ack(0), None);
    assert_eq!(bob.ack(4), Some(4));
}

#[test]
fn an_inbox_that_overflows_loses_nothing() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 100_000, bytes: usize::MAX });
    assert_eq!(bob.take(), [1]);
    let mut end = 1;
    // Too many events, and too many bytes; each twice, because it goes live again in between.
    for (count, text) in [(700, "hi".to_owned()), (40, "x".repeat(8_000))].into_iter().cycle().take(4) {
        node.record((0..count).map(|n| posted(n, direct(1, 2), 1, Some(&text))));
        node.deliver_the_rest();
        let head = node.hub.position().0;
        assert_eq!(bob.take(), (end + 1..=head).collect::<Vec<_>>());
        end = head;
        node.record(messages(1));
        node.deliver_the_rest();
        assert_eq!(bob.take(), [head + 1], "it is live again");
        end += 1;
    }
}

#[test]
fn a_device_that_never_reads_holds_no_more_than_its_inbox() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 0, Window { events: 1, bytes: usize::MAX });
    assert_eq!(bob.take(), [1]);
    for _ in 0..5 {
        node.record(messages(500));
        node.deliver_the_rest();
        assert_eq!(bob.take(), [0; 0]);
    }
    let mut got = Vec::new();
    let mut acked = 1;
    while bob.ack(acked).is_some() {
        let more = bob.take();
        assert!(more.len() <= 1, "{more:?}");
        acked = more.last().copied().unwrap_or(acked);
        got.extend(more);
    }
    assert_eq!(got, (2..=2_501).collect::<Vec<_>>());
}

#[test]
fn what_was_scanned_is_never_ahead_of_what_waits_in_the_inbox() {
    let mut node = Node::new();
    node.record([opened(1, 2), opened(3, 4)]);
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 0);
    bob.take();
    node.record([posted(1, direct(3, 4), 3, Some("not for bob"))]);
    node.deliver_the_rest();
    assert_eq!(bob.reader.scanned(), Position(3), "nothing of it was for bob");
    node.record(messages(1));
    node.deliver_the_rest();
    assert!(bob.reader.scanned() < Position(4), "event 4 was not pushed: {}", bob.reader.scanned());
    assert_eq!(bob.take(), [4]);
    assert_eq!(bob.reader.scanned(), Position(4));
}

#[test]
fn a_log_that_fails_costs_a_try_and_nothing_else() {
    let mut node = Node::new();
    node.record([opened(1, 2)].into_iter().chain(messages(2)));
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 0);
    node.log.broken.store(true, Ordering::Relaxed);
    assert!(bob.reader.next().now_or_never().unwrap().is_err());
    assert_eq!(bob.take(), [1, 2, 3]);
}
