//! One device: backlog, live, window, acks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::reader::AckAhead;
use super::*;
use posthaste_domain::thread::History;

use crate::fake::events::{bulk_deleted, deleted, edited, group as fake_group, said, thread};
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
            hub.route(&run(&log.all()[usize::try_from(hub.position().0).unwrap()..]));
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

#[test]
fn what_was_deleted_is_not_said_again_in_a_backlog() {
    let mut node = Node::new();
    let group = || thread(1);
    let say = |id, words| said(id, 1, 1, words);
    node.record([
        fake_group(1, 1, [2], History::All),
        say(10, "first"),
        say(11, "second"),
        say(12, "third"),
        edited(10, 1, 1, 2, Some("better")),
        deleted(10, 1, 1),
        bulk_deleted(1, 1, [12]),
    ]);
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 0);
    let frames = bob.frames();
    let said: Vec<_> = frames.iter().map(|frame| (frame["position"].as_u64().unwrap(), &frame["body"]["content"]["text"])).collect();
    assert_eq!(said.iter().filter(|(_, text)| !text.is_null()).map(|(position, _)| *position).collect::<Vec<_>>(), [3], "{frames:?}");
    assert_eq!(said.len(), 7, "everything that happened is told");
    assert_eq!(frames[1]["thread"], group().to_string(), "with its facts");
}

#[test]
fn what_the_feed_missed_is_filled_without_what_was_deleted_since() {
    let mut node = Node::new();
    node.record([fake_group(1, 1, [2], History::All)]);
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 1);
    assert_eq!(bob.frames().len(), 0);
    node.record([said(10, 1, 1, "first"), deleted(10, 1, 1), said(11, 1, 1, "second")]);
    node.deliver(4..=4);
    let said: Vec<_> = bob.frames().iter().map(|frame| frame["body"]["content"]["text"].clone()).collect();
    assert_eq!(said, [serde_json::Value::Null, serde_json::Value::Null, "second".into()]);
}

#[test]
fn a_device_that_comes_back_far_behind_and_has_missed_nothing_asks_once() {
    let mut node = Node::new();
    node.record([opened(1, 2), opened(3, 4)]);
    node.record((0..5_000).map(|n| posted(n, direct(3, 4), 3, Some("not for bob"))));
    node.deliver_the_rest();
    let reads = Arc::new(AtomicU64::new(0));
    let (log, hub, counted) = (Arc::clone(&node.log), Arc::clone(&node.hub), Arc::clone(&reads));
    node.log.after_read_for_user(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        // The others go on talking.
        log.record([posted(9_999, direct(3, 4), 3, Some("not for bob"))]);
        hub.route(&run(&log.all()[usize::try_from(hub.position().0).unwrap()..]));
    });
    let mut bob = node.connect(device(2, 1), 2);
    assert_eq!(bob.take(), [0; 0]);
    assert_eq!((bob.live, reads.load(Ordering::Relaxed)), (Some(5_002), 1));
    node.record(messages(1));
    node.deliver_the_rest();
    assert_eq!(bob.take(), [node.hub.position().0], "it is live");
}

#[test]
fn large_messages_are_not_kept_beyond_what_may_be_held() {
    let mut node = Node::new();
    let large = "x".repeat(8_000);
    node.record([opened(1, 2)]);
    node.record((0..2_000).map(|n| posted(n, direct(1, 2), 1, Some(&large))));
    node.deliver_the_rest();
    let reads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&reads);
    node.log.after_read_for_user(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut bob = node.connect_with(device(2, 1), 1, Window { events: 1, bytes: usize::MAX });
    let mut held = 0;
    for position in 2..=2_001 {
        assert_eq!(bob.take(), [position]);
        held = held.max(bob.reader.waiting_bytes());
        bob.ack(position);
    }
    assert!(held > 64 * 1024 && held <= 128 * 1024, "{held} bytes");
    // 15 of them fit; what is read and cannot be kept is not read again and again.
    let reads = reads.load(Ordering::Relaxed);
    assert!(reads <= 2_000 / 15 + 5, "{reads} reads");
}

#[test]
fn a_window_of_large_messages_is_not_handed_out_all_at_once() {
    let mut node = Node::new();
    let large = "x".repeat(8_000);
    node.record([opened(1, 2)]);
    node.record((0..100).map(|n| posted(n, direct(1, 2), 1, Some(&large))));
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 1, Window::default());
    let mut handed = Vec::new();
    while let Some(output) = bob.next() {
        let Output::Events(frames) = output else { panic!("{output:?}") };
        let bytes: usize = frames.iter().map(String::len).sum();
        assert!(bytes < 64 * 1024 + 9_000, "{bytes} bytes at once");
        handed.push(frames.len());
    }
    assert!(handed.len() > 5 && (60..=66).contains(&handed.iter().sum::<usize>()), "half a mebibyte in all: {handed:?}");
}
