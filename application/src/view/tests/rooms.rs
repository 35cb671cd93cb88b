//! Public threads, members, bans and invitations.

use posthaste_domain::InviteId;
use posthaste_domain::thread::{History, Role, ThreadKind, Visibility};

use super::*;
use crate::fake::events::*;
use crate::fake::registered;

fn discover(story: &Story, matching: Option<&str>, page: Page) -> Vec<u64> {
    positions(&story.ask().discover(matching, page), |thread| thread.created)
}

fn members(story: &Story, after: Option<(u64, u128)>, limit: usize) -> Vec<(u64, UserId)> {
    let after = after.map(|(position, who)| (Position(position), user(who)));
    let members = story.ask().members(thread(100), MemberPage { after, limit });
    members.into_iter().map(|member| (member.joined.0, member.person.user)).collect()
}

fn invites(story: &Story, now: u64, page: Page) -> Vec<InviteId> {
    story.ask().invites(thread(100), at(now), page).into_iter().map(|invite| invite.invite).collect()
}

fn invitations(story: &Story, who: u128, now: u64, page: Page) -> Vec<InviteId> {
    story.ask().invitations(user(who), at(now), page).into_iter().map(|invitation| invitation.invite).collect()
}

#[test]
fn public_channels_are_found_newest_first_and_private_ones_never() {
    let mut story =
        Story::of([channel(100, 1, "Old"), group(101, 1, [2], History::All), channel(102, 1, "New Old"), channel(103, 2, "Third")]);
    assert_eq!(discover(&story, None, TOP), [4, 3, 1]);
    assert_eq!(discover(&story, None, Page { before: None, limit: 2 }), [4, 3]);
    assert_eq!(discover(&story, None, page(3, 2)), [1]);
    assert_eq!(discover(&story, Some("old"), TOP), [3, 1]);
    assert_eq!(discover(&story, Some("old"), page(3, 1)), [1]);
    let third = story.ask().discover(Some("third"), TOP).remove(0);
    let expected =
        PublicThread { thread: thread(103), appearance: Some(appearance("Third")), members: 1, has_passcode: false, created: Position(4) };
    assert_eq!(third, expected);
    story.then(&updated(100, 1, 2, Visibility::Private, History::All, Some("Old")));
    story.then(&thread_deleted(102, 1));
    assert_eq!(discover(&story, None, TOP), [4]);
    story.then(&updated(100, 1, 3, Visibility::Public, History::All, None));
    assert_eq!(discover(&story, None, TOP), [4, 1]);
    assert_eq!(discover(&story, Some(""), TOP), [4], "a title that was erased has nothing in it");
    assert!(story.ask().discover(None, TOP).remove(1).has_passcode);
}

#[test]
fn members_come_in_the_order_of_joining_with_names_and_roles() {
    let mut story =
        Story::of([registered(3, "cyd"), group(100, 2, [3, 1], History::All), came(100, 4, None), role_changed(100, 2, 3, Role::Admin)]);
    assert_eq!(members(&story, None, 9), [(2, user(1)), (2, user(2)), (2, user(3)), (3, user(4))]);
    let cyd = story.ask().members(thread(100), MemberPage { after: Some((Position(2), user(2))), limit: 1 }).remove(0);
    assert_eq!((cyd.person.username.as_deref(), cyd.role, cyd.joined_at), (Some("cyd"), Role::Admin, at(2)));
    story.then(&left(100, 1));
    story.then(&came(100, 1, None));
    assert_eq!(members(&story, Some((2, 2)), 9), [(2, user(3)), (3, user(4)), (6, user(1))], "who joins again joins last");
    story.then(&added(100, 2, [4]));
    assert_eq!(members(&story, Some((2, 3)), 9), [(3, user(4)), (6, user(1))], "a member stays where they are");
    story.then(&thread_deleted(100, 2));
    assert_eq!(members(&story, None, 9), []);
}

#[test]
fn a_thousand_who_joined_with_one_event_are_paged_each_once() {
    let mut story = Story::of([group(100, 5_000, [], History::All), added(100, 5_000, (1..=1_000).rev())]);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let next = story.ask().members(thread(100), MemberPage { after, limit: 7 });
        let Some(last) = next.last() else { break };
        after = Some((last.joined, last.person.user));
        paged.extend(next.into_iter().map(|member| member.person.user));
        // Others come and go meanwhile.
        story.then(&came(100, 6_000 + u128::from(story.last), None));
        if paged.len() > 1_000 {
            break;
        }
    }
    let expected: Vec<_> = std::iter::once(user(5_000)).chain((1..=1_000).map(user)).collect();
    assert_eq!(paged[..1_001], expected);
}

#[test]
fn bans_are_listed_latest_first_until_they_are_lifted() {
    let mut story =
        Story::of([registered(2, "bob"), group(100, 1, [2, 3], History::All), banned(100, 1, 2, true), banned(100, 3, 9, false)]);
    let bans = |story: &Story, page| positions(&story.ask().bans(thread(100), page), |ban| ban.since);
    assert_eq!(bans(&story, TOP), [4, 3]);
    assert_eq!((bans(&story, page(4, 9)), bans(&story, Page { before: None, limit: 1 })), (vec![3], vec![4]));
    let ban = story.ask().bans(thread(100), TOP).remove(1);
    assert_eq!((ban.person.username.as_deref(), ban.by, ban.since_at), (Some("bob"), user(1), at(3)));
    story.then(&unbanned(100, 1, 2));
    assert_eq!(bans(&story, TOP), [4]);
    story.then(&banned(100, 1, 9, false));
    assert_eq!(bans(&story, TOP), [6], "somebody is banned once, since the last time");
}

#[test]
fn invitations_are_open_until_they_expire_are_used_up_or_ended() {
    let mut story = Story::of([
        group(100, 1, [], History::All),
        link(100, 1, 11, 50, Some(2)),
        invited(100, 1, 12, 2, 60),
        link(100, 1, 13, 70, None),
        invited(100, 1, 14, 3, 80),
    ]);
    assert_eq!(invites(&story, 49, TOP), [14, 13, 12, 11].map(invite));
    assert_eq!(invites(&story, 50, TOP), [14, 13, 12].map(invite), "not at the very time of expiry");
    assert_eq!(invites(&story, 49, page(4, 1)), [12].map(invite));
    story.then(&came(100, 8, Some(11)));
    let link = story.ask().invites(thread(100), at(1), TOP).remove(3);
    assert_eq!((link.uses, link.max_uses, link.person, link.by, link.created_at), (1, Some(2), None, user(1), at(2)));
    story.then(&came(100, 9, Some(11)));
    assert_eq!(invites(&story, 1, TOP), [14, 13, 12].map(invite), "used up");
    story.then(&invite_revoked(100, 1, 13, None));
    story.then(&invite_declined(100, 14, 3));
    assert_eq!(invites(&story, 1, TOP), [12].map(invite));
    assert_eq!(story.ask().invites(thread(100), at(1), TOP).remove(0).person.unwrap().user, user(2));
    story.then(&thread_deleted(100, 1));
    assert_eq!((invites(&story, 1, TOP), invitations(&story, 2, 1, TOP)), (vec![], vec![]));
}

#[test]
fn the_invited_sees_their_open_invitations_and_nobody_elses() {
    let mut story = Story::of([
        registered(1, "ann"),
        group(100, 1, [4], History::All),
        channel(101, 1, "Wide"),
        invited(100, 1, 11, 2, 50),
        invited(101, 1, 12, 2, 60),
        invited(101, 1, 13, 3, 60),
    ]);
    assert_eq!(invitations(&story, 2, 49, TOP), [12, 11].map(invite));
    assert_eq!((invitations(&story, 2, 50, TOP), invitations(&story, 2, 49, page(5, 9))), (vec![invite(12)], vec![invite(11)]));
    let first = story.ask().invitations(user(2), at(1), TOP).remove(1);
    assert_eq!((first.thread, first.kind, first.appearance, first.members), (thread(100), ThreadKind::Group, Some(appearance("Group")), 2));
    assert_eq!((first.by.username.as_deref(), first.expires_at, first.created_at), (Some("ann"), at(50), at(4)));
    story.then(&invited(101, 4, 14, 2, 90));
    assert_eq!(invitations(&story, 2, 1, TOP), [14, 11].map(invite), "a renewed one takes the place of the old one");
    story.then(&invite_revoked(101, 1, 12, Some(2)));
    assert_eq!(invitations(&story, 2, 1, TOP), [14, 11].map(invite), "the old one is gone already");
}

#[test]
fn joining_in_any_way_or_being_banned_ends_the_invitation() {
    let ends =
        [came(100, 2, Some(11)), came(100, 2, None), added(100, 1, [2]), banned(100, 1, 2, false), invite_revoked(100, 1, 11, Some(2))];
    for event in ends {
        let mut story = Story::of([group(100, 1, [], History::All), invited(100, 1, 11, 2, 50)]);
        assert_eq!(invitations(&story, 2, 9, TOP), [invite(11)]);
        story.then(&event);
        assert_eq!((invitations(&story, 2, 9, TOP), invites(&story, 9, TOP)), (vec![], vec![]), "{event:?}");
    }
}
