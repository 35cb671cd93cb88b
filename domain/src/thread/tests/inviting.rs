use chrono::TimeDelta;

use super::*;

fn invited(by: u128, id: u128, whom: u128) -> ThreadEvent {
    ThreadEvent::Invited { thread: thread(), by: user(by), invite: invite_id(id), user: user(whom), expires_at: minute(60) }
}

fn revoked(by: u128, id: u128, whom: Option<u128>) -> ThreadEvent {
    ThreadEvent::InviteRevoked { thread: thread(), by: user(by), invite: invite_id(id), user: whom.map(user) }
}

/// A link made at minute 100, when those of [`invite`] and [`link`] have expired.
fn late_link(id: u128) -> ThreadCommand {
    ThreadCommand::CreateLink { by: user(OWNER), invite: invite_id(id), at: minute(100), expires_at: minute(160), max_uses: None }
}

#[test]
fn the_invited_join_by_their_invitation_whether_they_name_it_or_not() {
    let live = || group().and(invite(MEMBER, 70, OUTSIDER));
    assert_eq!(live().log.last(), Some(&invited(MEMBER, 70, OUTSIDER)));
    assert_eq!(live().ask(join(OUTSIDER)), Ok(joined(OUTSIDER, Some(70))));
    assert_eq!(live().ask(join_with(OUTSIDER, Some(70), None, 59)), Ok(joined(OUTSIDER, Some(70))));
}

#[test]
fn an_invitation_is_for_one_person() {
    let mut live = group().and(invite(MEMBER, 70, OUTSIDER));
    assert_eq!(live.ask(join_with(5, Some(70), None, 0)), Err(ThreadRefusal::NotFound));
    assert_eq!(public().and(invite(OWNER, 70, OUTSIDER)).ask(join_with(5, Some(70), None, 0)), Err(ThreadRefusal::NoInvite));
}

#[test]
fn an_expired_invitation_lets_nobody_in() {
    let mut live = group().and(invite(MEMBER, 70, OUTSIDER)).and(link(OWNER, 71, None));
    assert_eq!(live.ask(join_with(OUTSIDER, None, None, 60)), Err(ThreadRefusal::NoInvite), "who was invited knows of the thread");
    assert_eq!(live.ask(join_with(OUTSIDER, Some(70), None, 60)), Err(ThreadRefusal::NoInvite));
    assert_eq!(live.ask(join_with(5, Some(71), None, 60)), Err(ThreadRefusal::NotFound), "a link that has expired tells nothing");
    assert_eq!(live.ask(join_with(5, Some(71), None, 59)), Ok(joined(5, Some(71))));
}

#[test]
fn members_and_the_banned_are_not_invited() {
    assert_eq!(group().ask(invite(OWNER, 70, MEMBER)), Err(ThreadRefusal::AlreadyAMember));
    assert_eq!(group().and(ban(OWNER, OUTSIDER)).ask(invite(OWNER, 70, OUTSIDER)), Err(ThreadRefusal::Banned));
}

#[test]
fn inviting_again_renews_and_leaves_one_invitation() {
    let mut live = group().and(invite(MEMBER, 70, OUTSIDER));
    assert_eq!(live.ask(invite(ADMIN, 71, OUTSIDER)), Ok(vec![revoked(ADMIN, 70, Some(OUTSIDER)), invited(ADMIN, 71, OUTSIDER)]));
    assert_eq!(live.ask(end_invite(ADMIN, 70)), Err(ThreadRefusal::NoInvite));
    assert_eq!(live.ask(join(OUTSIDER)), Ok(joined(OUTSIDER, Some(71))));
    live.replays();
}

#[test]
fn whoever_came_in_by_another_way_is_invited_no_more() {
    for way in [add(OWNER, [OUTSIDER]), join_with(OUTSIDER, Some(71), None, 0), join_with(OUTSIDER, Some(70), None, 0)] {
        let live = group().and(link(OWNER, 71, None)).and(invite(OWNER, 70, OUTSIDER)).and(way);
        let mut live = live.and(remove(OWNER, OUTSIDER));
        assert_eq!(live.ask(join(OUTSIDER)), Err(ThreadRefusal::NotFound));
        assert_eq!(live.ask(end_invite(OWNER, 70)), Err(ThreadRefusal::NoInvite));
    }
}

#[test]
fn a_link_lets_in_as_many_as_it_says() {
    let mut live = group().and(link(ADMIN, 70, Some(2)));
    assert_eq!(live.ask(join_with(5, Some(70), None, 0)), Ok(joined(5, Some(70))));
    assert_eq!(live.ask(join_with(5, Some(70), None, 0)), Ok(vec![]), "who is in it already uses nothing up");
    assert_eq!(live.ask(join_with(6, Some(70), None, 0)), Ok(joined(6, Some(70))));
    assert_eq!(live.ask(join_with(7, Some(70), None, 0)), Err(ThreadRefusal::NotFound));
    assert_eq!(
        [0, 10_001].map(|uses| group().ask(link(OWNER, 70, Some(uses)))),
        [Err(ThreadRefusal::BadCount), Err(ThreadRefusal::BadCount)]
    );
    assert!(group().ask(link(OWNER, 70, Some(10_000))).is_ok());
    let mut endless = group().and(link(OWNER, 70, None));
    assert!((5..50).all(|n| endless.ask(join_with(n, Some(70), None, 0)).is_ok()));
}

#[test]
fn the_invited_decline_and_who_manages_invitations_takes_them_back() {
    let live = || group().and(invite(MEMBER, 70, OUTSIDER)).and(link(ADMIN, 71, None));
    let declined = ThreadEvent::InviteDeclined { thread: thread(), invite: invite_id(70), user: user(OUTSIDER) };
    assert_eq!(live().ask(end_invite(OUTSIDER, 70)), Ok(vec![declined]));
    assert_eq!(live().ask(end_invite(ADMIN, 70)), Ok(vec![revoked(ADMIN, 70, Some(OUTSIDER))]));
    assert_eq!(live().ask(end_invite(OWNER, 71)), Ok(vec![revoked(OWNER, 71, None)]));
    assert_eq!(live().ask(end_invite(MEMBER, 70)), Err(ThreadRefusal::NotAllowed));
    assert_eq!(live().ask(end_invite(OUTSIDER, 71)), Err(ThreadRefusal::NotAMember));
    assert_eq!(live().ask(end_invite(5, 70)), Err(ThreadRefusal::NotFound));
    assert_eq!(live().and(end_invite(OUTSIDER, 70)).ask(join(OUTSIDER)), Err(ThreadRefusal::NotFound));
    assert_eq!(live().and(end_invite(OWNER, 71)).ask(join_with(5, Some(71), None, 0)), Err(ThreadRefusal::NotFound));
}

#[test]
fn two_hundred_invitations_are_open_at_most_and_the_expired_do_not_count() {
    let mut live = (0..199).fold(group(), |live, n| live.and(link(OWNER, 1_000 + n, None))).and(invite(OWNER, 70, OUTSIDER));
    assert_eq!(live.ask(link(OWNER, 71, None)), Err(ThreadRefusal::TooManyInvites));
    assert_eq!(live.ask(invite(OWNER, 71, 5)), Err(ThreadRefusal::TooManyInvites));
    assert_eq!(live.ask(invite(OWNER, 72, OUTSIDER)).map(|events| events.len()), Ok(2), "renewing one adds none");
    assert_eq!(live.ask(late_link(73)).map(|events| events.len()), Ok(1));
}

#[test]
fn an_invitation_stands_for_a_minute_to_a_year() {
    let until = |expires_at| {
        let (by, at) = (user(OWNER), minute(10));
        let person = ThreadCommand::Invite { by, invite: invite_id(70), user: user(OUTSIDER), at, expires_at };
        let link = ThreadCommand::CreateLink { by, invite: invite_id(70), at, expires_at, max_uses: None };
        [person, link].map(|command| group().ask(command).map(|events| events.len()))
    };
    let year = minute(10) + TimeDelta::days(365);
    assert_eq!(until(minute(10)), [Err(ThreadRefusal::BadExpiry); 2]);
    assert_eq!(until(minute(11) - TimeDelta::seconds(1)), [Err(ThreadRefusal::BadExpiry); 2]);
    assert_eq!(until(minute(11)), [Ok(1); 2]);
    assert_eq!(until(year), [Ok(1); 2]);
    assert_eq!(until(year + TimeDelta::seconds(1)), [Err(ThreadRefusal::BadExpiry); 2]);
}

#[test]
fn a_link_is_told_to_its_maker_alone() {
    for event in [link(ADMIN, 70, None), end_invite(ADMIN, 71)] {
        let audience = group().and(link(ADMIN, 71, None)).ask(event).unwrap()[0].audience();
        assert_eq!(audience.thread, None);
        assert_eq!(audience.users.iter().map(|addressee| addressee.user).collect::<Vec<_>>(), [user(ADMIN)]);
    }
}
