//! Of the connections of a device, on whatever node, the newest wins.

use posthaste_domain::user::UserEvent;

use super::super::{AckWriter, ack_queue, look_for_newer};
use super::*;
use crate::fake::opened;
use crate::port::cursors::{CursorMove, Generation};
use crate::port::log::Memberships;

/// Two nodes over the same log and cursors.
fn two_nodes() -> (Node, Node) {
    let one = Node::new();
    one.record([opened(1, 2)]);
    let mut other = Node::over(&one.log);
    other.cursors = Arc::clone(&one.cursors);
    (one, other)
}

fn ack_writer(node: &Node, device: Device) -> AckWriter {
    let (queue, writer) = ack_queue(Arc::<FakeCursors>::clone(&node.cursors), Arc::clone(&node.hub));
    queue.add(CursorMove { device, to: Position(1), at: at(1) });
    writer
}

#[test]
fn a_connection_whose_ack_comes_after_a_newer_one_elsewhere_is_let_go_of_and_the_ack_counts() {
    let (one, other) = two_nodes();
    let phone = device(1, 1);
    let mut old = one.connect(phone, 0);
    old.take();
    assert_eq!(block_on(ack_writer(&one, phone).flush()).unwrap(), 1);
    assert!(old.next().is_none(), "it is the only one");
    let mut new = other.connect(phone, 1);
    new.take();
    assert_eq!(block_on(ack_writer(&one, phone).flush()).unwrap(), 1);
    assert_eq!(old.expect_detached(), Detached::Replaced);
    assert_eq!(one.hub.connections(), 0);
    assert_eq!(block_on(ack_writer(&other, phone).flush()).unwrap(), 1);
    assert!(new.next().is_none(), "the newest goes on");
    assert_eq!(one.cursors.moves(phone), [1]);
}

#[test]
fn a_connection_that_never_acks_is_let_go_of_when_the_store_knows_a_newer_one() {
    let (one, other) = two_nodes();
    let (phone, desk) = (device(1, 1), device(1, 2));
    let (mut old, mut untouched) = (one.connect(phone, 0), one.connect(desk, 0));
    let mut new = other.connect(phone, 0);
    for client in [&mut old, &mut untouched, &mut new] {
        client.take();
    }
    for node in [&one, &other] {
        block_on(look_for_newer(&node.hub, &*node.cursors, &node.hub.devices())).unwrap();
    }
    assert_eq!(old.expect_detached(), Detached::Replaced);
    assert!(untouched.next().is_none() && new.next().is_none());
}

#[test]
fn of_two_that_come_at_once_the_newer_stays_whichever_is_first_in_the_hub() {
    let node = Node::new();
    let phone = device(1, 1);
    let memberships = Memberships { as_of: Position::START, windows: Vec::new() };
    let attach =
        |generation| node.hub.arrive(phone.user).attach(phone, Generation(generation), SessionId::new(Uuid::nil()), &memberships).unwrap();
    let (two, one) = (attach(2), attach(1));
    assert_eq!((two.detached(), one.detached()), (None, Some(Detached::Replaced)));
    let three = attach(3);
    assert_eq!((two.detached(), three.detached()), (Some(Detached::Replaced), None));
    assert_eq!(node.hub.connections(), 1);
    node.hub.replaced(&[(phone, Generation(3)), (device(2, 1), Generation(9))]);
    assert_eq!(three.detached(), None, "what is as new is not replaced");
    node.hub.detach(&three);
    assert_eq!(node.hub.connections(), 0);
}

#[test]
fn a_login_that_ends_between_the_look_at_the_store_and_the_arrival_is_looked_for_again() {
    let mut node = Node::new();
    let (phone, session) = (device(1, 1), SessionId::new(Uuid::nil()));
    let arriving = node.hub.arrive(phone.user);
    node.record([UserEvent::SessionRevoked { user: phone.user, session }.into()]);
    node.deliver_the_rest();
    let look = |as_of| arriving.attach(phone, Generation(1), session, &Memberships { as_of, windows: Vec::new() });
    assert!(look(Position::START).is_none(), "the look was before it");
    assert!(look(Position(1)).is_some(), "the look was after it, and says so itself");
}

#[test]
fn whoever_arrives_and_never_attaches_leaves_nothing_behind() {
    let node = Node::new();
    let phone = device(1, 1);
    let (first, second) = (node.hub.arrive(phone.user), node.hub.arrive(phone.user));
    drop(first);
    drop(second);
    assert!(node.hub.devices().is_empty());
    // A look from before what a forgotten arrival was told of: there is none to tell it any more.
    let memberships = Memberships { as_of: Position::START, windows: Vec::new() };
    assert!(node.hub.arrive(phone.user).attach(phone, Generation(1), SessionId::new(Uuid::nil()), &memberships).is_some());
}
