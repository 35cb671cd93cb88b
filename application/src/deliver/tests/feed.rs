//! From the broker to the hub: what is missing comes from the log.

use super::*;
use crate::fake::{direct, opened, posted};

fn messages(count: u64) -> impl Iterator<Item = Event> {
    (0..count).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi")))
}

/// A node, and Bob, live on it.
fn live() -> (Node, Client) {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut bob = node.connect_with(device(2, 1), 1, Window { events: 10_000, bytes: usize::MAX });
    assert_eq!(bob.take(), [0; 0]);
    (node, bob)
}

#[test]
fn a_run_that_was_lost_is_read_from_the_log_before_the_next_is_routed() {
    let (mut node, mut bob) = live();
    node.record(messages(9));
    node.deliver(2..=3);
    node.deliver(8..=10);
    assert_eq!(bob.take(), (2..=10).collect::<Vec<_>>());
}

#[test]
fn a_hole_of_any_size_is_filled() {
    let (mut node, mut bob) = live();
    node.record(messages(2_000));
    node.deliver(2_001..=2_001);
    assert_eq!(bob.take(), (2..=2_001).collect::<Vec<_>>());
}

#[test]
fn a_run_that_comes_again_or_late_is_ignored() {
    let (mut node, mut bob) = live();
    node.record(messages(9));
    node.deliver(2..=5);
    node.deliver(2..=5);
    node.deliver(4..=7);
    node.deliver(2..=2);
    node.deliver(8..=10);
    assert_eq!(bob.take(), (2..=10).collect::<Vec<_>>());
}

#[test]
fn a_run_that_is_torn_or_shuffled_is_read_from_the_log() {
    for positions in [&[2, 3, 5][..], &[4, 6, 10], &[10, 9]] {
        let (mut node, mut bob) = live();
        node.record(messages(9));
        let all = node.log.all();
        let torn: Vec<_> = positions.iter().map(|position: &usize| all[position - 1].clone()).collect();
        node.broker.deliver(&run(&torn));
        node.step();
        assert_eq!(bob.take(), (2..=10).collect::<Vec<_>>(), "{positions:?}");
    }
}

#[test]
fn what_was_published_between_two_subscriptions_is_read_from_the_log() {
    let (mut node, mut bob) = live();
    node.broker.cut();
    node.record(messages(3));
    assert!(node.feed.step().now_or_never().unwrap().is_err());
    node.step();
    assert_eq!(bob.take(), [2, 3, 4]);
    assert_eq!(node.hub.head(), Position(4));
    node.record(messages(1));
    node.deliver_the_rest();
    assert_eq!(bob.take(), [5], "it has subscribed again");
}

#[test]
fn a_feed_that_has_stalled_goes_on_from_the_log_at_the_second_look() {
    let (mut node, mut bob) = live();
    node.look();
    node.record(messages(3));
    node.deliver(2..=2);
    // It moved since the last look, so the rest may be under way.
    node.look();
    assert_eq!(bob.take(), [2]);
    assert_eq!(node.hub.head(), Position(4), "the head is known all the same");
    node.look();
    assert_eq!(bob.take(), [3, 4]);
    node.deliver(2..=4);
    assert_eq!(bob.take(), [0; 0]);
}

#[test]
fn a_log_that_fails_while_a_hole_is_filled_costs_nothing() {
    let (mut node, mut bob) = live();
    node.record(messages(5));
    node.log.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let later: Vec<_> = node.log.all().into_iter().skip(4).collect();
    node.broker.deliver(&run(&later));
    assert!(node.feed.step().now_or_never().unwrap().is_err());
    node.look();
    node.look();
    assert_eq!(bob.take(), [2, 3, 4, 5, 6]);
}

#[test]
fn an_event_that_was_published_and_is_not_in_the_log_is_a_fault() {
    let (mut node, _bob) = live();
    node.record(messages(5));
    let later: Vec<_> = node.log.all().into_iter().skip(4).collect();
    node.log.cut(1);
    node.broker.deliver(&run(&later));
    let fault = node.feed.step().now_or_never().unwrap().unwrap_err();
    assert_eq!(fault.to_string(), "corrupt data in the log after position 1");
}
