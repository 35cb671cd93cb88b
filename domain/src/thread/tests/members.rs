use super::*;
use crate::audience::MembershipChange;

fn added(by: u128, users: impl IntoIterator<Item = u128>) -> Vec<ThreadEvent> {
    vec![ThreadEvent::MembersAdded { thread: thread(), by: user(by), members: users.into_iter().map(user).collect() }]
}

/// A group that has room for so many more.
fn group_with_room(room: u128) -> Live<Thread> {
    group().and(add(OWNER, 1_000..1_253 - room))
}

#[test]
fn those_are_added_who_can_be_each_once() {
    let mut live = group().and(ban(OWNER, 8));
    assert_eq!(live.ask(add(ADMIN, [6, MEMBER, 8, 7, 6])), Ok(added(ADMIN, [6, 7])));
    assert_eq!(live.ask(add(ADMIN, [6, 7])), Ok(vec![]), "they are in it already");
    assert_eq!(live.ask(add(ADMIN, [6, 8])), Err(ThreadRefusal::NobodyToAdd), "the one who is not is banned");
    assert_eq!(live.ask(add(ADMIN, [])), Err(ThreadRefusal::NobodyToAdd));
}

#[test]
fn a_thousand_are_added_at_once_at_most() {
    let channel = || shared(SharedKind::Channel, Visibility::Private);
    assert!(channel().ask(add(OWNER, 1_000..2_000)).is_ok());
    assert_eq!(channel().ask(add(OWNER, 1_000..2_001)), Err(ThreadRefusal::BadCount));
}

#[test]
fn nobody_is_added_beyond_the_limit() {
    assert_eq!(group_with_room(2).ask(add(OWNER, [6, MEMBER, 7, 8])), Ok(added(OWNER, [6, 7])));
    assert_eq!(group_with_room(0).ask(add(OWNER, [6])), Err(ThreadRefusal::NobodyToAdd));
    assert_eq!(group_with_room(0).ask(add(OWNER, [MEMBER])), Ok(vec![]));
}

#[test]
fn a_channel_has_ten_thousand_members_at_most() {
    let mut live = (0..9).fold(public(), |live, n| live.and(add(OWNER, 1_000 * (n + 1)..1_000 * (n + 2))));
    live.ask(add(OWNER, 10_000..10_996)).unwrap();
    assert_eq!(live.state.member(user(OWNER)).map(|glance| glance.members), Ok(9_999));
    assert!(live.ask(join(20_000)).is_ok());
    assert_eq!(live.ask(join(20_001)), Err(ThreadRefusal::Full));
    assert!(live.ask(leave(20_000)).is_ok());
    assert!(live.ask(join(20_001)).is_ok(), "there is room again");
}

#[test]
fn a_full_thread_lets_nobody_join() {
    assert_eq!(group_with_room(1).and(link(OWNER, 70, None)).ask(join_with(5, Some(70), None, 0)), Ok(joined(5, Some(70))));
    assert_eq!(group_with_room(0).and(link(OWNER, 70, None)).ask(join_with(5, Some(70), None, 0)), Err(ThreadRefusal::Full));
}

#[test]
fn a_public_thread_is_joined_and_joining_again_changes_nothing() {
    assert_eq!(public().ask(join(OUTSIDER)), Ok(joined(OUTSIDER, None)));
    assert_eq!(public().ask(join(MEMBER)), Ok(vec![]));
    assert_eq!(public().and(join(OUTSIDER)).state.role(user(OUTSIDER)), Some(Role::Member));
}

#[test]
fn a_private_thread_is_not_found_by_those_who_would_join() {
    assert_eq!(group().ask(join(OUTSIDER)), Err(ThreadRefusal::NotFound));
    assert_eq!(shared(SharedKind::Channel, Visibility::Private).ask(join(OUTSIDER)), Err(ThreadRefusal::NotFound));
    assert_eq!(group().and(remove(OWNER, MEMBER)).ask(join(MEMBER)), Err(ThreadRefusal::NotFound));
}

#[test]
fn joining_takes_the_passcode_that_is_set_now() {
    let set = |code: Option<u128>| update(OWNER, SettingsChanges { passcode: Some(code.map(passcode)), ..SettingsChanges::default() });
    let mut live = public().and(set(Some(5)));
    assert_eq!(live.ask(join(OUTSIDER)), Err(ThreadRefusal::WrongPasscode));
    assert_eq!(live.ask(join_with(OUTSIDER, None, Some(6), 0)), Err(ThreadRefusal::WrongPasscode));
    assert_eq!(live.clone().ask(join_with(OUTSIDER, None, Some(5), 0)), Ok(joined(OUTSIDER, None)));
    assert_eq!(
        live.clone().and(invite(OWNER, 70, OUTSIDER)).ask(join(OUTSIDER)),
        Ok(joined(OUTSIDER, Some(70))),
        "an invitation needs none"
    );
    assert_eq!(live.and(set(Some(6))).ask(join_with(OUTSIDER, None, Some(5), 0)), Err(ThreadRefusal::WrongPasscode));
    assert!(public().and(set(Some(5))).and(set(None)).ask(join(OUTSIDER)).is_ok());
}

#[test]
fn members_leave_and_an_owner_gives_the_thread_away_first() {
    assert_eq!(group().ask(leave(MEMBER)), Ok(vec![ThreadEvent::Left { thread: thread(), user: user(MEMBER) }]));
    assert_eq!(group().ask(leave(OWNER)), Err(ThreadRefusal::OwnerCannotLeave));
    assert!(group().and(transfer(OWNER, MEMBER)).ask(leave(OWNER)).is_ok());
    assert_eq!(group().and(leave(MEMBER)).ask(leave(MEMBER)), Err(ThreadRefusal::NotFound));
    assert_eq!(public().and(leave(MEMBER)).ask(leave(MEMBER)), Err(ThreadRefusal::NotAMember));
}

#[test]
fn the_owner_is_alone_and_may_still_not_leave() {
    let mut alone = given::<Thread>([create(SharedKind::Group, Visibility::Private, [])]);
    assert_eq!(alone.ask(leave(OWNER)), Err(ThreadRefusal::OwnerCannotLeave));
}

#[test]
fn nobody_removes_or_bans_an_equal_or_a_higher_one() {
    let live = group().and(add(OWNER, [7])).and(change_role(OWNER, 7, Role::Admin));
    for does in [remove, ban] {
        for (by, whom) in [(ADMIN, 7), (ADMIN, OWNER), (ADMIN, ADMIN), (OWNER, OWNER)] {
            assert_eq!(live.clone().ask(does(by, whom)), Err(ThreadRefusal::NotAllowed));
        }
        for (by, whom) in [(OWNER, ADMIN), (OWNER, MEMBER), (ADMIN, MEMBER)] {
            assert_eq!(live.clone().ask(does(by, whom)).map(|events| events.len()), Ok(1));
        }
    }
    assert_eq!(live.clone().ask(remove(OWNER, OUTSIDER)), Err(ThreadRefusal::TargetNotAMember));
}

#[test]
fn who_is_removed_hears_of_it_and_is_a_member_no_more() {
    for event in [remove(OWNER, MEMBER), ban(OWNER, MEMBER), leave(MEMBER)].map(|command| group().ask(command).unwrap()[0].clone()) {
        let left = event.audience().users;
        assert_eq!((left[0].user, left[0].change), (user(MEMBER), Some(MembershipChange::Left)), "{event:?}");
    }
}

#[test]
fn a_ban_keeps_out_by_every_way_until_it_is_lifted() {
    let banned = |live: Live<Thread>| live.and(link(OWNER, 70, None)).and(ban(ADMIN, MEMBER));
    assert_eq!(banned(public()).ask(join(MEMBER)), Err(ThreadRefusal::Banned));
    assert_eq!(banned(public()).ask(join_with(MEMBER, Some(70), None, 0)), Err(ThreadRefusal::Banned));
    assert_eq!(banned(group()).ask(join_with(MEMBER, Some(70), None, 0)), Err(ThreadRefusal::NotFound));
    assert_eq!(banned(group()).ask(add(OWNER, [MEMBER])), Err(ThreadRefusal::NobodyToAdd));
    assert_eq!(banned(group()).ask(invite(OWNER, 71, MEMBER)), Err(ThreadRefusal::Banned));
    assert!(banned(public()).and(unban(ADMIN, MEMBER)).ask(join(MEMBER)).is_ok());
}

#[test]
fn a_ban_says_whether_it_removed_somebody_and_is_said_once() {
    let (thread, by) = (thread(), user(OWNER));
    assert_eq!(group().ask(ban(OWNER, MEMBER)), Ok(vec![ThreadEvent::Banned { thread, by, user: user(MEMBER), removed: true }]));
    assert_eq!(group().ask(ban(OWNER, OUTSIDER)), Ok(vec![ThreadEvent::Banned { thread, by, user: user(OUTSIDER), removed: false }]));
    assert_eq!(group().and(ban(OWNER, OUTSIDER)).ask(ban(ADMIN, OUTSIDER)), Ok(vec![]));
    assert_eq!(group().and(ban(OWNER, OUTSIDER)).ask(unban(ADMIN, OUTSIDER)).map(|events| events.len()), Ok(1));
    assert_eq!(group().ask(unban(ADMIN, OUTSIDER)), Ok(vec![]));
}

#[test]
fn a_ban_takes_the_invitation_back() {
    let mut live = group().and(invite(MEMBER, 70, OUTSIDER));
    let (thread, by, user) = (thread(), user(OWNER), user(OUTSIDER));
    let revoked = ThreadEvent::InviteRevoked { thread, by, invite: invite_id(70), user: Some(user) };
    assert_eq!(live.ask(ban(OWNER, OUTSIDER)), Ok(vec![revoked, ThreadEvent::Banned { thread, by, user, removed: false }]));
    assert_eq!(live.and(unban(OWNER, OUTSIDER)).ask(join(OUTSIDER)), Err(ThreadRefusal::NotFound), "it does not come back");
}

#[test]
fn the_owner_makes_admins_and_members_and_no_owners() {
    let changed = |whom, role| vec![ThreadEvent::RoleChanged { thread: thread(), by: user(OWNER), user: user(whom), role }];
    assert_eq!(group().ask(change_role(OWNER, MEMBER, Role::Admin)), Ok(changed(MEMBER, Role::Admin)));
    assert_eq!(group().ask(change_role(OWNER, ADMIN, Role::Member)), Ok(changed(ADMIN, Role::Member)));
    assert_eq!(group().ask(change_role(OWNER, ADMIN, Role::Admin)), Ok(vec![]));
    assert_eq!(group().ask(change_role(OWNER, MEMBER, Role::Owner)), Err(ThreadRefusal::NotAllowed));
    assert_eq!(group().ask(change_role(OWNER, OWNER, Role::Admin)), Err(ThreadRefusal::NotAllowed));
    assert_eq!(group().ask(change_role(OWNER, OUTSIDER, Role::Admin)), Err(ThreadRefusal::TargetNotAMember));
}

#[test]
fn a_thread_that_is_given_away_has_one_owner_and_the_former_is_an_admin() {
    let mut live = group();
    assert_eq!(live.ask(transfer(OWNER, OWNER)), Ok(vec![]));
    assert_eq!(live.ask(transfer(OWNER, OUTSIDER)), Err(ThreadRefusal::TargetNotAMember));
    let given_away = ThreadEvent::OwnershipTransferred { thread: thread(), by: user(OWNER), to: user(MEMBER) };
    assert_eq!(live.ask(transfer(OWNER, MEMBER)), Ok(vec![given_away]));
    assert_eq!([OWNER, ADMIN, MEMBER].map(|n| live.state.role(user(n))), [Role::Admin, Role::Admin, Role::Owner].map(Some));
    assert_eq!(live.ask(delete(OWNER)), Err(ThreadRefusal::NotAllowed));
    live.replays();
}
