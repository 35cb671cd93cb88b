//! What a newer version has recorded: it is delivered as it is stored, to those to whom the log says that it is owed.

use std::sync::atomic::{AtomicUsize, Ordering};

use posthaste_domain::message::MessageEvent;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Addressee, Category, MembershipChange, MessageId};

use super::*;
use crate::fake::{direct, opened, posted};
use crate::recorded::Recorded;

fn message(n: u128) -> Event {
    posted(n, direct(1, 2), 1, Some("hi"))
}

/// A node with the thread of 1 and 2, and devices of 1, 2 and 3 that are live. What is read from the log for devices is counted.
fn live() -> (Node, [Client; 3], Arc<AtomicUsize>) {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut clients = [1, 2, 3].map(|who| node.connect(device(who, 1), 1));
    for client in &mut clients {
        client.take();
    }
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    node.log.after_read_for_user(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    (node, clients, reads)
}

fn of_tomorrow(event: &mut Recorded) {
    event.event_type = "thread.of_tomorrow".to_owned();
    event.stream.category = Category::parse("tomorrow").unwrap();
    event.facts = "{\"so\":\"what\"}".to_owned();
}

#[test]
fn it_reaches_those_to_whom_it_is_owed_at_once_and_changes_who_they_are() {
    let (mut node, mut clients, reads) = live();
    node.record([message(1), message(2), message(3), message(4), message(5)]);
    node.log.alter(3, |event, audience| {
        of_tomorrow(event);
        audience.users = vec![Addressee { user: user(3), change: Some(MembershipChange::Joined) }];
    });
    node.log.alter(5, |event, audience| {
        of_tomorrow(event);
        audience.users = vec![Addressee { user: user(2), change: Some(MembershipChange::Left) }];
    });
    node.deliver_the_rest();
    assert_eq!(clients.each_mut().map(Client::take), [vec![2, 3, 4, 5, 6], vec![2, 3, 4, 5], vec![3, 4, 5, 6]]);
    assert_eq!(reads.load(Ordering::Relaxed), 0, "nobody had to read it from the log");
    assert_eq!(node.log.named.load(Ordering::Relaxed), 1, "once for a run");
}

#[test]
fn whatever_this_version_knows_is_not_asked_for() {
    let (mut node, mut clients, _) = live();
    node.record([message(1), message(2)]);
    node.deliver_the_rest();
    assert_eq!(clients[1].take(), [2, 3]);
    assert_eq!(node.log.named.load(Ordering::Relaxed), 0);
}

#[test]
fn a_newer_form_of_a_known_event_goes_out_as_it_is_stored() {
    let (mut node, mut clients, _) = live();
    node.record([message(1)]);
    node.log.alter(2, |event, _| {
        event.schema = 2;
        event.facts = event.facts.replacen('{', "{\"urgent\":true,", 1);
    });
    node.deliver_the_rest();
    let [frame] = clients[1].frames().try_into().unwrap();
    assert_eq!((&frame["type"], &frame["v"], &frame["body"]["urgent"]), (&"message.posted".into(), &2.into(), &true.into()));
    assert_eq!(frame["body"]["content"]["text"], "hi");
    clients[1].ack(2);
    assert_eq!(clients[1].reader.delivered().len(), 1, "that it is somebody's message can be told");
}

#[test]
fn a_device_that_comes_back_reads_it_from_the_log() {
    let (mut node, _, _) = live();
    node.record([message(1), message(2), message(3)]);
    node.log.alter(3, |event, _| of_tomorrow(event));
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 7), 0);
    assert_eq!(bob.take(), [1, 2, 3, 4]);
}

#[test]
fn a_newer_form_of_the_end_of_a_login_ends_it() {
    let (mut node, mut clients, _) = live();
    node.record([UserEvent::SessionRevoked { user: user(2), session: SessionId::new(Uuid::nil()) }.into()]);
    node.log.alter(2, |event, _| {
        event.schema = 9;
        event.facts = event.facts.replacen('{', "{\"reason\":\"lost\",", 1);
    });
    node.deliver_the_rest();
    assert_eq!(clients[1].expect_detached(), Detached::Revoked);
}

#[test]
fn what_was_deleted_in_a_way_of_tomorrow_is_not_told_again() {
    let (mut node, _, _) = live();
    let deleted = MessageEvent::Deleted { message: MessageId::new(Uuid::from_u128(1)), thread: direct(1, 2), by: user(1) };
    node.record([message(1), deleted.into(), message(2)]);
    node.log.alter(3, |event, _| {
        event.schema = 2;
        event.facts = "{\"in\":\"other words\"}".to_owned();
    });
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 7), 1);
    let contents: Vec<_> = bob.frames().iter().map(|frame| frame["body"]["content"]["text"].is_string()).collect();
    assert_eq!(contents, [false, false, true]);
}

#[test]
fn while_the_log_cannot_say_whose_it_is_nothing_is_skipped() {
    let (mut node, mut clients, _) = live();
    node.record([message(1), message(2)]);
    node.log.alter(2, |event, _| of_tomorrow(event));
    node.broker.deliver(&run(&node.log.all()[1..]));
    node.log.broken.store(true, Ordering::Relaxed);
    assert!(node.feed.step().now_or_never().unwrap().is_err());
    assert_eq!(clients[1].take(), [0; 0]);
    node.look();
    node.look();
    assert_eq!(clients[1].take(), [2, 3]);
}
