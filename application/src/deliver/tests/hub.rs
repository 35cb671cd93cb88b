//! Who gets what: routing follows membership as of each event's position.

use std::sync::atomic::Ordering;

use posthaste_domain::user::UserEvent;

use super::super::push::Push;
use super::*;
use crate::fake::{direct, joined, opened, posted, recorded, registered, requested};

fn message(n: u128) -> Event {
    posted(n, direct(1, 2), 1, Some("hi"))
}

/// Routes what the hub has not had, to those who the log says it is owed to: the domain cannot say yet that somebody leaves.
fn route_as_the_log_has_it(log: &FakeLog, hub: &Hub) {
    let routed = usize::try_from(hub.position().0).unwrap();
    let pushes = log.all().split_off(routed).into_iter().map(|event| {
        let mut push = Push::new(&event).unwrap();
        push.audience = log.audience(event.position);
        (event.position, Ok(Arc::new(push)))
    });
    hub.route_rendered(pushes.collect());
}

#[test]
fn every_device_of_every_member_gets_a_message_and_nobody_else() {
    let mut node = Node::new();
    node.record([opened(1, 2), opened(1, 3)]);
    node.deliver_the_rest();
    let mut clients = [device(1, 1), device(2, 1), device(2, 2), device(3, 1)].map(|device| node.connect(device, 2));
    node.record([message(1)]);
    node.deliver_the_rest();
    assert_eq!(clients.each_mut().map(Client::take), [vec![3], vec![3], vec![3], vec![]]);
}

#[test]
fn an_event_that_names_users_reaches_them_and_nobody_else() {
    let mut node = Node::new();
    let mut clients = [1, 2, 3].map(|who| node.connect(device(who, 1), 0));
    node.record([registered(1, "ann"), requested(1, 2)]);
    node.deliver_the_rest();
    assert_eq!(clients.each_mut().map(Client::take), [vec![1, 2], vec![2], vec![]]);
}

#[test]
fn who_joins_while_connected_gets_the_joining_and_the_very_next_event() {
    let mut node = Node::new();
    node.record([opened(1, 2), message(1)]);
    node.deliver_the_rest();
    let mut carol = node.connect(device(3, 1), 0);
    assert_eq!(carol.take(), [0; 0]);
    node.record([joined(direct(1, 2), 1, 3), message(2)]);
    node.deliver_the_rest();
    assert_eq!(carol.take(), [3, 4]);
}

#[test]
fn who_leaves_gets_the_leaving_and_nothing_after_on_every_device() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut clients = [device(1, 1), device(2, 1), device(2, 2)].map(|device| node.connect(device, 1));
    clients.iter_mut().for_each(|client| drop(client.take()));
    node.log.record_leaving(&message(1), user(2));
    node.record([message(2)]);
    route_as_the_log_has_it(&node.log, &node.hub);
    assert_eq!(clients.each_mut().map(Client::take), [vec![2, 3], vec![2], vec![2]]);
    let mut late = node.connect(device(2, 3), 0);
    assert_eq!(late.take(), [1, 2], "the log says the same");
}

#[test]
fn the_newest_connection_of_a_device_replaces_the_older_one() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut old = node.connect(device(2, 1), 1);
    let mut other_device = node.connect(device(2, 2), 1);
    let mut other_user = node.connect(device(1, 1), 1);
    assert_eq!(old.take(), [0; 0]);
    let mut new = node.connect(device(2, 1), 1);
    node.record([message(1)]);
    node.deliver_the_rest();
    assert_eq!(old.expect_detached(), Detached::Replaced);
    assert_eq!([new.take(), other_device.take(), other_user.take()], [[2], [2], [2]]);
    assert_eq!(node.hub.connections(), 3);
    drop(old);
    node.record([message(2)]);
    node.deliver_the_rest();
    assert_eq!(new.take(), [3], "the old one takes nothing along when it goes");
}

#[test]
fn a_replaced_connection_ends_even_while_its_window_is_full() {
    let mut node = Node::new();
    node.record([opened(1, 2), message(1)]);
    node.deliver_the_rest();
    let mut old = node.connect_with(device(2, 1), 0, Window { events: 1, bytes: usize::MAX });
    assert_eq!(old.take(), [1]);
    let _new = node.connect(device(2, 1), 1);
    assert_eq!(old.expect_detached(), Detached::Replaced);
}

#[test]
fn a_replaced_connection_is_woken_from_its_wait() {
    let node = Node::new();
    let mut old = node.connect(device(2, 1), 0);
    old.take();
    let (output, _new) = block_on(async { futures::join!(old.reader.next(), async { node.connect_async(device(2, 1)).await }) });
    assert!(matches!(output.unwrap(), Output::Detached(Detached::Replaced)));
}

fn session(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

fn revoked(who: u128, n: u128) -> Event {
    UserEvent::SessionRevoked { user: user(who), session: session(n) }.into()
}

#[test]
fn whoever_speaks_for_a_login_that_is_ended_is_let_go_and_nobody_else() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let full = Window { events: 1, bytes: usize::MAX };
    let mut ended = [node.connect(device(2, 1), 1), node.connect_with(device(2, 2), 0, full)];
    let mut others = [device(2, 3), device(1, 1)].map(|device| node.connect(device, 1));
    assert_eq!(ended[1].take(), [1]);
    let speakers = ended.iter().zip([7, 7]).chain(others.iter().zip([8, 7]));
    speakers.for_each(|(client, login)| node.hub.speak_for(client.reader.attached(), session(login)));
    node.record([message(1), revoked(2, 7), message(2)]);
    node.deliver_the_rest();
    assert_eq!(ended.each_mut().map(Client::expect_detached), [Detached::Revoked; 2]);
    assert_eq!(others.each_mut().map(Client::take), [vec![2, 3, 4], vec![2, 4]]);
    assert_eq!(node.hub.connections(), 2);
}

#[test]
fn whoever_is_suspended_is_let_go_with_every_login_and_nobody_else() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut ended = [1, 2].map(|number| node.connect(device(2, number), 1));
    let mut other = node.connect(device(1, 1), 1);
    node.hub.speak_for(ended[0].reader.attached(), session(7));
    node.record([message(1), UserEvent::Suspended { user: user(2), reason: None }.into(), message(2)]);
    node.deliver_the_rest();
    assert_eq!(ended.each_mut().map(Client::expect_detached), [Detached::Suspended; 2]);
    assert_eq!(other.take(), [2, 4]);
    assert_eq!(node.hub.connections(), 1);
    // Whoever comes back later is let in, as far as the hub knows.
    node.record([UserEvent::Reinstated { user: user(2) }.into()]);
    node.deliver_the_rest();
    assert_eq!(node.connect(device(2, 1), 1).reader.attached().detached(), None);
}

#[test]
fn whoever_leaves_for_ever_is_let_go_with_every_login_as_if_each_was_ended() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut ended = [1, 2].map(|number| node.connect(device(2, number), 1));
    let mut other = node.connect(device(1, 1), 1);
    node.hub.speak_for(ended[0].reader.attached(), session(7));
    let leaves = UserEvent::DeletionRequested { user: user(2), final_at: chrono::DateTime::UNIX_EPOCH };
    node.record([message(1), leaves.into(), message(2)]);
    node.deliver_the_rest();
    assert_eq!(ended.each_mut().map(Client::expect_detached), [Detached::Revoked; 2]);
    assert_eq!(other.take(), [2, 4]);
}

#[test]
fn whoever_changes_to_another_login_ends_with_either_and_then_with_that() {
    for (ends, settled, detached) in [(7, false, true), (8, false, true), (7, true, false), (8, true, true)] {
        let mut node = Node::new();
        let mut bob = node.connect(device(2, 1), 0);
        bob.take();
        node.hub.speak_for(bob.reader.attached(), session(7));
        node.hub.speak_for(bob.reader.attached(), session(8));
        if settled {
            node.hub.speak_only_for(bob.reader.attached(), session(8));
        }
        node.record([revoked(2, ends)]);
        node.deliver_the_rest();
        assert_eq!(bob.reader.attached().detached(), detached.then_some(Detached::Revoked), "{ends} ends, settled: {settled}");
    }
}

#[test]
fn of_devices_that_come_together_the_first_ones_stay() {
    let node = Node::new();
    let clients = [1, 2, 3].map(|which| node.connect(device(2, which), 0));
    let others = node.connect(device(1, 1), 0);
    let too_many = |client: &Client| node.hub.is_one_too_many(client.reader.attached(), 2);
    assert_eq!(clients.each_ref().map(too_many), [false, false, true]);
    assert!(!too_many(&others));
    let again = node.connect(device(2, 1), 0);
    assert!(too_many(&again), "two others were there before it came back");
}

#[test]
fn a_connection_that_goes_leaves_nothing_behind() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let bob = node.connect(device(2, 1), 1);
    assert_eq!(node.hub.connections(), 1);
    drop(bob);
    assert_eq!(node.hub.connections(), 0);
    node.log.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(block_on(node.admit(device(2, 1))).is_err());
    assert_eq!(node.hub.connections(), 0, "an attempt that failed");
    assert!(node.admit(device(2, 1)).now_or_never().is_none());
    assert_eq!(node.hub.connections(), 0, "an attempt that was given up");
}

#[test]
fn who_joins_between_the_snapshot_of_their_threads_and_its_arrival_misses_nothing() {
    let mut node = Node::new();
    node.record([registered(1, "ann")]);
    node.deliver_the_rest();
    let (log, hub) = (Arc::clone(&node.log), Arc::clone(&node.hub));
    node.log.after_memberships(move || {
        log.record([opened(1, 2)]);
        route_as_the_log_has_it(&log, &hub);
    });
    let mut bob = node.connect(device(2, 1), 0);
    assert_eq!(bob.take(), [2]);
    node.record([message(1)]);
    node.deliver_the_rest();
    assert_eq!(bob.take(), [3]);
}

#[test]
fn who_leaves_between_the_snapshot_of_their_threads_and_its_arrival_gets_nothing_after() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let (log, hub) = (Arc::clone(&node.log), Arc::clone(&node.hub));
    node.log.after_memberships(move || {
        log.record_leaving(&message(1), user(2));
        route_as_the_log_has_it(&log, &hub);
    });
    let mut bob = node.connect(device(2, 1), 1);
    assert_eq!(bob.take(), [2]);
    node.record([message(2)]);
    node.deliver_the_rest();
    assert_eq!(bob.take(), [0; 0]);
}

#[test]
fn who_connects_before_the_feed_has_passed_their_joining_gets_nothing_from_before_it() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    node.record([message(1), joined(direct(1, 2), 1, 3), message(2)]);
    let mut carol = node.connect(device(3, 1), 0);
    assert_eq!(carol.take(), [0; 0]);
    node.deliver_the_rest();
    assert_eq!(carol.take(), [3, 4]);
}

#[test]
fn who_connects_before_the_feed_has_passed_their_leaving_gets_everything_up_to_it() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    node.record([message(1)]);
    node.log.record_leaving(&message(2), user(2));
    let mut bob = node.connect(device(2, 1), 1);
    assert_eq!(bob.take(), [0; 0]);
    node.record([message(3)]);
    route_as_the_log_has_it(&node.log, &node.hub);
    assert_eq!(bob.take(), [2, 3]);
}

#[test]
fn an_event_that_is_corrupt_is_not_skipped_over() {
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 1);
    bob.take();
    node.record([message(1), message(2)]);
    let mut damaged = node.log.all().split_off(1);
    damaged[0].facts = "{}".to_owned();
    node.broker.deliver(&run(&damaged));
    node.step();
    assert_eq!(bob.take(), [2, 3], "the log can be read by now");
    assert_eq!(node.log.named.load(Ordering::Relaxed), 0, "what is corrupt is not passed on as it is");
}

#[test]
fn whoever_goes_live_while_others_route_misses_nothing() {
    const EVENTS: u64 = 2_000;
    let mut node = Node::new();
    node.record([opened(1, 2)]);
    node.deliver_the_rest();
    let (log, hub) = (Arc::clone(&node.log), Arc::clone(&node.hub));
    let router = std::thread::spawn(move || {
        for position in 2..=EVENTS {
            let event = message(position.into());
            log.record([event.clone()]);
            hub.route(&run(&[recorded(position, &event)]));
        }
    });
    let mut cursor = 1;
    let mut connections = 0;
    while cursor < EVENTS {
        connections += 1;
        assert!(connections < 1_000_000, "stuck at {cursor}");
        let mut bob = node.connect(device(2, 1), cursor);
        // A little of the backlog, and a little live.
        for _ in 0..4 {
            for position in bob.take() {
                cursor += 1;
                assert_eq!(position, cursor, "every event is owed to bob");
            }
            bob.ack(cursor);
        }
    }
    router.join().unwrap();
}
