//! The broker as it may be: it loses, doubles, delays and reorders what it delivers, breaks connections, and confirms when it likes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use futures::channel::{mpsc, oneshot};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _};
use posthaste_application::port::broker::{Confirm, Publisher, Run};
use posthaste_application::port::{Broker, PortError};
use posthaste_application::recorded::{Append, Head, Position, Recorded};

use super::disk::silence;
use super::schedule::{Group, Schedule};
use super::weather::Weather;

/// How late a run can be.
const LATE: Duration = Duration::from_secs(4);

#[derive(Default)]
struct State {
    subscribers: Vec<mpsc::UnboundedSender<Result<Run, PortError>>>,
    /// Every position that was ever confirmed.
    confirmed: BTreeSet<u64>,
    /// Every position up to here was.
    prefix: u64,
    /// Grows with every cut: connections of before are dead.
    epoch: u64,
    down: bool,
}

/// One broker for all nodes. Cheap to clone.
#[derive(Clone)]
pub(super) struct SimulatedBroker {
    schedule: Schedule,
    weather: Arc<Weather>,
    state: Arc<Mutex<State>>,
}

impl SimulatedBroker {
    pub(super) fn new(schedule: &Schedule, weather: &Arc<Weather>) -> Self {
        Self { schedule: schedule.clone(), weather: Arc::clone(weather), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every position up to here was confirmed.
    pub(super) fn confirmed(&self) -> Position {
        Position(self.state().prefix)
    }

    /// Breaks every connection, and takes none until it is told to.
    pub(super) fn go_down(&self) {
        let mut state = self.state();
        state.down = true;
        state.epoch += 1;
        // A subscriber sees its stream end, with or without an error.
        let mut subscribers = std::mem::take(&mut state.subscribers);
        drop(state);
        subscribers.retain(|_| self.schedule.roll(|dice| dice.permille(500)));
        subscribers.iter().for_each(|subscriber| drop(subscriber.unbounded_send(Err(silence()))));
    }

    /// Takes connections again.
    pub(super) fn come_up(&self) {
        self.state().down = false;
    }

    fn refuses(&self) -> bool {
        let breaks = self.weather.often(self.weather.broker_breaks);
        self.state().down || self.schedule.roll(|dice| dice.permille(breaks))
    }

    /// Takes a run, and brings it to every gateway as the weather is.
    fn take(&self, run: &Run) {
        let subscribers = {
            let mut state = self.state();
            state.subscribers.retain(|subscriber| !subscriber.is_closed());
            state.subscribers.clone()
        };
        for (to, subscriber) in subscribers.into_iter().enumerate() {
            let weather = &self.weather;
            let (lost, doubled, late) = (weather.run_lost, weather.run_doubled, weather.run_late);
            let (lost, doubled, late) = (weather.often(lost), weather.often(doubled), weather.often(late));
            let copies = self.schedule.roll(|dice| u64::from(!dice.permille(lost)) * (1 + u64::from(dice.permille(doubled))));
            for _ in 0..copies {
                let pause = if self.schedule.roll(|dice| dice.permille(late)) { LATE } else { Duration::from_millis(2) };
                let (broker, subscriber, run) = (self.clone(), subscriber.clone(), self.perhaps_torn(run));
                self.schedule.spawn(Group::WORLD, async move {
                    broker.schedule.linger(pause).await;
                    broker.schedule.note(|| format!("the broker delivers {} to gateway {to}", range(&run)));
                    // The gateway may be gone.
                    let _ = subscriber.unbounded_send(Ok(run));
                });
            }
        }
    }

    /// The run, or what arrives of it.
    fn perhaps_torn(&self, run: &Run) -> Run {
        let torn = self.weather.often(self.weather.run_torn);
        if run.len() < 3 || !self.schedule.roll(|dice| dice.permille(torn)) {
            return Arc::clone(run);
        }
        let left_out = self.schedule.roll(|dice| dice.index(run.len()));
        run.iter().enumerate().filter(|(n, _)| *n != left_out).map(|(_, event)| event.clone()).collect()
    }

    fn confirm(&self, run: &Run) {
        let mut state = self.state();
        state.confirmed.extend(run.iter().map(|event| event.position.0));
        while state.confirmed.contains(&(state.prefix + 1)) {
            state.prefix += 1;
        }
    }

    /// Tells everybody of events that nobody has committed: what no relay does.
    pub(super) fn leak(&self, head: Head, batch: &[Append]) {
        let events = batch.iter().flat_map(|append| (0..).zip(&append.events).map(move |(ordinal, event)| (append, ordinal, event)));
        let recorded = (1..).zip(events).map(|(n, (append, ordinal, event))| {
            let position = Position(head.position.0 + n);
            Arc::new(Recorded::new(append, ordinal, event.clone(), position, DateTime::UNIX_EPOCH, [0; 32]))
        });
        self.take(&recorded.collect());
    }
}

fn range(run: &Run) -> String {
    let (first, last) = (run.first().map_or(0, |event| event.position.0), run.last().map_or(0, |event| event.position.0));
    format!("{first} to {last}")
}

#[async_trait]
impl Broker for SimulatedBroker {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        self.schedule.linger(Duration::from_millis(20)).await;
        if self.refuses() {
            return Err(silence());
        }
        let epoch = self.state().epoch;
        Ok(Box::new(Connection { broker: self.clone(), epoch }))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        self.schedule.linger(Duration::from_millis(20)).await;
        if self.refuses() {
            return Err(silence());
        }
        let (sender, runs) = mpsc::unbounded();
        self.state().subscribers.push(sender);
        // After an error nothing more comes.
        let until_error = runs.scan(false, |failed, run| {
            let over = std::mem::replace(failed, run.is_err());
            std::future::ready((!over).then_some(run))
        });
        Ok(until_error.boxed())
    }
}

struct Connection {
    broker: SimulatedBroker,
    epoch: u64,
}

impl Connection {
    fn is_dead(&self) -> bool {
        let state = self.broker.state();
        state.down || state.epoch != self.epoch
    }
}

#[async_trait]
impl Publisher for Connection {
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError> {
        let (broker, schedule) = (&self.broker, &self.broker.schedule);
        if self.is_dead() || broker.refuses() {
            return Err(silence());
        }
        schedule.note(|| format!("{} published", range(&run)));
        let unconfirmed = broker.weather.often(broker.weather.unconfirmed);
        if !schedule.roll(|dice| dice.permille(unconfirmed)) {
            let (confirm, confirmed) = oneshot::channel();
            let (broker, epoch) = (broker.clone(), self.epoch);
            schedule.spawn(Group::WORLD, async move {
                broker.schedule.linger(Duration::from_millis(30)).await;
                broker.take(&run);
                if broker.state().epoch == epoch {
                    broker.confirm(&run);
                    broker.schedule.note(|| format!("{} confirmed", range(&run)));
                    // The relay may be gone.
                    let _ = confirm.send(());
                }
            });
            return Ok(answer(confirmed));
        }
        // It was taken or not; either way there is a no, or nothing at all.
        if schedule.roll(|dice| dice.permille(500)) {
            broker.take(&run);
        }
        Ok(if schedule.roll(|dice| dice.permille(700)) { no() } else { futures::future::pending().boxed() })
    }
}

fn answer(confirmed: oneshot::Receiver<()>) -> Confirm {
    confirmed.map(|confirmed| confirmed.map_err(|_| silence())).boxed()
}

fn no() -> BoxFuture<'static, Result<(), PortError>> {
    futures::future::ready(Err(silence())).boxed()
}
