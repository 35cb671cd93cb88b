//! To whom events are owed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use posthaste_domain::MembershipChange::{Joined, Left};
use posthaste_domain::{Addressee, ThreadId, UserId};

use super::{Draft, head, positions, record, stream, thread, user};
use crate::port::EventLog;
use crate::port::log::{MembershipWindow, Memberships};
use crate::recorded::{Append, Position};

/// Small numbers that look random and are the same every time.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// One event in a stream of its own, the n-th.
pub(super) fn event(n: u64) -> Draft {
    Draft::new(n).on(stream(n), 0).event(stream(n))
}

pub(super) async fn record_all(log: &dyn EventLog, drafts: impl IntoIterator<Item = Draft>) {
    for draft in drafts {
        record(log, draft.0).await.expect("recorded");
    }
}

async fn owed(log: &dyn EventLog, user: UserId, after: u64, upto: u64, limit: usize) -> Vec<u64> {
    positions(&log.read_for_user(user, Position(after), Position(upto), limit).await.expect("readable"))
}

fn window(thread: ThreadId, from: u64, until: Option<u64>) -> MembershipWindow {
    MembershipWindow { thread, from: Position(from), until: until.map(Position) }
}

/// Two users and a thread: 2 joined, 4 left, 6 joined again; the rest are messages, and 8 is another thread's.
pub(super) async fn coming_and_going(log: &dyn EventLog) {
    let history = [
        event(1).in_thread(thread(1)),
        event(2).in_thread(thread(1)).to(user(1), Some(Joined)).to(user(2), Some(Joined)),
        event(3).in_thread(thread(1)),
        event(4).in_thread(thread(1)).to(user(1), Some(Left)),
        event(5).in_thread(thread(1)),
        event(6).in_thread(thread(1)).to(user(1), Some(Joined)),
        event(7).in_thread(thread(1)),
        event(8).in_thread(thread(2)),
        event(9),
    ];
    record_all(log, history).await;
}

pub async fn a_member_gets_a_threads_events_from_joining_to_leaving(log: Arc<dyn EventLog>) {
    coming_and_going(&*log).await;
    assert_eq!(owed(&*log, user(1), 0, 99, 99).await, [2, 3, 4, 6, 7], "both ends belong to them, and nothing between");
    assert_eq!(owed(&*log, user(2), 0, 99, 99).await, [2, 3, 4, 5, 6, 7]);
    assert!(owed(&*log, user(3), 0, 99, 99).await.is_empty());
}

pub async fn who_is_named_gets_the_event_without_being_a_member(log: Arc<dyn EventLog>) {
    let history = [
        event(1).in_thread(thread(1)).to(user(2), Some(Joined)),
        event(2).to(user(1), None),
        event(3).in_thread(thread(1)).to(user(1), None),
        event(4).in_thread(thread(1)),
        event(5).to(user(1), None).to(user(2), None),
    ];
    record_all(&*log, history).await;
    assert_eq!(owed(&*log, user(1), 0, 99, 99).await, [2, 3, 5]);
    assert_eq!(owed(&*log, user(2), 0, 99, 99).await, [1, 3, 4, 5]);
    assert_eq!(log.memberships(user(1)).await.expect("readable").windows, [], "to be named is not to join");
}

pub async fn whom_events_name_is_told_by_their_positions(log: Arc<dyn EventLog>) {
    coming_and_going(&*log).await;
    record_all(&*log, [event(10).to(user(3), None).to(user(1), None), event(11).in_thread(thread(1)).to(user(3), None)]).await;
    let named = async |positions: &[u64]| {
        let positions: Vec<_> = positions.iter().copied().map(Position).collect();
        let named = log.addressees(&positions).await.expect("readable");
        named.into_iter().map(|(position, Addressee { user, change })| (position.0, user, change)).collect::<Vec<_>>()
    };
    assert_eq!(named(&[2]).await, [(2, user(1), Some(Joined)), (2, user(2), Some(Joined))]);
    assert_eq!(named(&[4]).await, [(4, user(1), Some(Left))]);
    assert_eq!(named(&[1, 3, 8, 9, 99]).await, [], "nobody by name, or no event at all");
    assert_eq!(named(&[]).await, []);
    let all = [(4, user(1), Some(Left)), (6, user(1), Some(Joined)), (10, user(1), None), (10, user(3), None), (11, user(3), None)];
    assert_eq!(named(&[11, 4, 10, 6, 5]).await, all, "in the order of positions, then of users");
}

pub async fn an_event_owed_twice_comes_once(log: Arc<dyn EventLog>) {
    let history = [
        event(1).in_thread(thread(1)).to(user(1), Some(Joined)),
        event(2).in_thread(thread(1)).to(user(1), None),
        event(3).in_thread(thread(1)).to(user(1), Some(Left)),
    ];
    record_all(&*log, history).await;
    assert_eq!(owed(&*log, user(1), 0, 99, 99).await, [1, 2, 3]);
}

pub async fn what_is_owed_is_read_between_two_positions_up_to_a_limit(log: Arc<dyn EventLog>) {
    coming_and_going(&*log).await;
    for (after, upto, limit, expected) in [
        (2, 99, 99, vec![3, 4, 6, 7]),
        (0, 6, 99, vec![2, 3, 4, 6]),
        (2, 6, 99, vec![3, 4, 6]),
        (3, 4, 99, vec![4]),
        (4, 5, 99, vec![]),
        (0, 99, 2, vec![2, 3]),
        (3, 99, 2, vec![4, 6]),
        (7, 99, 2, vec![]),
        (6, 6, 99, vec![]),
        (9, 3, 99, vec![]),
        (0, 99, 0, vec![]),
    ] {
        assert_eq!(owed(&*log, user(1), after, upto, limit).await, expected, "after {after}, up to {upto}, at most {limit}");
    }
}

pub async fn memberships_are_windows_in_the_order_of_joining(log: Arc<dyn EventLog>) {
    coming_and_going(&*log).await;
    record_all(&*log, [event(10).in_thread(thread(2)).to(user(1), Some(Joined))]).await;
    let Memberships { as_of, windows } = log.memberships(user(1)).await.expect("readable");
    assert_eq!(as_of, Position(10));
    assert_eq!(windows, [window(thread(1), 2, Some(4)), window(thread(1), 6, None), window(thread(2), 10, None)]);
    assert_eq!(log.memberships(user(2)).await.expect("readable").windows, [window(thread(1), 2, None)]);
}

pub async fn whoever_was_never_in_a_thread_has_no_memberships(log: Arc<dyn EventLog>) {
    let nothing = Memberships { as_of: Position::START, windows: Vec::new() };
    assert_eq!(log.memberships(user(1)).await.expect("readable"), nothing);
    coming_and_going(&*log).await;
    let nothing = Memberships { as_of: Position(9), ..nothing };
    assert_eq!(log.memberships(user(3)).await.expect("readable"), nothing);
}

pub async fn the_windows_of_one_thread_are_those_of_the_memberships(log: Arc<dyn EventLog>) {
    let windows = async |n, of| log.windows(user(n), thread(of)).await.expect("readable");
    assert_eq!(windows(1, 1).await, []);
    coming_and_going(&*log).await;
    assert_eq!(windows(1, 1).await, [window(thread(1), 2, Some(4)), window(thread(1), 6, None)]);
    assert_eq!(windows(2, 1).await, [window(thread(1), 2, None)]);
    assert_eq!(windows(3, 1).await, [], "somebody who was never there");
    assert_eq!(windows(1, 2).await, [], "a thread they were never in");
    let named = event(10).in_thread(thread(1)).to(user(3), None);
    record_all(
        &*log,
        [named, event(11).in_thread(thread(2)).to(user(1), Some(Joined)), event(12).in_thread(thread(1)).to(user(1), Some(Left))],
    )
    .await;
    assert_eq!(windows(1, 1).await, [window(thread(1), 2, Some(4)), window(thread(1), 6, Some(12))], "one thread does not close another");
    assert_eq!(windows(1, 2).await, [window(thread(2), 11, None)]);
    assert_eq!(windows(3, 1).await, [], "to be named is not to join");
    for n in 1..=3 {
        let of_both = [windows(n, 1).await, windows(n, 2).await].concat();
        assert_eq!(log.memberships(user(n)).await.expect("readable").windows, of_both);
    }
}

pub(super) const USERS: u64 = 6;
pub(super) const THREADS: u64 = 4;

/// A random history of joining, leaving, writing and naming, in which nobody joins twice or leaves what they are not in; and the
/// positions it owes to each user.
pub(super) fn random_history(numbers: &mut Numbers, length: u64) -> (Vec<Append>, HashMap<UserId, BTreeSet<u64>>) {
    let mut members: HashMap<ThreadId, BTreeSet<UserId>> = HashMap::new();
    let mut owed: HashMap<UserId, BTreeSet<u64>> = HashMap::new();
    let appends = (1..=length).map(|position| {
        let mut draft = event(position);
        let mut receivers = BTreeSet::new();
        if numbers.below(8) > 0 {
            let thread = thread(numbers.below(THREADS));
            draft = draft.in_thread(thread);
            let members = members.entry(thread).or_default();
            receivers.clone_from(members);
            if numbers.below(3) == 0 {
                let user = user(numbers.below(USERS));
                let change = if members.insert(user) { Joined } else { Left };
                if change == Left {
                    members.remove(&user);
                }
                draft = draft.to(user, Some(change));
                receivers.insert(user);
            }
        }
        let named = user(numbers.below(USERS));
        if numbers.below(6) == 0 && draft.0.events[0].addressees.iter().all(|addressee| addressee.user != named) {
            draft = draft.to(named, None);
            receivers.insert(named);
        }
        for receiver in receivers {
            owed.entry(receiver).or_default().insert(position);
        }
        draft.0
    });
    (appends.collect(), owed)
}

pub async fn what_is_owed_is_what_a_fold_over_the_log_says(log: Arc<dyn EventLog>) {
    let mut numbers = Numbers(0x5eed);
    let length = 400;
    let (appends, expected) = random_history(&mut numbers, length);
    let answers = log.append(&appends).await.expect("the log takes the batch");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(head(&*log).await, length);
    for n in 0..USERS {
        let expected = expected.get(&user(n)).cloned().unwrap_or_default();
        for _ in 0..20 {
            let after = numbers.below(length);
            let upto = after + numbers.below(length);
            let limit = usize::try_from(numbers.below(60)).expect("small");
            let slice: Vec<_> = expected.iter().copied().filter(|position| *position > after && *position <= upto).take(limit).collect();
            assert_eq!(owed(&*log, user(n), after, upto, limit).await, slice, "user {n}, after {after}, up to {upto}, at most {limit}");
        }
        assert_eq!(owed(&*log, user(n), 0, length, 9_999).await, expected.into_iter().collect::<Vec<_>>(), "user {n}");
    }
}
