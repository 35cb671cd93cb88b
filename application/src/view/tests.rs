//! What each view means, told with small histories.

use chrono::DateTime;
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::{DisplayName, MessageBody, Username};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{CommandId, Event, FriendshipId, MessageId, Personal, ThreadId, UserId, UserPair};
use uuid::Uuid;

use super::*;
use crate::codec;
use crate::recorded::StreamId;

const TOP: Page = Page { before: None, limit: 100 };

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn pair(one: u128, other: u128) -> UserPair {
    UserPair::new(user(one), user(other)).unwrap()
}

fn direct(one: u128, other: u128) -> ThreadId {
    ThreadId::direct(pair(one, other))
}

fn page(before: u64, limit: usize) -> Page {
    Page { before: Some(Position(before)), limit }
}

fn registered(n: u128, username: &str) -> Event {
    let profile =
        Profile { username: Username::parse(username).unwrap(), display_name: DisplayName::parse(&username.to_uppercase()).unwrap() };
    UserEvent::Registered { user: user(n), content: profile.into() }.into()
}

fn requested(by: u128, of: u128) -> Event {
    FriendshipEvent::Requested { pair: pair(by, of), by: user(by) }.into()
}

fn accepted(by: u128, from: u128) -> Event {
    FriendshipEvent::Accepted { pair: pair(by, from), by: user(by) }.into()
}

fn opened(by: u128, with: u128) -> Event {
    ThreadEvent::Opened { thread: direct(by, with), pair: pair(by, with), by: user(by) }.into()
}

fn posted(message: u128, by: u128, to: u128, text: Option<&str>) -> Event {
    let content = text.map(|text| MessageContent::Text { text: MessageBody::parse(text).unwrap() });
    let message = MessageId::new(Uuid::from_u128(message));
    MessageEvent::Posted { message, thread: direct(by, to), author: user(by), content: Personal::from(content) }.into()
}

/// The events as a log would give them, from this position on.
fn recorded(first: u64, events: &[Event]) -> Vec<Recorded> {
    (first..)
        .zip(events)
        .map(|(position, event)| {
            // The views look at what an event says, not at its stream.
            let stream = StreamId { category: event.category(), id: Uuid::nil() };
            let new = codec::encode(stream, 1, event);
            Recorded {
                position: Position(position),
                stream,
                version: new.version,
                event_type: new.event_type,
                schema: new.schema,
                facts: new.facts,
                content: new.content,
                thread: new.thread,
                actor: None,
                command: CommandId::new(Uuid::from_u128(position.into())),
                ordinal: 0,
                fingerprint: [0; 32],
                correlation: Uuid::nil(),
                causation: None,
                at: DateTime::from_timestamp_micros(1_700_000_000_000_000 + i64::try_from(position).unwrap()).unwrap(),
                hash: [0; 32],
            }
        })
        .collect()
}

fn fold<V: View>(events: &[Event]) -> V {
    let mut view = V::default();
    for event in recorded(1, events) {
        view.apply(&event).unwrap();
    }
    view
}

fn positions<T>(entries: &[T], key: impl Fn(&T) -> Position) -> Vec<u64> {
    entries.iter().map(|entry| key(entry).0).collect()
}

#[test]
fn a_thread_is_in_the_list_of_both_members_and_of_nobody_else() {
    let threads = fold::<Threads>(&[opened(1, 2)]);
    let at = recorded(1, &[opened(1, 2)])[0].at;
    let summary =
        ThreadSummary { thread: direct(1, 2), members: [user(1), user(2)], activity: Position(1), active_at: at, last_message: None };
    assert_eq!(threads.list(user(1), TOP), std::slice::from_ref(&summary));
    assert_eq!(threads.list(user(2), TOP), [summary]);
    assert_eq!(threads.list(user(3), TOP), []);
}

#[test]
fn a_message_moves_its_thread_to_the_top_of_both_lists() {
    let threads = fold::<Threads>(&[opened(1, 2), opened(1, 3), opened(2, 3), posted(9, 2, 1, Some("hi"))]);
    let first = threads.list(user(1), TOP).remove(0);
    assert_eq!((first.thread, first.activity), (direct(1, 2), Position(4)));
    assert_eq!(first.active_at, recorded(4, &[opened(1, 2)])[0].at);
    assert_eq!(first.last_message, Some(LastMessage { position: Position(4), author: user(2), text: Some("hi".to_owned()) }));
    assert_eq!(positions(&threads.list(user(1), TOP), |thread| thread.activity), [4, 2]);
    assert_eq!(positions(&threads.list(user(2), TOP), |thread| thread.activity), [4, 3]);
    assert_eq!(positions(&threads.list(user(3), TOP), |thread| thread.activity), [3, 2]);
}

#[test]
fn an_erased_message_is_still_the_last_one_and_says_nothing() {
    let threads = fold::<Threads>(&[opened(1, 2), posted(8, 1, 2, Some("hi")), posted(9, 2, 1, None)]);
    let last = threads.list(user(1), TOP).remove(0).last_message;
    assert_eq!(last, Some(LastMessage { position: Position(3), author: user(2), text: None }));
}

#[test]
fn threads_are_paged_by_activity() {
    let threads = fold::<Threads>(&[opened(1, 2), opened(1, 3), opened(1, 4), posted(9, 1, 2, Some("up"))]);
    let list = |page| positions(&threads.list(user(1), page), |thread| thread.activity);
    assert_eq!(list(Page { before: None, limit: 2 }), [4, 3]);
    assert_eq!(list(page(3, 2)), [2]);
    assert_eq!(list(page(2, 2)), [0; 0]);
    assert_eq!(list(Page { before: None, limit: 0 }), [0; 0]);
}

#[test]
fn a_timeline_has_the_messages_of_its_thread_newest_first() {
    let timeline = fold::<Timeline>(&[opened(1, 2), posted(7, 1, 2, Some("a")), posted(8, 1, 3, Some("b")), posted(9, 2, 1, None)]);
    let texts: Vec<_> = timeline.page(direct(1, 2), TOP).into_iter().map(|entry| (entry.position.0, entry.author, entry.text)).collect();
    assert_eq!(texts, [(4, user(2), None), (2, user(1), Some("a".to_owned()))]);
    let entry = timeline.page(direct(1, 3), TOP).remove(0);
    assert_eq!((entry.message, entry.thread), (MessageId::new(Uuid::from_u128(8)), direct(1, 3)));
    assert_eq!(entry.at, recorded(3, &[opened(1, 2)])[0].at);
    assert_eq!(timeline.page(direct(2, 3), TOP), []);
}

#[test]
fn a_timeline_is_paged_by_position() {
    let messages: Vec<_> = (0..5).map(|n| posted(n, 1, 2, Some("m"))).collect();
    let timeline = fold::<Timeline>(&messages);
    let list = |page| positions(&timeline.page(direct(1, 2), page), |entry| entry.position);
    assert_eq!(list(Page { before: None, limit: 2 }), [5, 4]);
    assert_eq!(list(page(4, 2)), [3, 2]);
    assert_eq!(list(page(2, 2)), [1]);
    assert_eq!(list(page(1, 2)), [0; 0]);
    assert_eq!(list(page(99, 9)), [5, 4, 3, 2, 1]);
}

#[test]
fn whoever_opens_a_direct_thread_both_are_members() {
    let members = fold::<Members>(&[registered(1, "ann"), opened(2, 1)]);
    let member = |n| Member { thread: direct(1, 2), user: user(n), joined: Position(2), left: None };
    assert_eq!(members.list(direct(1, 2)), [member(1), member(2)]);
    assert_eq!(members.member(direct(1, 2), user(2)), Some(member(2)));
    assert_eq!(members.member(direct(1, 2), user(3)), None);
    assert_eq!(members.list(direct(1, 3)), []);
}

#[test]
fn a_request_is_sent_for_one_and_received_for_the_other() {
    let friends = fold::<Friends>(&[registered(1, "ann"), registered(2, "bob"), requested(2, 1)]);
    let at = recorded(3, &[opened(1, 2)])[0].at;
    let entry = |other, name: &str, state| Friend {
        friendship: FriendshipId::between(pair(1, 2)),
        user: user(other),
        username: Some(name.to_owned()),
        display_name: Some(name.to_uppercase()),
        state,
        since: Position(3),
        since_at: at,
    };
    assert_eq!(friends.list(user(2), FriendState::Sent, TOP), [entry(1, "ann", FriendState::Sent)]);
    assert_eq!(friends.list(user(1), FriendState::Received, TOP), [entry(2, "bob", FriendState::Received)]);
    for (who, state) in [(1, FriendState::Sent), (2, FriendState::Received), (1, FriendState::Friend), (2, FriendState::Friend)] {
        assert_eq!(friends.list(user(who), state, TOP), [], "{who} {state:?}");
    }
}

#[test]
fn an_accepted_request_is_one_friend_on_either_side_and_a_request_no_more() {
    let friends = fold::<Friends>(&[requested(2, 1), accepted(1, 2)]);
    for (who, other) in [(1, 2), (2, 1)] {
        let list = friends.list(user(who), FriendState::Friend, TOP);
        assert_eq!(list.iter().map(|friend| (friend.user, friend.since)).collect::<Vec<_>>(), [(user(other), Position(2))]);
        assert_eq!(friends.list(user(who), FriendState::Sent, TOP), []);
        assert_eq!(friends.list(user(who), FriendState::Received, TOP), []);
    }
}

#[test]
fn a_friend_whose_profile_was_erased_has_no_name() {
    let erased = UserEvent::Registered { user: user(2), content: Personal::Erased }.into();
    let friends = fold::<Friends>(&[erased, requested(2, 1)]);
    let friend = friends.list(user(1), FriendState::Received, TOP).remove(0);
    assert_eq!((friend.username, friend.display_name), (None, None));
}

#[test]
fn friends_are_paged_by_their_last_change() {
    let friends = fold::<Friends>(&[requested(2, 1), requested(3, 1), requested(1, 4), accepted(1, 2), accepted(4, 1), accepted(1, 3)]);
    let list = |page| positions(&friends.list(user(1), FriendState::Friend, page), |friend| friend.since);
    assert_eq!(list(TOP), [6, 5, 4]);
    assert_eq!(list(page(6, 1)), [5]);
    assert_eq!(list(page(4, 9)), [0; 0]);
}

#[test]
fn an_event_that_cannot_be_read_is_reported_with_its_position() {
    let mut event = recorded(7, &[opened(1, 2)]).remove(0);
    event.facts = "{}".to_owned();
    assert_eq!(Threads::default().apply(&event).unwrap_err().position, 7);
}
