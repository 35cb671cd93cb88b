use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::board::Board;
use super::lookout::Mailbox;
use super::{PresenceTiming, Shown};
use crate::port::presence::Seen;
use crate::view::Glimpse;

const FRIEND: Glimpse = Glimpse { presence: true, last_seen: true, close: true };
const STRANGER: Glimpse = Glimpse { presence: true, last_seen: true, close: false };
const HIDDEN: Glimpse = Glimpse { presence: false, last_seen: false, close: false };

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + seconds, 0).unwrap()
}

/// User 1 watches user 2, as they may see them, and a clock that is told the time.
struct Scene {
    board: Board,
    watcher: u64,
    mailbox: Arc<Mailbox>,
    glimpse: Glimpse,
    timing: PresenceTiming,
}

impl Scene {
    fn new(glimpse: Glimpse) -> Self {
        let (mut board, mailbox) = (Board::default(), Arc::new(Mailbox::default()));
        let watcher = board.enter(user(1), Arc::clone(&mailbox));
        board.watch(watcher, &BTreeSet::from([user(2)]));
        Self { board, watcher, mailbox, glimpse, timing: PresenceTiming::default() }
    }

    /// Looks at a time: the user is there, or was last at another. Gives what user 1 is told, and how many pairs were asked about.
    fn look(&mut self, now: i64, online: bool, last: Option<i64>, again: usize) -> (Vec<(bool, Option<i64>)>, usize) {
        let seen = Seen { user: user(2), online, last: last.map(at) };
        self.board.believe(seen, at(now), self.timing.disbelief());
        let doubtful = self.board.doubtful(again, at(now), self.timing.calm);
        assert!(doubtful.iter().all(|(pair, asked)| *pair == (self.watcher, user(2)) && *asked == (user(1), user(2))), "{doubtful:?}");
        self.board.tell(doubtful.iter().map(|(pair, _)| (*pair, self.glimpse)), at(now), self.timing.calm);
        let told = self.mailbox.take().into_iter().map(|Shown { user: of, online, last_seen }| {
            assert_eq!(of, user(2));
            (online, last_seen.map(|last| (last - at(0)).num_seconds()))
        });
        (told.collect(), doubtful.len())
    }

    fn told(&mut self, now: i64, online: bool) -> Vec<bool> {
        self.look(now, online, (!online).then_some(now), 0).0.into_iter().map(|(online, _)| online).collect()
    }
}

#[test]
fn how_it_is_comes_first_and_then_only_what_changes() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.look(0, false, Some(-130), 0), (vec![(false, Some(-160))], 1), "to the minute, which began at -160");
    assert_eq!(scene.look(2, false, Some(-130), 0), (vec![], 0), "nobody is asked about when nothing changes");
    assert_eq!(scene.look(4, true, None, 0), (vec![(true, None)], 1));
    assert_eq!(scene.look(6, true, None, 0), (vec![], 0));
}

#[test]
fn whoever_is_gone_is_believed_to_be_after_a_third_of_a_lease() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.told(0, true), [true]);
    assert_eq!(scene.told(20, false), [true; 0]);
    assert_eq!(scene.told(29, false), [true; 0]);
    assert_eq!(scene.told(30, false), [false]);

    // Who comes back before that was never away.
    assert_eq!(scene.told(40, true), [true]);
    assert_eq!(scene.told(50, false), [true; 0]);
    assert_eq!(scene.told(58, true), [true; 0]);
    assert_eq!(scene.told(60, false), [true; 0]);
    assert_eq!(scene.told(69, false), [true; 0]);
}

#[test]
fn what_could_not_be_seen_is_no_proof_that_somebody_is_gone() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.told(0, true), [true]);
    assert_eq!(scene.told(20, false), [true; 0]);
    scene.board.blind();
    assert_eq!(scene.told(31, false), [true; 0]);
    assert_eq!(scene.told(40, false), [true; 0]);
    assert_eq!(scene.told(41, false), [false]);
}

#[test]
fn one_flap_a_second_for_a_minute_is_at_most_two_changes() {
    // Whatever the leases hide, and also when they hide nothing.
    for first in [true, false] {
        let mut scene = Scene::new(FRIEND);
        assert_eq!(scene.told(0, first), [first]);
        let changes: Vec<_> = (1..=60).flat_map(|second| scene.told(second, (second % 2 == 0) == first)).collect();
        assert!(changes.len() <= 2, "{changes:?}");
    }
}

#[test]
fn a_watcher_is_told_of_one_change_of_a_user_in_five_seconds() {
    let mut scene = Scene::new(FRIEND);
    scene.timing.lease = Duration::ZERO;
    assert_eq!(scene.told(0, false), [false]);
    assert_eq!(scene.told(1, true), [true]);
    assert_eq!(scene.told(2, false), [true; 0]);
    assert_eq!(scene.told(3, true), [true; 0]);
    assert_eq!(scene.told(4, false), [true; 0]);
    assert_eq!(scene.told(6, false), [false], "what became of it is told when it may be");
    let changes: usize = (7..67).map(|second| scene.told(second, second % 2 == 0).len()).sum();
    assert!((10..=12).contains(&changes), "{changes} changes in a minute");
    // A clock that goes back keeps nobody waiting.
    assert_eq!(scene.told(-5_000, false).len() + scene.told(-5_010, true).len(), 2);
}

#[test]
fn whoever_may_not_be_seen_is_offline_and_was_never_there() {
    let mut scene = Scene::new(HIDDEN);
    assert_eq!(scene.look(0, true, None, 0), (vec![(false, None)], 1));
    assert_eq!(scene.look(20, false, Some(20), 0), (vec![], 0));
    assert_eq!(scene.look(40, false, Some(20), 0).0, []);
    assert_eq!(scene.look(60, true, None, 0).0, []);
    let mut scene = Scene::new(HIDDEN);
    assert_eq!(scene.look(0, false, Some(-100), 0), (vec![(false, None)], 1));
}

#[test]
fn strangers_are_told_the_hour_and_friends_the_minute() {
    let last = |glimpse| Scene::new(glimpse).look(10_000, false, Some(9_999), 0).0;
    let minute = 9_999 - (at(9_999).timestamp() % 60);
    let hour = 9_999 - (at(9_999).timestamp() % 3_600);
    assert_eq!(last(FRIEND), [(false, Some(minute))]);
    assert_eq!(last(STRANGER), [(false, Some(hour))]);
    assert_eq!(last(Glimpse { last_seen: false, ..FRIEND }), [(false, None)]);
}

#[test]
fn what_may_be_seen_is_asked_again_before_a_change_is_told() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.told(0, false), [false]);
    scene.glimpse = HIDDEN;
    assert_eq!(scene.look(2, true, None, 0), (vec![], 1), "they have been blocked meanwhile");
    assert_eq!(scene.look(4, true, None, 0), (vec![], 0), "which settles it");
}

#[test]
fn what_may_be_seen_is_asked_again_in_turn_also_when_nothing_changes() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.told(0, true), [true]);
    scene.glimpse = HIDDEN;
    assert_eq!(scene.look(2, true, None, 10), (vec![(false, None)], 1), "a block hides them at once");
    scene.glimpse = FRIEND;
    assert_eq!(scene.look(4, true, None, 10), (vec![], 1), "too soon");
    assert_eq!(scene.look(8, true, None, 10), (vec![(true, None)], 1));
}

#[test]
fn all_pairs_have_their_turn() {
    let (mut board, mailbox) = (Board::default(), Arc::new(Mailbox::default()));
    let watchers: Vec<_> = (0..7).map(|_| board.enter(user(1), Arc::clone(&mailbox))).collect();
    for watcher in watchers {
        board.watch(watcher, &(2..5).map(user).collect());
    }
    let calm = PresenceTiming::default().calm;
    for other in (2..5).map(user) {
        board.believe(Seen { user: other, online: true, last: None }, at(0), Duration::ZERO);
    }
    let first = board.doubtful(0, at(0), calm);
    assert_eq!((first.len(), board.tell(first.iter().map(|(pair, _)| (*pair, FRIEND)), at(0), calm)), (21, 21));
    let mut turns = BTreeSet::new();
    for _ in 0..5 {
        let turn = board.doubtful(5, at(0), calm);
        assert!(turn.len() <= 5, "{turn:?}");
        turns.extend(turn.into_iter().map(|(pair, _)| pair));
    }
    assert_eq!(turns.len(), 21);
}

#[test]
fn who_watches_others_hears_no_more_of_those_from_before_and_who_leaves_is_forgotten() {
    let mut scene = Scene::new(FRIEND);
    assert_eq!(scene.told(0, false), [false]);
    assert_eq!(scene.told(1, true), [true]);
    // The same once more: how it is comes again, but of changes no more than before.
    scene.board.watch(scene.watcher, &BTreeSet::from([user(2)]));
    assert_eq!(scene.told(2, true), [true]);
    scene.board.watch(scene.watcher, &BTreeSet::from([user(3)]));
    assert_eq!(scene.board.watched(false), [user(3)]);
    assert_eq!(scene.board.watched(true), [user(3)]);
    scene.board.leave(scene.watcher);
    assert_eq!(scene.board.watched(false), []);
    assert_eq!(scene.board.doubtful(10, at(5) + TimeDelta::days(1), scene.timing.calm), []);
}
