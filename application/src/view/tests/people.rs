//! Friends, requests, blocks, and the directory.

use posthaste_domain::user::{Circle, Privacy, ServiceRole, UserEvent};
use posthaste_domain::{FriendshipId, Personal};

use super::*;
use crate::fake::events::*;
use crate::fake::{accepted, pair, registered, requested};

fn list(story: &Story, who: u128, state: FriendState, page: Page) -> Vec<u64> {
    positions(&story.ask().friends(user(who), state, page), |friend| friend.since)
}

/// The others that are something to a user, in the order of the states.
fn others(story: &Story, who: u128) -> [Vec<UserId>; 4] {
    FriendState::ALL.map(|state| story.ask().friends(user(who), state, TOP).into_iter().map(|friend| friend.person.user).collect())
}

fn directory(story: &Story, who: u128, matching: &str, page: Page) -> Vec<u64> {
    positions(&story.ask().directory(user(who), matching, page), |person| person.registered)
}

#[test]
fn a_request_is_sent_for_one_and_received_for_the_other() {
    let story = Story::of([registered(1, "ann"), registered(2, "bob"), requested(2, 1)]);
    let entry = |other, name: &str, registered, state| Friend {
        friendship: FriendshipId::between(pair(1, 2)),
        person: Person {
            user: user(other),
            username: Some(name.to_owned()),
            display_name: Some(name.to_uppercase()),
            registered: Position(registered),
        },
        state,
        since: Position(3),
        since_at: at(3),
    };
    assert_eq!(story.ask().friends(user(2), FriendState::Sent, TOP), [entry(1, "ann", 1, FriendState::Sent)]);
    assert_eq!(story.ask().friends(user(1), FriendState::Received, TOP), [entry(2, "bob", 2, FriendState::Received)]);
    assert_eq!(others(&story, 1), [vec![], vec![user(2)], vec![], vec![]]);
    assert_eq!(others(&story, 2), [vec![], vec![], vec![user(1)], vec![]]);
}

#[test]
fn an_accepted_request_is_one_friend_on_either_side_and_a_request_no_more() {
    let mut story = Story::of([requested(2, 1), accepted(1, 2)]);
    assert_eq!(others(&story, 1), [vec![user(2)], vec![], vec![], vec![]]);
    assert_eq!(others(&story, 2), [vec![user(1)], vec![], vec![], vec![]]);
    assert_eq!((list(&story, 1, FriendState::Friend, TOP), list(&story, 2, FriendState::Friend, TOP)), (vec![2], vec![2]));
    story.then(&ended(2, 1));
    assert_eq!((others(&story, 1), others(&story, 2)), Default::default());
}

#[test]
fn a_request_that_was_declined_or_cancelled_is_gone_on_either_side_and_can_come_again() {
    for (answer, again) in [(declined(1, 2), requested(1, 2)), (cancelled(2, 1), requested(1, 2))] {
        let mut story = Story::of([requested(2, 1), answer]);
        assert_eq!((others(&story, 1), others(&story, 2)), Default::default());
        story.then(&again);
        assert_eq!(others(&story, 1), [vec![], vec![], vec![user(2)], vec![]]);
        assert_eq!(list(&story, 2, FriendState::Received, TOP), [3]);
    }
}

#[test]
fn a_block_is_known_to_the_one_who_blocked_alone() {
    let mut story = Story::of([requested(2, 1), accepted(1, 2), ended(1, 2), blocked(1, 2)]);
    assert_eq!(others(&story, 1), [vec![], vec![], vec![], vec![user(2)]]);
    assert_eq!(others(&story, 2), <[Vec<UserId>; 4]>::default());
    story.then(&blocked(2, 1));
    assert_eq!(list(&story, 1, FriendState::Blocked, TOP), [4], "the other's block does not show");
    assert_eq!(list(&story, 2, FriendState::Blocked, TOP), [5]);
    story.then(&unblocked(1, 2));
    assert_eq!(others(&story, 1), <[Vec<UserId>; 4]>::default());
    assert_eq!(others(&story, 2), [vec![], vec![], vec![], vec![user(1)]]);
}

#[test]
fn whoever_was_erased_or_is_not_known_has_no_name() {
    let erased = UserEvent::Registered { user: user(2), content: Personal::Erased }.into();
    let story = Story::of([erased, requested(2, 1), requested(3, 1)]);
    let names = story.ask().friends(user(1), FriendState::Received, TOP).into_iter().map(|friend| friend.person);
    let person = |n, registered| Person { user: user(n), username: None, display_name: None, registered: Position(registered) };
    assert_eq!(names.collect::<Vec<_>>(), [person(3, 0), person(2, 1)]);
    assert_eq!(directory(&story, 1, "", TOP), [0; 0]);
}

#[test]
fn friends_are_paged_by_their_last_change() {
    let story = Story::of([requested(2, 1), requested(3, 1), requested(1, 4), accepted(1, 2), accepted(4, 1), accepted(1, 3)]);
    assert_eq!(list(&story, 1, FriendState::Friend, TOP), [6, 5, 4]);
    assert_eq!(list(&story, 1, FriendState::Friend, page(6, 1)), [5]);
    assert_eq!(list(&story, 1, FriendState::Friend, Page { before: None, limit: 2 }), [6, 5]);
    assert_eq!(list(&story, 1, FriendState::Friend, page(4, 9)), [0; 0]);
}

#[test]
fn the_directory_finds_others_by_any_part_of_their_names_newest_first() {
    let names = ["ann", "Joanna", "bob", "hannah"];
    let story = Story::of((1..).zip(names).map(|(n, name)| registered(n, name)));
    assert_eq!(directory(&story, 3, "ann", TOP), [4, 2, 1]);
    assert_eq!(directory(&story, 1, "ann", TOP), [4, 2], "without the one who asks");
    assert_eq!(directory(&story, 3, "ann", Page { before: None, limit: 2 }), [4, 2]);
    assert_eq!(directory(&story, 3, "ann", page(4, 1)), [2]);
    assert_eq!(directory(&story, 3, "joanna", TOP), [2]);
    assert_eq!(directory(&story, 3, "x", TOP), [0; 0]);
    let joanna = story.ask().directory(user(3), "joa", TOP).remove(0);
    assert_eq!((joanna.user, joanna.username.as_deref(), joanna.display_name.as_deref()), (user(2), Some("Joanna"), Some("JOANNA")));
}

#[test]
fn a_block_hides_each_from_the_other_in_the_directory() {
    let mut story = Story::of([registered(1, "ann"), registered(2, "anna"), registered(3, "hannah"), blocked(1, 2)]);
    let all = |story: &Story| [1, 2, 3].map(|who| directory(story, who, "ann", TOP));
    assert_eq!(all(&story), [vec![3], vec![3], vec![2, 1]]);
    story.then(&blocked(2, 1));
    story.then(&unblocked(1, 2));
    assert_eq!(all(&story), [vec![3], vec![3], vec![2, 1]], "while either blocks");
    story.then(&unblocked(2, 1));
    assert_eq!(all(&story), [vec![3, 2], vec![3, 1], vec![2, 1]]);
}

fn privacy_set(who: u128, presence: Circle, last_seen: Circle) -> Event {
    UserEvent::PrivacySet { user: user(who), presence, last_seen, read_receipts: true }.into()
}

/// What 2, a friend, and 3, a stranger, may know of 1: the presence, and when they were there last.
fn glimpses(story: &Story) -> [(bool, bool); 2] {
    [2, 3].map(|looker| {
        let glimpse = story.ask().glimpses(&[(user(looker), user(1))])[0];
        (glimpse.presence, glimpse.last_seen)
    })
}

#[test]
fn friends_see_each_other_come_and_go_until_somebody_says_otherwise() {
    let mut story = Story::of([requested(2, 1), accepted(1, 2)]);
    assert_eq!(glimpses(&story), [(true, true), (false, false)]);
    for (presence, last_seen, seen) in [
        (Circle::Everyone, Circle::Everyone, [(true, true), (true, true)]),
        (Circle::Everyone, Circle::Friends, [(true, true), (true, false)]),
        (Circle::Everyone, Circle::Nobody, [(true, false), (true, false)]),
        (Circle::Friends, Circle::Everyone, [(true, true), (false, false)]),
        (Circle::Friends, Circle::Nobody, [(true, false), (false, false)]),
        (Circle::Nobody, Circle::Everyone, [(false, false), (false, false)]),
    ] {
        story.then(&privacy_set(1, presence, last_seen));
        assert_eq!(glimpses(&story), seen, "{presence:?}, {last_seen:?}");
        let oneself = story.ask().glimpses(&[(user(1), user(1))]);
        assert_eq!(oneself, [Glimpse { presence: true, last_seen: true, close: true }]);
    }
    story.then(&privacy_set(1, Circle::Friends, Circle::Friends));
    story.then(&ended(2, 1));
    assert_eq!(glimpses(&story), [(false, false), (false, false)]);
}

#[test]
fn a_block_hides_each_from_the_other_whatever_their_privacy() {
    let mut story = Story::of([1, 2].map(|who| privacy_set(who, Circle::Everyone, Circle::Everyone)));
    let mutual = |story: &Story| {
        let glimpses = story.ask().glimpses(&[(user(1), user(2)), (user(2), user(1))]);
        glimpses.into_iter().map(|glimpse| (glimpse.presence, glimpse.last_seen)).collect::<Vec<_>>()
    };
    assert_eq!(mutual(&story), [(true, true); 2]);
    story.then(&blocked(1, 2));
    assert_eq!(mutual(&story), [(false, false); 2]);
    story.then(&blocked(2, 1));
    story.then(&unblocked(1, 2));
    assert_eq!(mutual(&story), [(false, false); 2]);
    story.then(&unblocked(2, 1));
    assert_eq!(mutual(&story), [(true, true); 2]);
}

#[test]
fn privacy_is_told_for_each_who_is_asked_about() {
    let story = Story::of([privacy_set(2, Circle::Nobody, Circle::Everyone)]);
    let set = Privacy { presence: Circle::Nobody, last_seen: Circle::Everyone, read_receipts: true };
    assert_eq!(story.ask().privacy(&[user(1), user(2), user(2)]), [Privacy::default(), set, set]);
}

#[test]
fn who_is_suspended_is_not_found_by_others_and_is_by_those_who_run_the_service() {
    let names = ["ann", "Joanna", "bob"];
    let mut story = Story::of((1..).zip(names).map(|(n, name)| registered(n, name)));
    story.then(&UserEvent::RoleGranted { user: user(3), role: ServiceRole::Admin }.into());
    story.then(&UserEvent::Suspended { user: user(2), reason: None }.into());
    assert_eq!(directory(&story, 3, "ann", TOP), [1]);
    let found = |story: &Story, filter: AccountFilter, page| {
        story.ask().accounts(&filter, page).into_iter().map(|account| account.person.user).collect::<Vec<_>>()
    };
    let filter = AccountFilter::default;
    assert_eq!(found(&story, filter(), TOP), [user(3), user(2), user(1)]);
    assert_eq!(found(&story, filter(), page(3, 1)), [user(2)]);
    assert_eq!(found(&story, AccountFilter { suspended: Some(true), ..filter() }, TOP), [user(2)]);
    assert_eq!(found(&story, AccountFilter { suspended: Some(false), matching: Some("ann".to_owned()), role: None }, TOP), [user(1)]);
    assert_eq!(found(&story, AccountFilter { role: Some(ServiceRole::Admin), ..filter() }, TOP), [user(3)]);
    assert_eq!(found(&story, AccountFilter { role: Some(ServiceRole::Auditor), ..filter() }, TOP), []);
    let census = story.ask().census();
    assert_eq!((census.users, census.suspended, census.admins, census.auditors), (3, 1, 1, 0));
    story.then(&UserEvent::Reinstated { user: user(2) }.into());
    story.then(&UserEvent::RoleWithdrawn { user: user(3), role: ServiceRole::Admin }.into());
    assert_eq!(directory(&story, 3, "ann", TOP), [2, 1]);
    assert_eq!((story.ask().census().suspended, story.ask().census().admins), (0, 0));
}
