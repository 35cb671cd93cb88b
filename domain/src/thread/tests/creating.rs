use super::*;
use crate::audience::MembershipChange;
use crate::event::Personal;

fn people(kind: SharedKind, others: u128) -> Result<usize, ThreadRefusal> {
    let mut live = Live::<Thread>::default();
    live.ask(create(kind, Visibility::Private, 1_000..1_000 + others))?;
    Ok(live.state.member(user(OWNER))?.members)
}

#[test]
fn whoever_creates_a_thread_owns_it_and_brings_each_of_the_others_once() {
    let events = Thread::default().decide(create(SharedKind::Group, Visibility::Private, [MEMBER, OWNER, MEMBER, ADMIN])).unwrap();
    let expected = ThreadEvent::Created {
        thread: thread(),
        kind: SharedKind::Group,
        by: user(OWNER),
        members: vec![user(MEMBER), user(ADMIN)],
        visibility: Visibility::Private,
        history: History::Joined,
        content: Personal::Known(Appearance { title: title("rust"), description: None, avatar: None }),
    };
    assert_eq!(events, [expected]);
    let state = Thread::replay(&events).unwrap();
    assert_eq!(
        [OWNER, ADMIN, MEMBER, OUTSIDER].map(|n| state.role(user(n))),
        [Some(Role::Owner), Some(Role::Member), Some(Role::Member), None]
    );
}

#[test]
fn all_are_members_from_the_creation_on() {
    let audience = Thread::default().decide(create(SharedKind::Group, Visibility::Private, [2, 3])).unwrap()[0].audience();
    assert_eq!(audience.thread, Some(thread()));
    assert_eq!(audience.users.iter().map(|addressee| addressee.user).collect::<Vec<_>>(), [user(1), user(2), user(3)]);
    assert!(audience.users.iter().all(|addressee| addressee.change == Some(MembershipChange::Joined)));
}

#[test]
fn a_group_has_256_members_at_most_and_a_thousand_are_added_at_once() {
    assert_eq!(people(SharedKind::Group, 255), Ok(256));
    assert_eq!(people(SharedKind::Group, 256), Err(ThreadRefusal::Full));
    assert_eq!(people(SharedKind::Channel, 1_000), Ok(1_001));
    assert_eq!(people(SharedKind::Channel, 1_001), Err(ThreadRefusal::BadCount));
}

#[test]
fn only_a_channel_is_public() {
    let public = |kind| Thread::default().decide(create(kind, Visibility::Public, []));
    assert_eq!(public(SharedKind::Group), Err(ThreadRefusal::OnlyChannelsArePublic));
    assert!(public(SharedKind::Channel).is_ok());
}

#[test]
fn nothing_is_created_or_opened_where_there_is_a_thread() {
    for state in [opened().state, group().state, group().and(delete(OWNER)).state] {
        assert_eq!(state.decide(create(SharedKind::Group, Visibility::Private, [])), Err(ThreadRefusal::NotFound));
        assert_eq!(state.decide(ThreadCommand::OpenDirect { permit: permit(3, 4), by: user(3) }), Err(ThreadRefusal::NotFound));
    }
}

#[test]
fn after_the_deletion_there_is_nothing_for_anybody() {
    let mut live = public();
    assert_eq!(live.ask(delete(OWNER)), Ok(vec![ThreadEvent::Deleted { thread: thread(), by: user(OWNER) }]));
    for command in [delete(OWNER), pin(OWNER, 1), add(ADMIN, [7]), join(OUTSIDER), leave(MEMBER), end_invite(OUTSIDER, 1)] {
        assert_eq!(live.ask(command), Err(ThreadRefusal::NotFound));
    }
    assert_eq!(live.state.glance(user(OWNER), None, minute(0)), None);
    assert!(!live.state.has_member(user(OWNER)));
    live.replays();
}
