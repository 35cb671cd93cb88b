use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn pair() -> UserPair {
    UserPair::new(user(2), user(1)).unwrap()
}

fn request(by: u128) -> FriendshipCommand {
    FriendshipCommand::Request { pair: pair(), by: user(by) }
}

fn accept(by: u128) -> FriendshipCommand {
    FriendshipCommand::Accept { by: user(by) }
}

/// The state after these commands, each of which must be allowed.
fn given(commands: &[FriendshipCommand]) -> Friendship {
    commands.iter().cloned().fold(Friendship::default(), |mut state, command| {
        for event in state.decide(command).unwrap() {
            state.apply(&event).unwrap();
        }
        state
    })
}

#[test]
fn a_request_waits_for_the_other() {
    assert_eq!(given(&[request(1)]), Friendship::Requested { pair: pair(), by: user(1) });
    assert_eq!(given(&[request(1)]).permit(), Err(FriendshipRefusal::NotFriends));
}

#[test]
fn asking_twice_changes_nothing() {
    assert_eq!(given(&[request(1)]).decide(request(1)), Ok(vec![]));
}

#[test]
fn crossing_requests_become_an_acceptance() {
    let events = given(&[request(1)]).decide(request(2)).unwrap();
    assert_eq!(events, [FriendshipEvent::Accepted { pair: pair(), by: user(2) }]);
}

#[test]
fn only_the_addressee_accepts() {
    assert_eq!(given(&[request(1)]).decide(accept(1)), Err(FriendshipRefusal::NotTheAddressee));
    assert_eq!(given(&[request(1), accept(2)]), Friendship::Friends { pair: pair() });
}

#[test]
fn accepting_nothing_is_refused_and_accepting_twice_changes_nothing() {
    assert_eq!(Friendship::default().decide(accept(1)), Err(FriendshipRefusal::NoRequest));
    assert_eq!(given(&[request(1), accept(2)]).decide(accept(2)), Ok(vec![]));
}

#[test]
fn friends_hold_a_permit_for_their_pair() {
    assert_eq!(given(&[request(1), accept(2)]).permit().map(FriendsPermit::pair), Ok(pair()));
    assert_eq!(given(&[request(1), accept(2)]).decide(request(1)), Err(FriendshipRefusal::AlreadyFriends));
}

proptest! {
    #[test]
    fn whatever_is_asked_replay_equals_what_was_applied(choices in prop::collection::vec((any::<bool>(), 1..=2_u128), 0..12)) {
        let mut state = Friendship::default();
        let mut log = Vec::new();
        for (asks, by) in choices {
            let command = if asks { request(by) } else { accept(by) };
            if let Ok(events) = state.decide(command) {
                for event in events {
                    prop_assert_eq!(state.apply(&event), Ok(()), "decide emitted what apply rejects");
                    log.push(event);
                }
            }
            prop_assert_eq!(&Friendship::replay(&log).unwrap(), &state);
        }
        prop_assert!(log.len() <= 2);
    }

    #[test]
    fn an_event_that_does_not_fit_leaves_the_state_alone(events in prop::collection::vec((any::<bool>(), 1..=3_u128), 0..8)) {
        let mut state = Friendship::default();
        for (asked, by) in events {
            let before = state.clone();
            let event = if asked { FriendshipEvent::Requested { pair: pair(), by: user(by) } } else { FriendshipEvent::Accepted { pair: pair(), by: user(by) } };
            if state.apply(&event).is_err() {
                prop_assert_eq!(&state, &before);
            }
        }
    }
}
