//! The scheduler: one thread, a clock that stands still while anything can run, and dice that decide what runs next.
//!
//! Everything that happens in a run follows from its seed: which of the tasks that could go on does, how long everything takes, and what
//! fails. Time passes only when nobody can go on, and then at once to the next moment somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{BoxFuture, Either, FutureExt as _, select};
use posthaste_application::port::{Clock, Ids};
use uuid::Uuid;

use super::dice::Dice;

/// Tasks that die and stand still together: a process, or a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group(pub(super) u64);

impl Group {
    /// What no crash ends: networks, the broker, the disk, people.
    pub(super) const WORLD: Self = Self(0);
}

/// Which task; younger ones have higher numbers.
type Task = u64;

struct Running {
    group: Group,
    future: BoxFuture<'static, ()>,
    waker: Waker,
}

#[derive(Default)]
struct State {
    /// Since the beginning.
    now: Duration,
    /// Who waits for which moment, in the order of asking.
    timers: BTreeMap<(Duration, u64), Waker>,
    spawned: Vec<(Task, Group, BoxFuture<'static, ()>)>,
    killed: Vec<Group>,
    frozen: BTreeMap<Group, Duration>,
    numbers: u64,
    trace: Option<Vec<String>>,
}

struct Shared {
    state: Mutex<State>,
    ready: Arc<Mutex<BTreeSet<Task>>>,
    dice: Mutex<Dice>,
}

struct Alarm {
    task: Task,
    ready: Arc<Mutex<BTreeSet<Task>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(self.task);
    }
}

/// The way to the scheduler, for everybody in the run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Schedule(Arc<Shared>);

/// It took longer than it was given.
#[derive(Debug)]
pub(super) struct Elapsed;

impl Schedule {
    /// A schedule that follows from a seed; it remembers what happens if it is traced.
    pub(super) fn new(seed: u64, traced: bool) -> Self {
        let state = State { trace: traced.then(Vec::new), numbers: 1, ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), ready: Arc::default(), dice: Mutex::new(Dice::new(seed)) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, BTreeSet<Task>> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rolls the dice.
    pub(super) fn roll<T>(&self, roll: impl FnOnce(&mut Dice) -> T) -> T {
        roll(&mut self.0.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.state().now
    }

    /// A number nobody else in this run has.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state();
        state.numbers += 1;
        state.numbers
    }

    /// Notes what happened, if anybody wants to know.
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if self.state().trace.is_none() {
            return;
        }
        let what = what();
        let mut state = self.state();
        let line = format!("{:>10.4} {what}", state.now.as_secs_f64());
        state.trace.get_or_insert_default().push(line);
    }

    /// What was noted.
    pub(super) fn trace(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    /// Lets something go on by itself.
    pub(super) fn spawn(&self, group: Group, future: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        state.numbers += 1;
        let task = state.numbers;
        state.spawned.push((task, group, future.boxed()));
    }

    /// Ends everything of a group where it stands: none of it runs again.
    pub(super) fn kill(&self, group: Group) {
        self.state().killed.push(group);
    }

    /// Nothing of a group runs for so long.
    pub(super) fn freeze(&self, group: Group, pause: Duration) {
        let mut state = self.state();
        let until = state.now + pause;
        state.frozen.insert(group, until);
    }

    /// Everything that stands still goes on.
    pub(super) fn thaw(&self) {
        self.state().frozen.clear();
    }

    /// Waits.
    pub(super) fn sleep(&self, pause: Duration) -> Sleep {
        Sleep { schedule: self.clone(), until: self.elapsed() + pause, number: None }
    }

    /// Waits for somewhat less than so long.
    pub(super) async fn linger(&self, most: Duration) {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let pause = self.roll(|dice| dice.below(micros.max(1)));
        self.sleep(Duration::from_micros(pause)).await;
    }

    /// Gives something so long.
    pub(super) async fn within<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        let future = std::pin::pin!(future);
        match select(future, self.sleep(limit)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(Elapsed),
        }
    }

    /// Runs until this has ended, and drops whatever has not. `None` when it cannot: nobody can go on and nobody waits for a moment.
    pub(super) fn run<T: Send + 'static>(&self, main: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let done = Arc::new(Mutex::new(None));
        let result = Arc::clone(&done);
        self.spawn(Group::WORLD, async move {
            let output = main.await;
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
        });
        let mut tasks = BTreeMap::new();
        loop {
            self.take_orders(&mut tasks);
            if let Some(output) = done.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Some(output);
            }
            let Some(task) = self.choose(&tasks) else {
                if self.pass_time() {
                    continue;
                }
                return None;
            };
            // What is woken and has ended meanwhile is of no interest.
            let Some(running) = tasks.get_mut(&task) else { continue };
            if running.future.as_mut().poll(&mut Context::from_waker(&running.waker)).is_ready() {
                tasks.remove(&task);
            }
        }
    }

    /// Begins what was spawned and ends what was killed, in this order.
    fn take_orders(&self, tasks: &mut BTreeMap<Task, Running>) {
        loop {
            let (spawned, killed) = {
                let mut state = self.state();
                (std::mem::take(&mut state.spawned), std::mem::take(&mut state.killed))
            };
            if spawned.is_empty() && killed.is_empty() {
                return;
            }
            for (task, group, future) in spawned {
                let waker = Waker::from(Arc::new(Alarm { task, ready: Arc::clone(&self.0.ready) }));
                tasks.insert(task, Running { group, future, waker });
                self.ready().insert(task);
            }
            // What drops here may spawn or kill, so it is dropped without any lock held.
            tasks.retain(|_, running| !killed.contains(&running.group));
        }
    }

    /// One of those that can go on.
    fn choose(&self, tasks: &BTreeMap<Task, Running>) -> Option<Task> {
        let frozen = {
            let mut state = self.state();
            let now = state.now;
            state.frozen.retain(|_, until| *until > now);
            state.frozen.clone()
        };
        let mut ready = self.ready();
        ready.retain(|task| tasks.contains_key(task));
        let runs = |task: &&Task| frozen.is_empty() || tasks.get(*task).is_some_and(|running| !frozen.contains_key(&running.group));
        let count = if frozen.is_empty() { ready.len() } else { ready.iter().filter(runs).count() };
        if count == 0 {
            return None;
        }
        let nth = if count == 1 { 0 } else { self.roll(|dice| dice.index(count)) };
        let task = ready.iter().filter(runs).nth(nth).copied()?;
        ready.remove(&task);
        Some(task)
    }

    /// To the next moment that somebody waits for; there is none in `false`.
    fn pass_time(&self) -> bool {
        let mut due = Vec::new();
        {
            let mut state = self.state();
            let timer = state.timers.first_key_value().map(|((at, _), _)| *at);
            let thaw = state.frozen.values().min().copied();
            let Some(next) = [timer, thaw].into_iter().flatten().min() else { return false };
            state.now = state.now.max(next);
            while let Some(entry) = state.timers.first_entry()
                && entry.key().0 <= next
            {
                due.push(entry.remove());
            }
        }
        due.into_iter().for_each(Waker::wake);
        true
    }
}

/// Waits for a moment.
pub(super) struct Sleep {
    schedule: Schedule,
    until: Duration,
    /// Its place among the timers.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.schedule.elapsed() >= self.until {
            return Poll::Ready(());
        }
        let number = match self.number {
            Some(number) => number,
            None => self.schedule.number(),
        };
        self.number = Some(number);
        self.schedule.state().timers.insert((self.until, number), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let timer = self.schedule.state().timers.remove(&(self.until, number));
            drop(timer);
        }
    }
}

/// A node's own clock, which may be wrong.
pub(super) struct NodeClock {
    schedule: Schedule,
    skew: TimeDelta,
}

impl NodeClock {
    pub(super) fn new(schedule: &Schedule, skew: TimeDelta) -> Self {
        Self { schedule: schedule.clone(), skew }
    }
}

impl Clock for NodeClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = i64::try_from(self.schedule.elapsed().as_micros()).unwrap_or(i64::MAX);
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::microseconds(elapsed) + self.skew
    }
}

impl Ids for Schedule {
    fn next(&self) -> Uuid {
        let millis = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX) + 1_728_000_000_000;
        let (high, low) = self.roll(|dice| (dice.number(), dice.number()));
        let mut random = [0; 10];
        random[..8].copy_from_slice(&high.to_be_bytes());
        random[8..].copy_from_slice(&low.to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
