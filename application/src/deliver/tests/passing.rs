//! What is told in passing: to whom it goes, what becomes of too much of it, and what one client hears of it.

use std::time::{Duration, Instant};

use posthaste_domain::{ThreadId, UserId};

use super::super::asides::{Aside, CAPACITY};
use super::super::watermarks::REMEMBERED;
use super::super::{Attached, OwnTyping, TYPING_LASTS, Typists, Watermarks};
use super::*;
use crate::fake::{direct, opened, posted};
use crate::port::signals::{Signal, To};

fn typing(who: u128, on: bool, hidden_from: &[u128]) -> Signal {
    let hidden_from = hidden_from.iter().copied().map(user).collect();
    Signal::Typing { thread: direct(1, 2), user: user(who), on, hidden_from }
}

fn receipt(who: u128, delivered: Option<u64>, read: Option<u64>, to: To) -> Signal {
    let (delivered, read) = (delivered.map(Position), read.map(Position));
    Signal::Receipt { thread: direct(1, 2), user: user(who), delivered, read, to, hidden_from: vec![] }
}

fn told(attached: &Attached) -> Vec<Aside> {
    std::iter::from_fn(|| attached.aside().now_or_never()).collect()
}

/// A node with members 1, 2 and 4 of a thread, 1 on two devices, and somebody who is not in it.
fn node() -> (Node, [Client; 5]) {
    let mut node = Node::new();
    node.record([opened(1, 2), crate::fake::joined(direct(1, 2), 1, 4)]);
    node.deliver_the_rest();
    let clients = [device(1, 1), device(1, 2), device(2, 1), device(4, 1), device(3, 1)].map(|device| node.connect(device, 2));
    (node, clients)
}

/// How many each of them was told.
fn counts(clients: &[Client; 5]) -> [usize; 5] {
    clients.each_ref().map(|client| told(client.reader.attached()).len())
}

#[test]
fn typing_goes_to_the_other_members_and_past_those_it_is_hidden_from() {
    let (node, clients) = node();
    node.hub.signal(&typing(1, true, &[]));
    assert_eq!(counts(&clients), [0, 0, 1, 1, 0]);
    node.hub.signal(&typing(2, true, &[1]));
    assert_eq!(counts(&clients), [0, 0, 0, 1, 0]);
    node.hub.signal(&typing(3, true, &[]));
    assert_eq!(counts(&clients), [1, 1, 1, 1, 0]);
}

#[test]
fn a_receipt_goes_to_those_it_names_if_they_are_members() {
    let (node, clients) = node();
    node.hub.signal(&receipt(2, Some(5), None, To::Users(vec![user(1), user(2), user(3)])));
    assert_eq!(counts(&clients), [1, 1, 0, 0, 0]);
    node.hub.signal(&receipt(2, None, Some(5), To::Members));
    assert_eq!(counts(&clients), [1, 1, 0, 1, 0]);
}

#[test]
fn who_leaves_is_not_told_what_was_said_before_and_not_yet_heard() {
    let (node, clients) = node();
    node.hub.signal(&typing(1, true, &[]));
    node.log.record_leaving(&posted(1, direct(1, 2), 1, Some("hi")), user(2));
    let pushes = node.log.all().split_off(2).into_iter().map(|event| {
        let mut push = super::super::Push::new(&event).unwrap();
        push.audience = node.log.audience(event.position);
        (event.position, Ok(Arc::new(push)))
    });
    node.hub.route_rendered(pushes.collect());
    node.hub.signal(&typing(1, false, &[]));
    assert_eq!(counts(&clients), [0, 0, 0, 1, 0]);
}

#[test]
fn newer_news_takes_the_place_of_older_and_nothing_of_it_is_lost() {
    let (node, clients) = node();
    let reader = Arc::clone(clients[2].reader.attached());
    node.hub.signal(&typing(1, true, &[]));
    node.hub.signal(&receipt(1, Some(5), None, To::Members));
    node.hub.signal(&receipt(1, None, Some(4), To::Members));
    node.hub.signal(&receipt(1, Some(3), None, To::Members));
    node.hub.signal(&typing(1, false, &[]));
    let (thread, user) = (direct(1, 2), user(1));
    let furthest = Aside::Receipt { thread, user, delivered: Some(Position(5)), read: Some(Position(4)) };
    assert_eq!(told(&reader), [Aside::Typing { thread, user, on: false }, furthest]);
}

#[test]
fn too_much_is_forgotten_from_its_oldest_on_and_never_in_the_place_of_events() {
    let (mut node, mut clients) = node();
    let attached = Arc::clone(clients[2].reader.attached());
    assert_eq!(clients[2].take(), [0; 0]);
    for who in 10..1_010 {
        node.hub.signal(&typing(who, true, &[]));
    }
    node.record([posted(1, direct(1, 2), 1, Some("hi"))]);
    node.deliver_the_rest();
    assert_eq!(clients[2].take(), [3]);
    let told = told(&attached);
    assert_eq!(told.len(), CAPACITY);
    assert!(matches!(told.last(), Some(Aside::Typing { user: last, .. }) if *last == user(1_009)), "{told:?}");
}

#[test]
fn an_ack_tells_which_messages_of_others_were_stored_by_it() {
    let mut node = Node::new();
    let thread = direct(1, 2);
    node.record([opened(1, 2), posted(1, thread, 1, Some("one")), posted(2, thread, 2, Some("two")), posted(3, thread, 1, None)]);
    node.deliver_the_rest();
    let mut bob = node.connect(device(2, 1), 0);
    assert_eq!(bob.take(), [1, 2, 3, 4]);
    let stored = |client: &Client| client.reader.delivered().iter().map(|message| (message.author, message.position.0)).collect::<Vec<_>>();
    bob.ack(3);
    assert_eq!(stored(&bob), [(user(1), 2)]);
    bob.ack(4);
    assert_eq!(stored(&bob), [(user(1), 4)]);
}

fn thread(n: u128) -> ThreadId {
    direct(1, n)
}

#[test]
fn going_on_typing_is_told_again_only_after_a_while() {
    let (mut own, start) = (OwnTyping::default(), Instant::now());
    let told = (0..100).filter(|tenth| own.say(thread(2), true, start + Duration::from_millis(tenth * 100)));
    assert_eq!(told.collect::<Vec<_>>(), [0, 20, 40, 60, 80]);
}

#[test]
fn on_and_off_is_told_no_more_often() {
    let (mut own, start) = (OwnTyping::default(), Instant::now());
    let told = (0..200).filter(|step| own.say(thread(2), step % 2 == 0, start + Duration::from_millis(step * 10)));
    assert_eq!(told.collect::<Vec<_>>(), [0, 1]);
    assert!(own.say(thread(2), true, start + Duration::from_secs(2)));
}

#[test]
fn the_end_is_told_only_where_the_beginning_was() {
    let (mut own, now) = (OwnTyping::default(), Instant::now());
    assert!(!own.say(thread(2), false, now));
    assert!(own.say(thread(2), true, now) && own.say(thread(2), false, now) && !own.say(thread(2), false, now));
}

#[test]
fn a_device_types_in_a_few_threads_at_once_and_leaves_those_where_others_believe_it() {
    let (mut own, now) = (OwnTyping::default(), Instant::now());
    let told: Vec<_> = (2..20).filter(|n| own.say(thread(*n), true, now)).collect();
    assert_eq!(told, [2, 3, 4, 5]);
    assert!(own.say(thread(3), false, now));
    let mut left: Vec<_> = own.leave().collect();
    left.sort_unstable();
    let mut believed = vec![thread(2), thread(4), thread(5)];
    believed.sort_unstable();
    assert_eq!(left, believed);
    // Who has stopped long ago can begin elsewhere.
    assert!(own.say(thread(2), true, now) && own.say(thread(19), true, now + TYPING_LASTS));
}

#[test]
fn who_is_not_heard_of_any_more_is_believed_to_type_for_five_seconds() {
    let (mut typists, start) = (Typists::default(), Instant::now());
    let after = |seconds: u64| start + Duration::from_secs(seconds);
    assert_eq!(typists.expires(), None);
    assert!(typists.hear(thread(2), user(2), true, start));
    assert!(!typists.hear(thread(2), user(2), true, after(3)), "the client knows");
    assert!(typists.hear(thread(3), user(3), true, after(4)));
    assert_eq!((typists.expires(), typists.expired(after(7))), (Some(after(8)), None));
    assert_eq!((typists.expired(after(8)), typists.expired(after(8))), (Some((thread(2), user(2))), None));
    assert!(typists.hear(thread(3), user(3), false, after(8)));
    assert!(!typists.hear(thread(3), user(3), false, after(8)));
    assert_eq!(typists.expires(), None);
}

#[test]
fn a_receipt_is_told_only_if_it_is_more_than_was_told() {
    let mut told = Watermarks::default();
    let mut advance = |who: u128, delivered: Option<u64>, read: Option<u64>| {
        let more = told.advance(thread(2), user(who), delivered.map(Position), read.map(Position));
        more.map(|(delivered, read)| (delivered.map(|position| position.0), read.map(|position| position.0)))
    };
    assert_eq!(advance(1, Some(5), None), Some((Some(5), None)));
    assert_eq!(advance(1, Some(5), None), None);
    assert_eq!(advance(1, Some(4), Some(3)), Some((None, Some(3))));
    assert_eq!(advance(1, Some(6), Some(2)), Some((Some(6), None)));
    assert_eq!(advance(2, Some(1), None), Some((Some(1), None)));
}

#[test]
fn a_client_hears_of_more_only_however_many_receipts_there_are() {
    let (mut told, mut known) = (Watermarks::default(), std::collections::HashMap::<(ThreadId, UserId), Position>::new());
    let mut heard = 0;
    // More people than are remembered, and each of them now forward and now back.
    for step in 0..20_000_u64 {
        let who = user(u128::from(step * 7 % (REMEMBERED as u64 * 3)));
        let position = Position(step / 2 + step * step * 31 % 4_000);
        if let Some((Some(delivered), None)) = told.advance(thread(2), who, Some(position), None) {
            let before = known.insert((thread(2), who), delivered);
            assert!(before.is_none_or(|before| before < delivered), "{delivered} after {before:?}");
            heard += 1;
        }
    }
    assert!(heard > 500, "{heard}");
}
