//! What each view means, told with small histories.

use posthaste_domain::user::UserEvent;
use posthaste_domain::{Event, FriendshipId, MessageId, Personal};
use uuid::Uuid;

use super::*;
use crate::fake::{accepted, at, direct, opened, pair, posted, recorded, registered, requested, user};

const TOP: Page = Page { before: None, limit: 100 };

fn page(before: u64, limit: usize) -> Page {
    Page { before: Some(Position(before)), limit }
}

fn fold<V: View>(events: &[Event]) -> V {
    let mut view = V::default();
    for (position, event) in (1..).zip(events) {
        view.apply(&recorded(position, event)).unwrap();
    }
    view
}

fn positions<T>(entries: &[T], key: impl Fn(&T) -> Position) -> Vec<u64> {
    entries.iter().map(|entry| key(entry).0).collect()
}

#[test]
fn a_thread_is_in_the_list_of_both_members_and_of_nobody_else() {
    let threads = fold::<Threads>(&[opened(1, 2)]);
    let summary =
        ThreadSummary { thread: direct(1, 2), members: [user(1), user(2)], activity: Position(1), active_at: at(1), last_message: None };
    assert_eq!(threads.list(user(1), TOP), std::slice::from_ref(&summary));
    assert_eq!(threads.list(user(2), TOP), [summary]);
    assert_eq!(threads.list(user(3), TOP), []);
}

#[test]
fn a_message_moves_its_thread_to_the_top_of_both_lists() {
    let threads = fold::<Threads>(&[opened(1, 2), opened(1, 3), opened(2, 3), posted(9, direct(2, 1), 2, Some("hi"))]);
    let first = threads.list(user(1), TOP).remove(0);
    assert_eq!((first.thread, first.activity), (direct(1, 2), Position(4)));
    assert_eq!(first.active_at, at(4));
    assert_eq!(first.last_message, Some(LastMessage { position: Position(4), author: user(2), text: Some("hi".to_owned()) }));
    assert_eq!(positions(&threads.list(user(1), TOP), |thread| thread.activity), [4, 2]);
    assert_eq!(positions(&threads.list(user(2), TOP), |thread| thread.activity), [4, 3]);
    assert_eq!(positions(&threads.list(user(3), TOP), |thread| thread.activity), [3, 2]);
}

#[test]
fn an_erased_message_is_still_the_last_one_and_says_nothing() {
    let threads = fold::<Threads>(&[opened(1, 2), posted(8, direct(1, 2), 1, Some("hi")), posted(9, direct(2, 1), 2, None)]);
    let last = threads.list(user(1), TOP).remove(0).last_message;
    assert_eq!(last, Some(LastMessage { position: Position(3), author: user(2), text: None }));
}

#[test]
fn threads_are_paged_by_activity() {
    let threads = fold::<Threads>(&[opened(1, 2), opened(1, 3), opened(1, 4), posted(9, direct(1, 2), 1, Some("up"))]);
    let list = |page| positions(&threads.list(user(1), page), |thread| thread.activity);
    assert_eq!(list(Page { before: None, limit: 2 }), [4, 3]);
    assert_eq!(list(page(3, 2)), [2]);
    assert_eq!(list(page(2, 2)), [0; 0]);
    assert_eq!(list(Page { before: None, limit: 0 }), [0; 0]);
}

#[test]
fn a_timeline_has_the_messages_of_its_thread_newest_first() {
    let timeline = fold::<Timeline>(&[
        opened(1, 2),
        posted(7, direct(1, 2), 1, Some("a")),
        posted(8, direct(1, 3), 1, Some("b")),
        posted(9, direct(2, 1), 2, None),
    ]);
    let texts: Vec<_> = timeline.page(direct(1, 2), TOP).into_iter().map(|entry| (entry.position.0, entry.author, entry.text)).collect();
    assert_eq!(texts, [(4, user(2), None), (2, user(1), Some("a".to_owned()))]);
    let entry = timeline.page(direct(1, 3), TOP).remove(0);
    assert_eq!((entry.message, entry.thread), (MessageId::new(Uuid::from_u128(8)), direct(1, 3)));
    assert_eq!(entry.at, at(3));
    assert_eq!(timeline.page(direct(2, 3), TOP), []);
}

#[test]
fn a_timeline_is_paged_by_position() {
    let messages: Vec<_> = (0..5).map(|n| posted(n, direct(1, 2), 1, Some("m"))).collect();
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
    let entry = |other, name: &str, state| Friend {
        friendship: FriendshipId::between(pair(1, 2)),
        user: user(other),
        username: Some(name.to_owned()),
        display_name: Some(name.to_uppercase()),
        state,
        since: Position(3),
        since_at: at(3),
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
    let mut event = recorded(7, &opened(1, 2));
    event.facts = "{}".to_owned();
    assert_eq!(Threads::default().apply(&event).unwrap_err().position, 7);
}
