//! Bursts of reads, over a log in memory and subscriptions as the domain has them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::{self, join_all};
use posthaste_domain::subscription::{SubscriptionChange, SubscriptionCommand};
use posthaste_domain::thread::ThreadRefusal;
use posthaste_domain::{Aggregate as _, Refusal, Subscription};
use proptest::prelude::*;

use super::*;
use crate::fake::{FakeLog, at, direct, registered, user};
use crate::port::PortError;
use crate::problem::{Code, Problem};

/// Subscriptions, and every event there was. Counts commands.
#[derive(Default)]
struct Subscriptions {
    kept: Mutex<BTreeMap<(UserId, ThreadId), Subscription>>,
    events: Mutex<Vec<(UserId, ThreadId, u64, Uuid)>>,
    commands: Mutex<Vec<CommandId>>,
    refuses: AtomicBool,
    broken: AtomicBool,
}

impl Subscriptions {
    fn upto(&self, user: UserId, thread: ThreadId) -> u64 {
        self.kept.lock().unwrap().get(&(user, thread)).map_or(0, |kept| kept.read)
    }

    fn events(&self) -> Vec<(UserId, ThreadId, u64, Uuid)> {
        self.events.lock().unwrap().clone()
    }
}

#[async_trait]
impl Execute for Subscriptions {
    async fn execute(&self, envelope: Envelope, command: Command) -> Result<Executed, ExecuteError> {
        // A commit takes a while.
        tokio::task::yield_now().await;
        let Command::ReadUpTo { thread, upto, device } = command else { panic!("{command:?} is no reading") };
        self.commands.lock().unwrap().push(envelope.command);
        if self.refuses.load(Ordering::Relaxed) {
            return Err(Refusal::Thread(ThreadRefusal::NotAMember).into());
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(PortError::unavailable("fake", "broken").into());
        }
        let user = envelope.actor.unwrap();
        let mut kept = self.kept.lock().unwrap();
        let subscription = kept.entry((user, thread)).or_default();
        let command = SubscriptionCommand { thread, user, change: SubscriptionChange::Read { upto: upto.0, device } };
        let events = subscription.decide(command).unwrap();
        for event in &events {
            subscription.apply(event).unwrap();
            self.events.lock().unwrap().push((user, thread, upto.0, envelope.correlation));
        }
        let position = Position(self.events.lock().unwrap().len() as u64);
        Ok(Executed { id: thread.uuid(), position, repeated: events.is_empty() })
    }
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Clock for Counted {
    fn now(&self) -> DateTime<Utc> {
        at(7)
    }
}

impl Ids for Counted {
    fn next(&self) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).into())
    }
}

struct World {
    log: Arc<FakeLog>,
    subscriptions: Arc<Subscriptions>,
    queue: ReadQueue,
    writer: ReadWriter,
}

impl World {
    /// With a log that ends here.
    fn new(head: usize) -> Self {
        let (log, subscriptions) = (Arc::new(FakeLog::default()), Arc::new(Subscriptions::default()));
        log.record((0..head).map(|_| registered(9, "somebody")));
        let (queue, writer) = read_queue(
            Arc::<FakeLog>::clone(&log),
            Arc::<Subscriptions>::clone(&subscriptions),
            Arc::new(Counted::default()),
            Arc::new(Counted::default()),
        );
        Self { log, subscriptions, queue, writer }
    }

    fn read(&self, upto: u64) -> impl Future<Output = Answer> + use<> {
        self.queue.read(read(upto))
    }

    fn step(&mut self) -> usize {
        block_on(self.writer.step())
    }
}

fn read(upto: u64) -> Read {
    Read { user: user(1), thread: direct(1, 2), upto: Position(upto), device: None, correlation: Uuid::from_u128(upto.into()) }
}

fn code(answer: &Answer) -> Code {
    Problem::from(answer.as_ref().unwrap_err()).code
}

#[test]
fn a_burst_is_one_command_and_everybody_is_answered_with_it() {
    let mut world = World::new(10);
    let asked = [3, 7, 5].map(|upto| world.read(upto));
    let other = world.queue.read(Read { thread: direct(1, 3), ..read(2) });
    assert_eq!(world.step(), 2);
    let answers = block_on(join_all(asked)).into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert!(answers.iter().all(|answer| *answer == answers[0] && !answer.repeated), "{answers:?}");
    assert!(!block_on(other).unwrap().repeated);
    let mut events = world.subscriptions.events();
    events.sort();
    let mut expected = [(user(1), direct(1, 2), 7, Uuid::from_u128(7)), (user(1), direct(1, 3), 2, Uuid::from_u128(2))];
    expected.sort();
    assert_eq!(events, expected);
    assert_eq!(world.log.heads.load(Ordering::Relaxed), 1, "the head is read once for all of them");
    assert_eq!(world.step(), 0, "nothing is written twice");
    let commands = world.subscriptions.commands.lock().unwrap().clone();
    assert_ne!(commands[0], commands[1]);
}

#[test]
fn nobody_is_answered_before_the_commit() {
    let mut world = World::new(10);
    let mut asked = world.read(3).boxed();
    assert!((&mut asked).now_or_never().is_none(), "nothing was written yet");
    assert!(world.writer.step().now_or_never().is_none(), "the commit is under way");
    // It was given up halfway, and so they are told.
    assert_eq!(code(&block_on(asked)), Code::Unavailable);
}

#[test]
fn what_was_read_already_is_a_repeat() {
    let mut world = World::new(10);
    let first = world.read(5);
    world.step();
    let again = [world.read(5), world.read(2)];
    world.step();
    assert!(!block_on(first).unwrap().repeated);
    assert!(block_on(join_all(again)).into_iter().all(|answer| answer.unwrap().repeated));
    assert_eq!(world.subscriptions.events().len(), 1);
}

#[test]
fn what_is_beyond_the_head_is_refused_and_holds_nobody_else_up() {
    let mut world = World::new(4);
    let (good, last, beyond) = (world.read(3), world.read(4), world.read(5));
    assert_eq!(world.step(), 1);
    assert!(block_on(good).is_ok() && block_on(last).is_ok());
    assert_eq!(code(&block_on(beyond)), Code::Validation);
    assert_eq!(world.subscriptions.upto(user(1), direct(1, 2)), 4);
}

#[test]
fn a_refusal_and_a_failure_reach_everybody_who_asked() {
    let mut world = World::new(10);
    for (broken, expected) in [(false, Code::NotMember), (true, Code::Unavailable)] {
        world.subscriptions.refuses.store(!broken, Ordering::Relaxed);
        world.subscriptions.broken.store(broken, Ordering::Relaxed);
        let asked = [world.read(3), world.read(4)];
        world.step();
        assert!(block_on(join_all(asked)).iter().all(|answer| code(answer) == expected));
    }
    world.log.broken.store(true, Ordering::Relaxed);
    let asked = world.read(3);
    assert_eq!(world.step(), 0);
    assert_eq!(code(&block_on(asked)), Code::Unavailable);
}

#[test]
fn a_full_queue_says_so_and_takes_more_once_it_is_empty() {
    let mut world = World::new(10);
    let waiting: Vec<_> = (0..WAITING).map(|_| world.read(1)).collect();
    assert_eq!(code(&block_on(world.read(1))), Code::Unavailable);
    world.step();
    assert!(block_on(join_all(waiting)).into_iter().all(|answer| answer.is_ok()));
    let one_more = world.read(2);
    world.step();
    assert!(block_on(one_more).is_ok());
}

#[test]
fn a_writer_waits_for_a_read_and_is_woken_by_it() {
    let mut world = World::new(10);
    assert!(world.writer.arrived().now_or_never().is_none());
    let World { queue, mut writer, .. } = world;
    let asked = block_on(async { futures::join!(writer.arrived(), future::lazy(|_| queue.read(read(2)))) }).1;
    assert!(writer.arrived().now_or_never().is_some(), "it is still there");
    block_on(writer.step());
    assert!(block_on(asked).is_ok());
}

#[test]
fn without_a_writer_nobody_waits_for_ever() {
    let world = World::new(10);
    let asked = world.read(3);
    let World { queue, writer, .. } = world;
    drop(writer);
    assert_eq!(code(&block_on(asked)), Code::Unavailable);
    assert_eq!(code(&block_on(queue.read(read(3)))), Code::Unavailable);
}

#[derive(Clone, Debug)]
enum Act {
    Read { who: u128, other: u128, upto: u64 },
    Gone,
    Record(usize),
    Step,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..4_u128, 4..7_u128, 0..30_u64).prop_map(|(who, other, upto)| Act::Read { who, other, upto }),
        1 => Just(Act::Gone),
        2 => (0..6_usize).prop_map(Act::Record),
        2 => Just(Act::Step),
    ]
}

proptest! {
    #[test]
    fn markers_only_move_on_a_gather_writes_once_and_everybody_is_answered(acts in proptest::collection::vec(act(), 1..80)) {
        let mut world = World::new(5);
        let mut head = 5;
        let mut waiting = Vec::new();
        for act in acts.into_iter().chain([Act::Step]) {
            match act {
                Act::Read { who, other, upto } => {
                    let read = Read { user: user(who), thread: direct(who, other), ..read(upto) };
                    waiting.push((read, world.queue.read(read)));
                }
                Act::Gone => drop(waiting.pop()),
                Act::Record(more) => {
                    world.log.record((0..more).map(|_| registered(9, "somebody")));
                    head += more as u64;
                }
                Act::Step => {
                    let before = world.subscriptions.kept.lock().unwrap().clone();
                    let written = world.subscriptions.events().len();
                    world.step();
                    let events = world.subscriptions.events().split_off(written);
                    let mut keys: Vec<_> = events.iter().map(|(user, thread, ..)| (*user, *thread)).collect();
                    keys.sort();
                    keys.dedup();
                    prop_assert_eq!(keys.len(), events.len(), "more than one event of a key: {:?}", events);
                    for (key, kept) in &before {
                        prop_assert!(world.subscriptions.upto(key.0, key.1) >= kept.read);
                    }
                    for (read, answer) in waiting.drain(..) {
                        match answer.now_or_never() {
                            None => prop_assert!(false, "{:?} was not answered", read),
                            Some(Ok(executed)) => {
                                prop_assert!(read.upto.0 <= head);
                                prop_assert!(world.subscriptions.upto(read.user, read.thread) >= read.upto.0);
                                let wrote = events.iter().any(|(user, thread, ..)| (*user, *thread) == (read.user, read.thread));
                                prop_assert_eq!(executed.repeated, !wrote);
                            }
                            Some(Err(error)) => prop_assert!(matches!(error, ReadError::Beyond { .. }) && read.upto.0 > head, "{:?}", error),
                        }
                    }
                }
            }
        }
        prop_assert!(world.subscriptions.kept.lock().unwrap().values().all(|kept| kept.read <= head));
    }
}
