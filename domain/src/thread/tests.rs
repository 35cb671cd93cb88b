use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::audience::MembershipChange;
use crate::friendship::{Friendship, FriendshipEvent};

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn friends(one: u128, other: u128) -> FriendsPermit {
    let pair = UserPair::new(user(one), user(other)).unwrap();
    let events = [FriendshipEvent::Requested { pair, by: user(one) }, FriendshipEvent::Accepted { pair, by: user(other) }];
    Friendship::replay(&events).unwrap().permit().unwrap()
}

fn opened(one: u128, other: u128) -> Thread {
    let command = ThreadCommand::OpenDirect { friends: friends(one, other), by: user(one) };
    Thread::replay(&Thread::default().decide(command).unwrap()).unwrap()
}

#[test]
fn a_direct_thread_has_one_id_whoever_opens_it() {
    let one = Thread::default().decide(ThreadCommand::OpenDirect { friends: friends(1, 2), by: user(1) }).unwrap();
    let other = Thread::default().decide(ThreadCommand::OpenDirect { friends: friends(2, 1), by: user(2) }).unwrap();
    let ThreadEvent::Opened { thread: first, .. } = &one[0];
    let ThreadEvent::Opened { thread: second, .. } = &other[0];
    assert_eq!(first, second);
}

#[test]
fn opening_an_open_thread_changes_nothing() {
    assert_eq!(opened(1, 2).decide(ThreadCommand::OpenDirect { friends: friends(2, 1), by: user(2) }), Ok(vec![]));
}

#[test]
fn both_join_with_the_opening_itself() {
    let command = ThreadCommand::OpenDirect { friends: friends(1, 2), by: user(1) };
    let event = &Thread::default().decide(command).unwrap()[0];
    let joined = event.audience().users;
    assert_eq!(joined.iter().map(|a| a.user).collect::<Vec<_>>(), [user(1), user(2)]);
    assert!(joined.iter().all(|a| a.change == Some(MembershipChange::Joined)));
}

#[test]
fn an_outsider_is_not_admitted_and_cannot_tell_whether_there_is_a_thread() {
    assert_eq!(opened(1, 2).admit(user(3)), Err(ThreadRefusal::NotAMember));
    assert_eq!(Thread::default().admit(user(1)), Err(ThreadRefusal::NotAMember));
}

#[test]
fn a_member_may_post_only_with_proof_about_these_two() {
    let Admission::AmongFriends(admission) = opened(1, 2).admit(user(1)).unwrap();
    let permit = admission.settle(friends(1, 2)).unwrap();
    assert_eq!(permit.author(), user(1));
    assert_eq!(admission.settle(friends(1, 3)), Err(ThreadRefusal::NotAMember));
}

proptest! {
    #[test]
    fn whatever_is_asked_replay_equals_what_was_applied(commands in prop::collection::vec((1..=3_u128, 1..=3_u128, 1..=3_u128), 0..8)) {
        let mut state = Thread::default();
        let mut log = Vec::new();
        for (one, other, by) in commands.into_iter().filter(|(one, other, _)| one != other) {
            if let Ok(events) = state.decide(ThreadCommand::OpenDirect { friends: friends(one, other), by: user(by) }) {
                for event in events {
                    prop_assert_eq!(state.apply(&event), Ok(()), "decide emitted what apply rejects");
                    log.push(event);
                }
            }
            prop_assert_eq!(&Thread::replay(&log).unwrap(), &state);
        }
    }
}
