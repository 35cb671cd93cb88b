//! What a user sees of a thread: windows, notices, dates.

use posthaste_domain::thread::{History, Role, Visibility};

use super::*;
use crate::fake::events::*;
use crate::view::timeline::NOTICE_USERS;

/// Member 2 is there from 3 to 5 and from 8 on.
fn rejoined(history: History) -> Story {
    Story::of([
        group(100, 1, [], history),
        said(1, 100, 1, "before"),
        added(100, 1, [2]),
        said(2, 100, 1, "while"),
        left(100, 2),
        said(3, 100, 1, "between"),
        said(4, 100, 1, "between"),
        came(100, 2, None),
        said(5, 100, 1, "again"),
    ])
}

#[test]
fn a_member_sees_what_happened_while_they_were_members_with_the_joining_and_the_leaving() {
    let story = rejoined(History::Joined);
    assert_eq!(story.seen(2), [3, 4, 5, 8, 9]);
    assert_eq!(story.seen(1), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let seen = |id| story.message(2, id).is_some();
    assert_eq!([1, 2, 3, 4, 5].map(seen), [false, true, false, false, true]);
}

#[test]
fn where_history_is_for_all_a_member_sees_everything() {
    let mut story = rejoined(History::All);
    assert_eq!(story.seen(2), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    story.then(&updated(100, 1, 2, Visibility::Private, History::Joined, None));
    assert_eq!(story.seen(2), [3, 4, 5, 8, 9, 10], "what counts is how the thread is set now");
}

#[test]
fn who_is_not_a_member_sees_nothing_whatever_they_saw_before() {
    for history in [History::Joined, History::All] {
        for event in [left(100, 2), removed(100, 1, 2), banned(100, 1, 2, true), thread_deleted(100, 1)] {
            let mut story = rejoined(history);
            story.then(&event);
            assert_eq!(story.seen(2), [0; 0], "{event:?}");
            assert_eq!(story.message(2, 2), None);
            assert_eq!(story.ask().position_at(user(2), thread(100), at(1)), None);
        }
        assert_eq!(rejoined(history).seen(7), [0; 0]);
        assert_eq!(rejoined(history).ask().timeline(user(2), thread(999), NEWEST), []);
    }
}

#[test]
fn pages_leap_over_the_time_between_two_stays() {
    let story = rejoined(History::Joined);
    let page = |direction, limit| {
        positions(&story.ask().timeline(user(2), thread(100), TimelinePage { direction, limit }), |entry| entry.position)
    };
    let before = |position| Direction::Before(Some(Position(position)));
    let since = |position| Direction::Since(Position(position));
    assert_eq!(page(Direction::Before(None), 3), [9, 8, 5]);
    assert_eq!(page(before(8), 2), [5, 4]);
    assert_eq!(page(before(7), 9), [5, 4, 3]);
    assert_eq!(page(before(3), 9), [0; 0]);
    assert_eq!((page(before(0), 9), page(before(1), 9), page(before(9), 0)), (vec![], vec![], vec![]));
    assert_eq!(page(since(0), 4), [8, 5, 4, 3], "the oldest of them, newest first");
    assert_eq!(page(since(4), 2), [8, 5]);
    assert_eq!(page(since(6), 9), [9, 8]);
    assert_eq!((page(since(9), 9), page(since(u64::MAX), 9), page(since(3), 0)), (vec![], vec![], vec![]));
}

#[test]
fn a_date_leads_to_the_first_entry_that_is_seen_since_then() {
    let story = rejoined(History::Joined);
    let first = |who, time| story.ask().position_at(user(who), thread(100), at(time)).map(|position| position.0);
    assert_eq!([0, 3, 4, 5, 6, 8, 9, 10].map(|time| first(2, time)), [3, 3, 4, 5, 8, 8, 9, 0].map(|at| (at > 0).then_some(at)));
    assert_eq!([0, 1, 6].map(|time| first(1, time)), [1, 1, 6].map(Some));
}

#[test]
fn a_clock_that_goes_back_does_not_hide_the_first_entry_since_a_date() {
    let mut story = Story::of([group(100, 1, [], History::Joined)]);
    for (n, time) in [(1, 10), (2, 30), (3, 20), (4, 25), (5, 40)] {
        story.then_at(&said(n, 100, 1, "m"), at(time));
    }
    let first = |story: &Story, who, time| story.ask().position_at(user(who), thread(100), at(time)).map(|position| position.0);
    assert_eq!([10, 11, 30, 31, 41].map(|time| first(&story, 1, time)), [Some(2), Some(3), Some(3), Some(6), None]);
    story.then_at(&added(100, 1, [2]), at(35));
    story.then_at(&said(6, 100, 1, "m"), at(36));
    assert_eq!([35, 36, 37].map(|time| first(&story, 2, time)), [Some(7), Some(8), None]);
}

#[test]
fn the_server_says_what_happened_to_a_thread() {
    let mut story = Story::of([group(100, 1, [2, 3], History::All), updated(100, 1, 2, Visibility::Private, History::All, Some("New"))]);
    let events = [
        added(100, 2, 10..25),
        came(100, 4, None),
        left(100, 4),
        removed(100, 1, 10),
        role_changed(100, 1, 2, Role::Admin),
        transferred(100, 1, 2),
        banned(100, 2, 11, true),
        updated(100, 2, 3, Visibility::Private, History::All, None),
    ];
    events.iter().for_each(|event| story.then(event));
    let silent = [
        banned(100, 2, 99, false),
        unbanned(100, 2, 99),
        invited(100, 2, 1, 98, 50),
        link(100, 2, 2, 50, None),
        invite_declined(100, 1, 98),
        invite_revoked(100, 2, 2, None),
        said(1, 100, 1, "hi"),
        pinned(100, 1, 1),
        unpinned(100, 1, 1),
        bulk_deleted(100, 1, [1]),
    ];
    silent.iter().for_each(|event| story.then(event));
    let entries = story.ask().timeline(user(1), thread(100), NEWEST);
    let notices = entries.into_iter().rev().filter_map(|entry| match entry.entry {
        Entry::Notice(Notice { event, by, users, count, role, title }) => Some((event, by, users, count, role, title)),
        Entry::Message(_) => None,
    });
    let title = |title: &str| Some(title.to_owned());
    let first: Vec<_> = (10..).take(NOTICE_USERS).map(user).collect();
    let expected = [
        ("thread.created", 1, vec![user(2), user(3)], 2, None, title("Group")),
        ("thread.updated", 1, vec![], 0, None, title("New")),
        ("thread.members_added", 2, first, 15, None, None),
        ("thread.joined", 4, vec![user(4)], 1, None, None),
        ("thread.left", 4, vec![user(4)], 1, None, None),
        ("thread.member_removed", 1, vec![user(10)], 1, None, None),
        ("thread.role_changed", 1, vec![user(2)], 1, Some(Role::Admin), None),
        ("thread.ownership_transferred", 1, vec![user(2)], 1, None, None),
        ("thread.banned", 2, vec![user(11)], 1, None, None),
        ("thread.updated", 2, vec![], 0, None, None),
    ];
    let expected = expected.map(|(event, by, users, count, role, title)| (event.to_owned(), user(by), users, count, role, title));
    assert_eq!(notices.collect::<Vec<_>>(), expected);
}

#[test]
fn opening_a_direct_thread_is_nothing_to_say() {
    let story = Story::of([opened(1, 2)]);
    assert_eq!(story.ask().timeline(user(1), crate::fake::direct(1, 2), NEWEST), []);
}
