//! The list of a user's threads.

use posthaste_domain::MessageId;
use posthaste_domain::thread::{History, Role, ThreadKind, Visibility};

use super::*;
use crate::fake::events::*;
use crate::fake::{direct, posted, registered};
use crate::view::threads::UNREAD_MOST;

fn all() -> ThreadFilter {
    ThreadFilter::default()
}

fn matching(text: &str) -> ThreadFilter {
    ThreadFilter { archived: None, matching: Some(text.to_owned()) }
}

fn list(story: &Story, who: u128, filter: &ThreadFilter, page: Page) -> Vec<u64> {
    positions(&story.ask().threads(user(who), filter, page), |thread| thread.activity)
}

#[test]
fn a_direct_thread_is_in_the_list_of_both_with_the_other_and_of_nobody_else() {
    let story = Story::of([registered(1, "ann"), registered(2, "bob"), opened(1, 2)]);
    let bob = Person { user: user(2), username: Some("bob".to_owned()), display_name: Some("BOB".to_owned()), registered: Position(2) };
    let summary = ThreadSummary {
        thread: direct(1, 2),
        kind: ThreadKind::Direct,
        role: Role::Member,
        members: 2,
        peer: Some(bob),
        appearance: None,
        visibility: Visibility::Private,
        history: History::All,
        revision: 1,
        has_passcode: false,
        muted: false,
        archived: false,
        read: Position::START,
        unread: 0,
        activity: Position(3),
        active_at: at(3),
        last_message: None,
    };
    assert_eq!(story.ask().threads(user(1), &all(), TOP), [summary]);
    assert_eq!(story.ask().thread(user(2), direct(1, 2)).unwrap().peer.unwrap().user, user(1));
    assert_eq!(story.ask().threads(user(3), &all(), TOP), []);
    assert_eq!(story.ask().thread(user(3), direct(1, 2)), None);
}

#[test]
fn a_group_shows_its_settings_as_they_are_now_and_what_each_is_in_it() {
    let mut story = Story::of([group(100, 1, [2, 3], History::Joined)]);
    let mine = story.listed(1);
    assert_eq!((mine.kind, mine.role, mine.members, mine.revision), (ThreadKind::Group, Role::Owner, 3, 1));
    assert_eq!((mine.appearance, mine.history, mine.has_passcode), (Some(appearance("Group")), History::Joined, false));
    assert_eq!(story.listed(2).role, Role::Member);
    story.then(&role_changed(100, 1, 2, Role::Admin));
    story.then(&transferred(100, 1, 3));
    story.then(&updated(100, 3, 2, Visibility::Private, History::All, None));
    assert_eq!([1, 2, 3].map(|who| story.listed(who).role), [Role::Admin, Role::Admin, Role::Owner]);
    let mine = story.listed(1);
    assert_eq!((mine.revision, mine.history, mine.has_passcode, mine.appearance), (2, History::All, true, None));
    assert_eq!(mine.activity, Position(1), "settings are no activity");
}

#[test]
fn a_message_moves_its_thread_to_the_top_of_every_list() {
    let story = Story::of([opened(1, 2), opened(1, 3), opened(2, 3), posted(9, direct(2, 1), 2, Some("hi"))]);
    let first = story.ask().threads(user(1), &all(), TOP).remove(0);
    assert_eq!((first.thread, first.activity, first.active_at), (direct(1, 2), Position(4), at(4)));
    let last = LastMessage { position: Position(4), message: message(9), author: user(2), text: Some("hi".to_owned()), deleted: false };
    assert_eq!(first.last_message, Some(last));
    assert_eq!(list(&story, 1, &all(), TOP), [4, 2]);
    assert_eq!(list(&story, 2, &all(), TOP), [4, 3]);
    assert_eq!(list(&story, 3, &all(), TOP), [3, 2]);
}

#[test]
fn whoever_joins_finds_the_thread_where_they_joined() {
    let story =
        Story::of([group(100, 1, [], History::Joined), said(1, 100, 1, "hi"), group(101, 1, [2], History::Joined), added(100, 1, [2])]);
    assert_eq!(list(&story, 2, &all(), TOP), [4, 3]);
    assert_eq!(list(&story, 1, &all(), TOP), [3, 2]);
    assert_eq!((story.listed(2).active_at, story.listed(1).active_at), (at(4), at(2)));
}

#[test]
fn threads_are_paged_by_activity() {
    let story = Story::of([opened(1, 2), opened(1, 3), opened(1, 4), posted(9, direct(1, 2), 1, Some("up"))]);
    assert_eq!(list(&story, 1, &all(), Page { before: None, limit: 2 }), [4, 3]);
    assert_eq!(list(&story, 1, &all(), page(3, 2)), [2]);
    assert_eq!(list(&story, 1, &all(), page(2, 2)), [0; 0]);
    assert_eq!(list(&story, 1, &all(), Page { before: None, limit: 0 }), [0; 0]);
}

#[test]
fn threads_are_found_by_title_and_by_the_name_of_the_other() {
    let mut story = Story::of([registered(1, "ann"), registered(2, "Bob.B"), opened(1, 2), channel(100, 1, "Ｂoats & more"), opened(1, 3)]);
    assert_eq!(list(&story, 1, &matching("bo"), TOP), [4, 3]);
    assert_eq!(list(&story, 1, &matching("b.b"), TOP), [3]);
    assert_eq!(list(&story, 1, &matching("ann"), TOP), [0; 0], "one's own name finds nothing");
    assert_eq!(list(&story, 1, &matching(""), TOP), [4, 3], "who is not known has no name");
    assert_eq!(list(&story, 1, &matching("bo"), page(4, 9)), [3]);
    story.then(&updated(100, 1, 2, Visibility::Public, History::All, Some("Ships")));
    assert_eq!(list(&story, 1, &matching("boats"), TOP), [0; 0]);
    assert_eq!(list(&story, 1, &matching("ships"), TOP), [4]);
}

#[test]
fn what_a_user_keeps_about_a_thread_is_theirs_alone_and_outlasts_leaving() {
    let mut story = Story::of([group(100, 1, [2], History::Joined), muted(100, 2), archived(100, 2), read(100, 2, 1)]);
    let theirs = |story: &Story| (story.listed(2).muted, story.listed(2).archived, story.listed(2).read);
    assert_eq!(theirs(&story), (true, true, Position(1)));
    assert_eq!((story.listed(1).muted, story.listed(1).archived, story.listed(1).read), (false, false, Position(0)));
    let only = |archived| ThreadFilter { archived: Some(archived), matching: None };
    assert_eq!((list(&story, 2, &only(true), TOP), list(&story, 2, &only(false), TOP)), (vec![1], vec![]));
    assert_eq!((list(&story, 1, &only(true), TOP), list(&story, 1, &only(false), TOP)), (vec![], vec![1]));
    story.then(&left(100, 2));
    story.then(&added(100, 1, [2]));
    assert_eq!(theirs(&story), (true, true, Position(1)));
    story.then(&unmuted(100, 2));
    story.then(&unarchived(100, 2));
    assert_eq!(theirs(&story), (false, false, Position(1)));
}

#[test]
fn who_left_was_removed_or_banned_and_everybody_of_a_deleted_thread_has_it_no_more() {
    for (event, remaining) in [(left(100, 2), 1), (removed(100, 1, 2), 1), (banned(100, 1, 2, true), 1), (thread_deleted(100, 1), 0)] {
        let mut story = Story::of([group(100, 1, [2], History::All), said(1, 100, 1, "hi")]);
        story.then(&event);
        assert_eq!(list(&story, 2, &all(), TOP), [0; 0]);
        assert_eq!(story.ask().thread(user(2), thread(100)), None);
        assert_eq!(list(&story, 1, &all(), TOP).len(), remaining, "{event:?}");
    }
}

#[test]
fn the_last_message_before_joining_is_hidden_unless_history_is_for_all() {
    for (history, last) in [(History::Joined, None), (History::All, Some("before"))] {
        let mut story = Story::of([group(100, 1, [], history), said(1, 100, 1, "before"), came(100, 2, None)]);
        assert_eq!(story.listed(2).last_message.and_then(|last| last.text).as_deref(), last);
        assert_eq!(story.listed(1).last_message.unwrap().text.unwrap(), "before");
        story.then(&said(2, 100, 1, "after"));
        assert_eq!(story.listed(2).last_message.unwrap().text.unwrap(), "after");
    }
}

#[test]
fn a_last_message_of_an_earlier_stay_shows_and_one_of_the_time_between_does_not() {
    let mut story = Story::of([group(100, 1, [2], History::Joined), said(1, 100, 1, "here"), left(100, 2)]);
    story.then(&added(100, 1, [2]));
    assert_eq!(story.listed(2).last_message.unwrap().text.unwrap(), "here");
    story.then(&left(100, 2));
    story.then(&said(2, 100, 1, "between"));
    story.then(&added(100, 1, [2]));
    assert_eq!(story.listed(2).last_message, None);
}

#[test]
fn a_deleted_or_erased_last_message_is_still_the_last_one_and_says_nothing() {
    let mut story = Story::of([group(100, 1, [2], History::Joined), said(1, 100, 1, "first"), said(2, 100, 1, "second")]);
    let last = |story: &Story| story.listed(2).last_message.map(|last| (last.message, last.text, last.deleted)).unwrap();
    story.then(&edited(2, 100, 1, 2, Some("changed")));
    assert_eq!(last(&story), (message(2), Some("changed".to_owned()), false));
    story.then(&edited(2, 100, 1, 3, None));
    assert_eq!(last(&story), (message(2), None, false));
    story.then(&deleted(2, 100, 1));
    assert_eq!(last(&story), (message(2), None, true));
    assert_eq!(story.listed(2).activity, Position(3));
}

#[test]
fn unread_are_the_messages_of_others_above_what_was_read_and_above_joining() {
    let mut story = Story::of([group(100, 1, [], History::All), said(1, 100, 1, "before"), added(100, 1, [2, 3])]);
    assert_eq!(story.listed(2).unread, 0, "what was there before is not news");
    (2..7).for_each(|n| story.then(&said(n, 100, n % 2 + 1, "hi")));
    let unread = |story: &Story| [1, 2, 3].map(|who| story.listed(who).unread);
    assert_eq!(unread(&story), [2, 3, 5], "one's own are no news, nor are notices");
    story.then(&deleted(6, 100, 1));
    assert_eq!(unread(&story), [2, 2, 4]);
    story.then(&bulk_deleted(100, 1, [2, 3]));
    assert_eq!(unread(&story), [1, 1, 2]);
    story.then(&read(100, 3, 5));
    assert_eq!(unread(&story), [1, 1, 2]);
    story.then(&read(100, 3, 6));
    assert_eq!(unread(&story), [1, 1, 1], "what is read is read with its position");
    story.then(&read(100, 3, 500));
    story.then(&read(100, 3, 3));
    assert_eq!((unread(&story), story.listed(3).read), ([1, 1, 0], Position(500)), "reading never goes back");
}

#[test]
fn no_more_than_a_thousand_unread_are_counted() {
    let mut story = Story::of([opened(1, 2)]);
    for n in 0..1_003_u128 {
        story.then(&posted(n, direct(1, 2), 1, Some("m")));
        let unread = story.ask().thread(user(2), direct(1, 2)).unwrap().unread;
        assert_eq!(u128::from(unread), (n + 1).min(UNREAD_MOST.into()));
    }
}

#[test]
fn a_timeline_ahead_of_the_threads_shows_no_more_than_the_threads_know() {
    let mut story = Story::of([group(100, 1, [2], History::Joined), said(1, 100, 1, "old")]);
    let threads = story.threads.clone();
    story.then(&removed(100, 1, 2));
    story.then(&said(2, 100, 1, "not for them"));
    story.threads = threads;
    let last: MessageId = story.listed(2).last_message.unwrap().message;
    assert_eq!((last, story.listed(2).unread, story.seen(2)), (message(1), 1, vec![1, 2]));
    assert_eq!(story.message(2, 2), None);
}
