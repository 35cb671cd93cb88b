//! The judge finds what it is there to find.

use posthaste_application::codec;
use posthaste_application::recorded::{Position, Recorded, StreamId};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{Forwarded, MessageEvent};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::{Circle, ServiceRole, UserEvent};
use posthaste_domain::{Event, Personal};
use posthaste_tests::drafts::taken;
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

const ALICE: u128 = 1;
const BOB: u128 = 2;
const EVE: u128 = 3;

fn group() -> ThreadId {
    ThreadId::new(Uuid::from_u128(100))
}

fn direct() -> UserPair {
    UserPair::new(user(ALICE), user(BOB)).unwrap()
}

/// Alice and Bob are friends with a direct thread, and have a group, where message 1 is Bob's.
fn beginning() -> Vec<Event> {
    let (alice, bob, pair) = (user(ALICE), user(BOB), direct());
    let registered = |n| UserEvent::Registered { user: user(n), content: Personal::Erased }.into();
    let (kind, visibility, history) = (SharedKind::Group, Visibility::Private, History::Joined);
    let created =
        ThreadEvent::Created { thread: group(), kind, by: alice, members: vec![bob], visibility, history, content: Personal::Erased };
    vec![
        registered(ALICE),
        registered(BOB),
        registered(EVE),
        FriendshipEvent::Requested { pair, by: alice }.into(),
        FriendshipEvent::Accepted { pair, by: bob }.into(),
        ThreadEvent::Opened { thread: ThreadId::direct(pair), pair, by: bob }.into(),
        created.into(),
        posted(1, group(), BOB, None),
    ]
}

fn posted(n: u128, thread: ThreadId, by: u128, reply_to: Option<u128>) -> Event {
    let (message, reply_to) = (message(n), reply_to.map(message));
    let (mentions, forwarded, content) = (vec![], None, Personal::Erased);
    MessageEvent::Posted { message, thread, author: user(by), reply_to, mentions, forwarded, content }.into()
}

/// The words that Bob wrote first, in another message.
fn repeated(n: u128) -> Event {
    let forwarded = Some(Forwarded { message: message(1), author: user(BOB) });
    let (message, author, mentions, content) = (message(n), user(ALICE), vec![], Personal::Erased);
    MessageEvent::Posted { message, thread: group(), author, reply_to: None, mentions, forwarded, content }.into()
}

fn added(users: &[u128]) -> Event {
    ThreadEvent::MembersAdded { thread: group(), by: user(ALICE), members: users.iter().map(|n| user(*n)).collect() }.into()
}

fn banned(n: u128, removed: bool) -> Event {
    ThreadEvent::Banned { thread: group(), by: user(ALICE), user: user(n), removed }.into()
}

fn removed(by: u128, n: u128) -> Event {
    ThreadEvent::MemberRemoved { thread: group(), by: user(by), user: user(n) }.into()
}

fn pinned(n: u128) -> Event {
    ThreadEvent::MessagePinned { thread: group(), by: user(ALICE), message: message(n) }.into()
}

fn deleted(n: u128, by: u128) -> Event {
    MessageEvent::Deleted { message: message(n), thread: group(), by: user(by) }.into()
}

fn recorded(position: u64, event: &Event) -> Recorded {
    let stream = StreamId { category: event.category(), id: Uuid::nil() };
    taken(Position(position), codec::encode(stream, 1, event))
}

/// What the judge says of these after the beginning: how many breaches, and the rule of the first.
fn judged(more: impl IntoIterator<Item = Event>) -> (usize, String) {
    let log: Vec<_> = (1..).zip(beginning().into_iter().chain(more)).map(|(position, event)| recorded(position, &event)).collect();
    let breaches = breaches(&log);
    (breaches.len(), breaches.into_iter().next().map(|breach| breach.rule).unwrap_or_default())
}

#[test]
fn what_is_allowed_passes() {
    let pin_and_delete = [pinned(1), deleted(1, BOB), added(&[EVE]), posted(2, group(), EVE, None), removed(ALICE, EVE)];
    let in_private = [posted(3, ThreadId::direct(direct()), ALICE, None)];
    assert_eq!(judged(pin_and_delete.into_iter().chain(in_private)), (0, String::new()));
}

#[test]
fn words_may_be_repeated_as_long_as_they_stand_somewhere() {
    assert_eq!(judged([repeated(2), deleted(1, BOB), repeated(3), deleted(2, ALICE), repeated(4)]), (0, String::new()));
    let gone = (1, "the message that it repeats: the message was deleted".to_owned());
    assert_eq!(judged([deleted(1, BOB), repeated(2)]), gone);
    assert_eq!(judged([repeated(2), deleted(1, BOB), deleted(2, ALICE), repeated(3)]), gone);
}

#[test]
fn what_is_forbidden_is_found_as_that() {
    let block: Event = FriendshipEvent::Blocked { pair: direct(), by: user(BOB) }.into();
    let end: Event = FriendshipEvent::Ended { pair: direct(), by: user(BOB) }.into();
    let privately = ThreadId::direct(direct());
    let left = |n| ThreadEvent::Left { thread: group(), user: user(n) }.into();
    let joined = ThreadEvent::Joined { thread: group(), user: user(EVE), invite: None }.into();
    let many = |n: u128| (1_000..1_000 + n).map(|n| UserEvent::Registered { user: user(n), content: Personal::Erased }.into());
    let (everybody, one_more): (Vec<_>, _) = ((1_000..1_254).collect(), 1_254);
    let reacted = || -> Event {
        let emoji = posthaste_domain::text::Emoji::parse("👍").unwrap();
        MessageEvent::Reacted { message: message(1), thread: group(), user: user(ALICE), emoji }.into()
    };
    let granted = |n| UserEvent::RoleGranted { user: user(n), role: ServiceRole::Admin }.into();
    let suspended = |n| UserEvent::Suspended { user: user(n), reason: None }.into();
    let invisible = |n| -> Event {
        let (presence, last_seen) = (Circle::Nobody, Circle::Nobody);
        UserEvent::PrivacySet { user: user(n), presence, last_seen, read_receipts: true }.into()
    };
    let cases: Vec<(Vec<Event>, &str)> = vec![
        (vec![posted(2, group(), EVE, None)], "is not a member"),
        (vec![removed(ALICE, BOB), posted(2, group(), BOB, None)], "is not a member"),
        (vec![end.clone(), posted(2, privately, ALICE, None)], "the two are not friends"),
        (vec![end, block.clone(), posted(2, privately, ALICE, None)], "has blocked the other"),
        (vec![block], "something still stands between them"),
        (vec![banned(EVE, false), added(&[EVE])], "is banned"),
        (vec![banned(BOB, false)], "it says removed: false"),
        (vec![removed(BOB, ALICE)], "is neither owner nor admin"),
        (vec![invisible(77)], "is not registered"),
        (vec![invisible(EVE), invisible(EVE)], "it held already"),
        (vec![granted(77)], "is not registered"),
        (vec![granted(EVE), granted(EVE)], "it held already"),
        (vec![suspended(EVE), suspended(EVE)], "it held already"),
        (vec![left(ALICE)], "the owner cannot leave"),
        (vec![joined], "nobody joins a private thread uninvited"),
        (many(255).chain([added(&everybody), added(&[one_more])]).collect(), "257 members are too many"),
        (vec![deleted(1, BOB), pinned(1)], "the message was deleted"),
        (vec![pinned(1), pinned(1)], "it was pinned already"),
        ((2..53).flat_map(|n| [posted(n, group(), BOB, None), pinned(n)]).collect(), "51 messages are pinned"),
        (vec![deleted(1, BOB), reacted()], "the message was deleted"),
        (vec![reacted(), reacted()], "they had reacted so already"),
        (vec![added(&[EVE]), posted(2, group(), EVE, Some(1))], "the message that it answers"),
        (vec![posted(2, privately, ALICE, Some(1))], "it answers a message of another thread"),
    ];
    for (more, rule) in cases {
        let (count, found) = judged(more.clone());
        assert!(count == 1 && found.contains(rule), "{rule}: {count} breaches, the first is {found:?} in {more:?}");
    }
}

#[test]
fn whoever_acts_is_neither_suspended_nor_without_the_right_to_it() {
    type Act = (Option<UserId>, Event);
    let by = |actor: Option<u128>, event: Event| (actor.map(user), event);
    let grant = |n| UserEvent::RoleGranted { user: user(n), role: ServiceRole::Admin }.into();
    let withdraw = |n| UserEvent::RoleWithdrawn { user: user(n), role: ServiceRole::Admin }.into();
    let suspend = |n| UserEvent::Suspended { user: user(n), reason: None }.into();
    let reinstate = |n| UserEvent::Reinstated { user: user(n) }.into();
    let server = None;
    let cases: Vec<(Vec<Act>, Option<&str>)> = vec![
        (vec![by(server, grant(ALICE)), by(Some(ALICE), suspend(BOB)), by(Some(ALICE), reinstate(BOB))], None),
        (vec![by(server, grant(ALICE)), by(Some(ALICE), grant(BOB)), by(Some(BOB), withdraw(ALICE))], None),
        (vec![by(Some(ALICE), suspend(BOB))], Some("is no admin")),
        (vec![by(server, grant(ALICE)), by(server, suspend(ALICE)), by(Some(ALICE), suspend(BOB))], Some("is no admin")),
        (vec![by(server, grant(ALICE)), by(Some(ALICE), withdraw(ALICE))], Some("nobody may do it to themselves")),
        (vec![by(server, grant(ALICE)), by(Some(ALICE), suspend(ALICE))], Some("nobody may do it to themselves")),
        (vec![by(server, suspend(BOB)), by(Some(BOB), posted(2, group(), BOB, None))], Some("is suspended")),
    ];
    for (more, rule) in cases {
        let events = beginning().into_iter().map(|event| (None, event)).chain(more.clone());
        let log: Vec<_> = (1..).zip(events).map(|(position, (actor, event))| Recorded { actor, ..recorded(position, &event) }).collect();
        let found: Vec<_> = breaches(&log).into_iter().map(|breach| breach.rule).collect();
        assert_eq!(found.len(), usize::from(rule.is_some()), "{found:?} of {more:?}");
        assert!(rule.is_none_or(|rule| found[0].contains(rule)), "{rule:?}: {found:?}");
    }
}
