use super::*;

fn sees(live: &Live<Thread>, who: u128, invite: Option<u128>, at: i64) -> bool {
    live.state.glance(user(who), invite.map(invite_id), minute(at)).is_some()
}

#[test]
fn members_see_a_private_thread_and_nobody_else_does() {
    let live = group();
    assert!(sees(&live, MEMBER, None, 0));
    assert!(!sees(&live, OUTSIDER, None, 0));
    assert!(!sees(&live, OUTSIDER, Some(70), 0), "an invitation that was never made");
}

#[test]
fn everybody_sees_a_public_thread_the_banned_as_well() {
    let live = public().and(ban(OWNER, 8));
    assert!(sees(&live, OUTSIDER, None, 0));
    assert!(sees(&live, 8, None, 0));
}

#[test]
fn the_invited_see_it_while_their_invitation_is_open() {
    let live = group().and(invite(OWNER, 70, OUTSIDER));
    assert!(sees(&live, OUTSIDER, None, 59));
    assert!(!sees(&live, OUTSIDER, None, 60), "it has expired");
    assert!(!sees(&live, 5, Some(70), 0), "it is for somebody else");
    assert!(!sees(&live.and(end_invite(OWNER, 70)), OUTSIDER, None, 0), "it was taken back");
}

#[test]
fn whoever_names_an_open_link_sees_it() {
    let live = group().and(link(OWNER, 70, Some(1)));
    assert!(sees(&live, OUTSIDER, Some(70), 59));
    assert!(!sees(&live, OUTSIDER, Some(70), 60), "it has expired");
    assert!(!sees(&live, OUTSIDER, None, 0), "it was not named");
    assert!(!sees(&live.clone().and(join_with(5, Some(70), None, 0)), OUTSIDER, Some(70), 0), "it is used up");
    assert!(!sees(&live.and(ban(OWNER, OUTSIDER)), OUTSIDER, Some(70), 0), "the banned are outsiders");
}

#[test]
fn who_was_removed_banned_or_has_left_is_an_outsider() {
    for went in [leave(MEMBER), remove(OWNER, MEMBER), ban(OWNER, MEMBER)] {
        let live = group().and(went);
        assert!(!sees(&live, MEMBER, None, 0));
        assert_eq!(live.state.admit(user(MEMBER)), Err(ThreadRefusal::NotFound));
        assert_eq!(live.state.member(user(MEMBER)), Err(ThreadRefusal::NotFound));
    }
}

#[test]
fn a_glance_tells_how_the_thread_is_and_what_the_looker_is() {
    let glance = public().state.glance(user(ADMIN), None, minute(0)).unwrap();
    let appearance = Some(Appearance { title: title("rust"), description: None, avatar: None });
    let (kind, role, history) = (ThreadKind::Channel, Some(Role::Admin), History::Joined);
    assert_eq!(glance, Glance { kind, role, history, visibility: Visibility::Public, revision: 1, members: 3, passcode: None, appearance });
    assert_eq!(public().state.glance(user(OUTSIDER), None, minute(0)).unwrap().role, None);
}

#[test]
fn a_permit_is_for_the_thread_it_was_asked_of() {
    let state = group().state;
    let other = ThreadId::new(Uuid::from_u128(98));
    assert_eq!(state.react(other, user(MEMBER)), Err(ThreadRefusal::NotFound));
    assert_eq!(state.moderate(other, user(MEMBER)), Err(ThreadRefusal::NotFound));
    let permit = state.react(thread(), user(MEMBER)).unwrap();
    assert_eq!((permit.thread(), permit.user()), (thread(), user(MEMBER)));
    let permit = state.moderate(thread(), user(MEMBER)).unwrap();
    assert_eq!((permit.thread(), permit.by(), permit.others()), (thread(), user(MEMBER), false));
}
