use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::testing::{Live, given, minute, pair, user};

const COOL_DOWN: i64 = 60;

fn request_at(by: u128, at: i64) -> FriendshipCommand {
    FriendshipCommand::Request { pair: pair(1, 2), by: user(by), at: minute(at) }
}

fn request(by: u128) -> FriendshipCommand {
    request_at(by, 0)
}

fn accept(by: u128) -> FriendshipCommand {
    FriendshipCommand::Accept { by: user(by) }
}

fn decline(by: u128) -> FriendshipCommand {
    FriendshipCommand::Decline { by: user(by), until: minute(COOL_DOWN) }
}

fn cancel(by: u128) -> FriendshipCommand {
    FriendshipCommand::Cancel { by: user(by) }
}

fn end(by: u128) -> FriendshipCommand {
    FriendshipCommand::End { by: user(by) }
}

fn block(by: u128) -> FriendshipCommand {
    FriendshipCommand::Block { pair: pair(1, 2), by: user(by), until: minute(COOL_DOWN) }
}

fn unblock(by: u128) -> FriendshipCommand {
    FriendshipCommand::Unblock { by: user(by) }
}

/// What the command leads to, after those.
fn after<const N: usize>(commands: [FriendshipCommand; N], command: FriendshipCommand) -> Result<Vec<FriendshipEvent>, FriendshipRefusal> {
    given::<Friendship>(commands).ask(command)
}

fn requested(by: u128) -> FriendshipEvent {
    FriendshipEvent::Requested { pair: pair(1, 2), by: user(by) }
}

fn accepted(by: u128) -> FriendshipEvent {
    FriendshipEvent::Accepted { pair: pair(1, 2), by: user(by) }
}

fn declined(by: u128) -> FriendshipEvent {
    FriendshipEvent::Declined { pair: pair(1, 2), by: user(by), until: minute(COOL_DOWN) }
}

fn cancelled(by: u128) -> FriendshipEvent {
    FriendshipEvent::Cancelled { pair: pair(1, 2), by: user(by) }
}

fn ended(by: u128) -> FriendshipEvent {
    FriendshipEvent::Ended { pair: pair(1, 2), by: user(by) }
}

fn blocked(by: u128) -> FriendshipEvent {
    FriendshipEvent::Blocked { pair: pair(1, 2), by: user(by) }
}

fn unblocked(by: u128) -> FriendshipEvent {
    FriendshipEvent::Unblocked { pair: pair(1, 2), by: user(by) }
}

#[test]
fn a_request_waits_for_the_other_and_asking_twice_changes_nothing() {
    assert_eq!(after([], request(1)), Ok(vec![requested(1)]));
    assert_eq!(after([request(1)], request(1)), Ok(vec![]));
}

#[test]
fn crossing_requests_become_an_acceptance() {
    assert_eq!(after([request(1)], request(2)), Ok(vec![accepted(2)]));
}

#[test]
fn only_the_addressee_answers_and_only_the_requester_takes_it_back() {
    assert_eq!(after([request(1)], accept(1)), Err(FriendshipRefusal::NotTheAddressee));
    assert_eq!(after([request(1)], decline(1)), Err(FriendshipRefusal::NotTheAddressee));
    assert_eq!(after([request(1)], cancel(2)), Err(FriendshipRefusal::NotTheRequester));
    assert_eq!(after([request(1)], accept(2)), Ok(vec![accepted(2)]));
    assert_eq!(after([request(1)], decline(2)), Ok(vec![declined(2)]));
    assert_eq!(after([request(1)], cancel(1)), Ok(vec![cancelled(1)]));
}

#[test]
fn there_is_nothing_to_answer_without_a_request() {
    for command in [accept(1), decline(1), cancel(1)] {
        assert_eq!(after([], command), Err(FriendshipRefusal::NoRequest));
        assert_eq!(after([block(2)], command), Err(FriendshipRefusal::NoRequest));
    }
    assert_eq!(after([request(1), accept(2)], accept(2)), Ok(vec![]), "it is accepted already");
}

#[test]
fn friends_are_friends_until_one_ends_it() {
    assert_eq!(after([request(1), accept(2)], request(1)), Err(FriendshipRefusal::AlreadyFriends));
    assert_eq!(after([request(1), accept(2)], end(2)), Ok(vec![ended(2)]));
    assert_eq!(after([request(1), accept(2), end(2)], end(1)), Err(FriendshipRefusal::NotFriends));
    assert_eq!(after([request(1), accept(2), end(2)], request(1)), Ok(vec![requested(1)]), "nobody was declined");
}

#[test]
fn whoever_was_declined_waits_and_the_other_need_not() {
    let asks_again = |at| after([request(1), decline(2)], request_at(1, at));
    assert_eq!(asks_again(COOL_DOWN - 1), Err(FriendshipRefusal::CoolingDown));
    assert_eq!(asks_again(COOL_DOWN), Ok(vec![requested(1)]));
    assert_eq!(after([request(1), decline(2)], request(2)), Ok(vec![requested(2)]));
}

#[test]
fn a_cool_down_outlives_what_the_other_does_meanwhile() {
    assert_eq!(after([request(1), decline(2), request(2), cancel(2)], request(1)), Err(FriendshipRefusal::CoolingDown));
    assert_eq!(after([request(1), decline(2), block(2), unblock(2)], request(1)), Err(FriendshipRefusal::CoolingDown));
    assert_eq!(after([request(1), decline(2), request(2)], request(1)), Ok(vec![accepted(1)]), "who was asked can say yes");
}

#[test]
fn a_block_ends_what_is_between_them() {
    assert_eq!(after([], block(1)), Ok(vec![blocked(1)]));
    assert_eq!(after([request(1), accept(2)], block(1)), Ok(vec![ended(1), blocked(1)]));
    assert_eq!(after([request(1)], block(1)), Ok(vec![cancelled(1), blocked(1)]));
    assert_eq!(after([request(2)], block(1)), Ok(vec![declined(1), blocked(1)]));
    assert_eq!(after([block(1)], block(1)), Ok(vec![]));
}

#[test]
fn each_lifts_only_their_own_block() {
    assert_eq!(after([block(1)], unblock(2)), Ok(vec![]));
    assert_eq!(after([block(1)], unblock(1)), Ok(vec![unblocked(1)]));
    assert_eq!(after([block(1), block(2)], unblock(1)), Ok(vec![unblocked(1)]));
    assert!(given::<Friendship>([block(1), block(2), unblock(1)]).state.is_blocked());
    assert!(!given::<Friendship>([block(1), block(2), unblock(1), unblock(2)]).state.is_blocked());
    assert_eq!(after([block(1), block(2), unblock(1)], unblock(1)), Ok(vec![]), "it was theirs and is lifted");
}

#[test]
fn while_one_blocks_neither_asks_nor_writes() {
    for by in [1, 2] {
        assert_eq!(after([block(1)], request(by)), Err(FriendshipRefusal::Blocked));
    }
    let state = given::<Friendship>([block(1)]).state;
    for policy in [DirectPolicy::Friends, DirectPolicy::Anyone] {
        assert_eq!(state.direct(pair(1, 2), policy), Err(FriendshipRefusal::Blocked));
    }
}

#[test]
fn the_policy_says_whether_strangers_may_write() {
    let strangers = given::<Friendship>([request(1)]).state;
    assert_eq!(strangers.direct(pair(1, 2), DirectPolicy::Friends), Err(FriendshipRefusal::NotFriends));
    assert_eq!(strangers.direct(pair(1, 2), DirectPolicy::Anyone).map(DirectPermit::pair), Ok(pair(1, 2)));
    let friends = given::<Friendship>([request(1), accept(2)]).state;
    assert_eq!(friends.direct(pair(1, 2), DirectPolicy::Friends).map(DirectPermit::pair), Ok(pair(1, 2)));
    assert_eq!(friends.direct(pair(1, 3), DirectPolicy::Friends), Err(FriendshipRefusal::NotFriends), "proof is about these two");
}

#[test]
fn a_third_has_no_say() {
    for command in [accept(3), decline(3), cancel(3), end(3), block(3), request(3)] {
        for known in [vec![], vec![request(1)], vec![request(1), accept(2)], vec![block(1)]] {
            assert!(given::<Friendship>(known).ask(command).unwrap_or_default().is_empty());
        }
    }
}

#[test]
fn nobody_but_the_blocker_is_told_of_a_block() {
    for event in [blocked(1), unblocked(1)] {
        let told = event.audience().users.into_iter().map(|addressee| addressee.user).collect::<Vec<_>>();
        assert_eq!(told, [user(1)]);
    }
}

fn commands() -> impl Strategy<Value = (FriendshipCommand, i64)> {
    (0..7, 1..=3_u128, 0..5_i64).prop_map(|(kind, by, passes)| {
        let command = match kind {
            0 => request(by),
            1 => accept(by),
            2 => decline(by),
            3 => cancel(by),
            4 => end(by),
            5 => block(by),
            _ => unblock(by),
        };
        (command, passes)
    })
}

fn events() -> impl Strategy<Value = FriendshipEvent> {
    (0..7, 1..=3_u128).prop_map(|(kind, by)| match kind {
        0 => requested(by),
        1 => accepted(by),
        2 => declined(by),
        3 => cancelled(by),
        4 => ended(by),
        5 => blocked(by),
        _ => unblocked(by),
    })
}

/// The rules, told a second time and over the events alone.
#[derive(Default)]
struct Rules {
    request: Option<UserId>,
    friends: bool,
    blockers: Vec<UserId>,
    waits: Vec<(UserId, DateTime<Utc>)>,
}

impl Rules {
    fn hold(&mut self, event: &FriendshipEvent, at: DateTime<Utc>) {
        match *event {
            FriendshipEvent::Requested { by, .. } => {
                assert!(self.request.is_none() && !self.friends, "there is nothing to ask for");
                assert!(self.blockers.is_empty(), "a request while one blocks");
                assert!(self.waits.iter().all(|(user, until)| *user != by || *until <= at), "a request within the cool-down");
                self.request = Some(by);
            }
            FriendshipEvent::Accepted { by, .. } => {
                assert!(self.request.take().is_some_and(|asked| asked != by), "accepted by whoever asked, or nobody asked");
                self.waits.clear();
                self.friends = true;
            }
            FriendshipEvent::Declined { by, until, .. } => {
                let asked = self.request.take().filter(|asked| *asked != by).expect("declined by whoever asked, or nobody asked");
                self.waits.push((asked, until));
            }
            FriendshipEvent::Cancelled { by, .. } => assert_eq!(self.request.take(), Some(by)),
            FriendshipEvent::Ended { .. } => assert!(std::mem::take(&mut self.friends)),
            FriendshipEvent::Blocked { by, .. } => {
                assert!(self.request.is_none() && !self.friends, "a block leaves nothing between them");
                assert!(!self.blockers.contains(&by));
                self.blockers.push(by);
            }
            FriendshipEvent::Unblocked { by, .. } => {
                assert!(self.blockers.contains(&by), "lifted a block that was not theirs");
                self.blockers.retain(|blocker| *blocker != by);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_the_log_obeys_the_rules_and_replays(commands in prop::collection::vec(commands(), 0..40)) {
        let (mut live, mut rules, mut now) = (Live::<Friendship>::default(), Rules::default(), 0);
        for (command, passes) in commands {
            now += passes;
            let command = match command {
                FriendshipCommand::Request { pair, by, .. } => FriendshipCommand::Request { pair, by, at: minute(now) },
                FriendshipCommand::Decline { by, .. } => FriendshipCommand::Decline { by, until: minute(now + 20) },
                FriendshipCommand::Block { pair, by, .. } => FriendshipCommand::Block { pair, by, until: minute(now + 20) },
                same @ (FriendshipCommand::Accept { .. } | FriendshipCommand::Cancel { .. } | FriendshipCommand::End { .. } | FriendshipCommand::Unblock { .. }) => same,
            };
            for event in live.ask(command).unwrap_or_default() {
                rules.hold(&event, minute(now));
            }
            prop_assert_eq!(live.state.is_blocked(), !rules.blockers.is_empty());
            prop_assert_eq!(live.state.direct(pair(1, 2), DirectPolicy::Friends).is_ok(), rules.friends);
        }
        live.replays();
    }

    #[test]
    fn an_event_that_does_not_fit_leaves_the_state_alone(events in prop::collection::vec(events(), 0..40)) {
        let mut live = Live::<Friendship>::default();
        events.iter().for_each(|event| live.offer(event));
        live.replays();
    }
}
