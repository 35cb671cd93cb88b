//! What goes out, told with a clock that is moved by hand and views that answer what they are told to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use futures::FutureExt as _;
use futures::executor::block_on;
use futures::stream::BoxStream;

use super::*;
use crate::fake::{at, direct, user};

#[derive(Default)]
struct World {
    now: Mutex<TimeDelta>,
    published: Mutex<Vec<Signal>>,
    broken: AtomicBool,
    asked: AtomicUsize,
    earshots: Mutex<HashMap<ThreadId, Earshot>>,
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        at(0) + *self.now.lock().unwrap()
    }
}

#[async_trait]
impl Signals for World {
    async fn publish(&self, signals: &[Signal]) -> Result<(), PortError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(PortError::unavailable("fake", "broken"));
        }
        self.published.lock().unwrap().extend_from_slice(signals);
        Ok(())
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Vec<Signal>, PortError>>, PortError> {
        Err(PortError::rejected("fake", "nobody listens"))
    }
}

/// A node whose signals go nowhere but here.
struct Node {
    world: Arc<World>,
    queue: SignalQueue,
    writer: SignalWriter,
}

impl Node {
    fn new() -> Self {
        let world = Arc::new(World::default());
        let (queue, writer) = signal_queue(Arc::<World>::clone(&world), Arc::<World>::clone(&world), Arc::<World>::clone(&world));
        Self { world, queue, writer }
    }

    /// Time passes, and what is due goes out.
    fn after(&mut self, milliseconds: i64) -> Vec<Signal> {
        *self.world.now.lock().unwrap() += TimeDelta::milliseconds(milliseconds);
        let _ = block_on(self.writer.step());
        std::mem::take(&mut *self.world.published.lock().unwrap())
    }

    fn delivered(&self, who: u128, author: u128, position: u64) {
        self.queue.delivered(user(who), &[Delivered { thread: direct(1, 2), author: user(author), position: Position(position) }]);
    }
}

fn receipt(who: u128, delivered: Option<u64>, read: Option<u64>, to: To) -> Signal {
    let (delivered, read) = (delivered.map(Position), read.map(Position));
    Signal::Receipt { thread: direct(1, 2), user: user(who), delivered, read, to, hidden_from: vec![] }
}

fn typing(who: u128, on: bool) -> Signal {
    Signal::Typing { thread: direct(1, 2), user: user(who), on, hidden_from: vec![] }
}

#[test]
fn receipts_of_one_user_in_one_thread_are_gathered_and_only_the_furthest_goes_out() {
    let mut node = Node::new();
    for (author, position) in [(1, 5), (3, 7), (1, 6)] {
        node.delivered(2, author, position);
    }
    assert_eq!(node.after(299), []);
    assert_eq!(node.after(1), [receipt(2, Some(7), None, To::Users(vec![user(1), user(3)]))]);
    assert_eq!(node.after(5_000), [], "nothing is told twice");
}

#[test]
fn at_most_one_receipt_a_second_goes_out_for_a_user_in_a_thread_whatever_comes() {
    let mut node = Node::new();
    let mut told = Vec::new();
    for step in 0..100 {
        node.delivered(2, 1, step + 1);
        told.extend(node.after(50));
    }
    // Five seconds.
    assert!((4..=5).contains(&told.len()), "{told:?}");
    told.extend(node.after(1_000));
    assert_eq!(told.last(), Some(&receipt(2, Some(100), None, To::Users(vec![user(1)]))), "the last is not forgotten");
}

#[test]
fn one_user_does_not_hold_another_up() {
    let mut node = Node::new();
    node.delivered(2, 1, 5);
    assert_eq!(node.after(300).len(), 1);
    node.delivered(2, 1, 6);
    node.delivered(3, 1, 6);
    assert_eq!(node.after(300), [receipt(3, Some(6), None, To::Users(vec![user(1)]))]);
    assert_eq!(node.after(700), [receipt(2, Some(6), None, To::Users(vec![user(1)]))]);
}

#[test]
fn who_wrote_is_told_what_arrived_and_everybody_what_was_read() {
    let mut node = Node::new();
    node.delivered(2, 1, 5);
    node.queue.read(user(2), direct(1, 2), Position(4));
    let told = node.after(300);
    assert_eq!(told, [receipt(2, Some(5), None, To::Users(vec![user(1)])), receipt(2, None, Some(4), To::Members)]);
}

#[test]
fn what_somebody_has_read_who_does_not_want_it_known_is_not_told() {
    let mut node = Node::new();
    node.world.earshots.lock().unwrap().insert(direct(1, 2), Earshot::Members { but: vec![], reading: false });
    node.delivered(2, 1, 5);
    node.queue.read(user(2), direct(1, 2), Position(5));
    assert_eq!(node.after(300), [receipt(2, Some(5), None, To::Users(vec![user(1)]))]);
}

#[test]
fn typing_goes_out_at_once_and_the_newest_counts() {
    let mut node = Node::new();
    for on in [true, false, true] {
        node.queue.typing(direct(1, 2), user(1), on);
    }
    assert_eq!(node.after(0), [typing(1, true)]);
}

#[test]
fn it_is_hidden_from_those_in_a_block_and_told_to_nobody_in_a_thread_one_is_not_in() {
    let mut node = Node::new();
    let blocked = Earshot::Members { but: vec![user(9)], reading: true };
    node.world.earshots.lock().unwrap().extend([(direct(1, 2), blocked), (direct(1, 3), Earshot::Nobody)]);
    node.queue.typing(direct(1, 3), user(1), true);
    node.queue.typing(direct(1, 2), user(1), true);
    node.queue.read(user(1), direct(1, 2), Position(4));
    let hidden_from = node.after(300).into_iter().map(|signal| match signal {
        Signal::Typing { hidden_from, .. } | Signal::Receipt { hidden_from, .. } => hidden_from,
        Signal::Replaced { .. } => panic!("nobody was replaced"),
    });
    assert_eq!(hidden_from.collect::<Vec<_>>(), [[user(9)], [user(9)]]);
}

#[test]
fn a_thread_with_too_many_members_is_not_asked_about_again_for_a_while() {
    let mut node = Node::new();
    node.world.earshots.lock().unwrap().insert(direct(1, 2), Earshot::TooMany);
    for step in 0..100 {
        node.delivered(2, 1, step + 1);
        node.queue.typing(direct(1, 2), user(2), true);
        assert_eq!(node.after(300), []);
    }
    assert_eq!(node.world.asked.load(Ordering::Relaxed), 1);
    // It may have become smaller since.
    node.world.earshots.lock().unwrap().clear();
    node.after(60_000);
    node.queue.typing(direct(1, 2), user(2), true);
    assert_eq!(node.after(0), [typing(2, true)]);
}

#[test]
fn what_cannot_be_published_is_lost_and_counted_and_what_comes_after_is_told() {
    let mut node = Node::new();
    node.world.broken.store(true, Ordering::Relaxed);
    node.delivered(2, 1, 5);
    node.queue.typing(direct(1, 2), user(1), true);
    assert_eq!(node.after(300), []);
    assert_eq!(node.queue.lost(), 2);
    node.world.broken.store(false, Ordering::Relaxed);
    assert_eq!(node.after(5_000), []);
    node.delivered(2, 1, 6);
    assert_eq!(node.after(300), [receipt(2, Some(6), None, To::Users(vec![user(1)]))]);
}

#[test]
fn typing_that_could_not_be_told_in_time_is_not_told() {
    let mut node = Node::new();
    node.queue.typing(direct(1, 2), user(1), true);
    assert_eq!(node.after(5_000), []);
}

#[test]
fn what_waits_has_a_bound() {
    let mut node = Node::new();
    for who in 0..10_000 {
        node.queue.typing(direct(1, 2), user(who), true);
        node.delivered(who, 20_000, 5);
    }
    assert_eq!(node.queue.lost(), 2 * (10_000 - WAITING as u64));
    let mut steps = 0;
    let mut told = 0;
    while node.writer.arrived().now_or_never().is_some() {
        let signals = node.after(300).len();
        assert!(signals <= 2 * TOGETHER, "{signals} at once");
        (steps, told) = (steps + 1, told + signals);
    }
    assert_eq!((steps, told), (WAITING / TOGETHER, 2 * WAITING));
}

#[async_trait]
impl Hearers for World {
    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError> {
        assert_eq!(most, MOST_MEMBERS);
        self.asked.fetch_add(1, Ordering::Relaxed);
        let earshots = self.earshots.lock().unwrap();
        let all = || Earshot::Members { but: vec![], reading: true };
        Ok(asked.iter().map(|(thread, _)| earshots.get(thread).cloned().unwrap_or_else(all)).collect())
    }
}
