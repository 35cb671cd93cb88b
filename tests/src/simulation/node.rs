//! A node: the parts of one process, with the loops that the binary has around them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use posthaste_application::append::append_queue;
use posthaste_application::deliver::{AckQueue, AckWriter, Feed, Hub, ack_queue, look_for_newer};
use posthaste_application::execute::{Executor, Rules};
use posthaste_application::port::passcodes::memory::MemoryPasscodes;
use posthaste_application::port::{Broker, Clock, Cursors, EventLog, Ids, Projection, RelayLease};
use posthaste_application::project::Projector;
use posthaste_application::read::{ReadQueue, ReadWriter, read_queue};
use posthaste_application::relay::{Relay, RelayStep, RelayTiming};
use posthaste_application::shared_tail::SharedTail;
use posthaste_infrastructure::embedded::MemoryViews;

use super::schedule::{Group, NodeClock, Schedule};
use super::store::Store;
use super::weather::Fault;
use super::world::World;

// As the binary has them.
const POLL: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_secs(1);
const GATHER: Duration = Duration::from_millis(50);
const BURST: Duration = Duration::from_millis(300);
const SETTLE: Duration = Duration::from_millis(10);
const NEWER: Duration = Duration::from_secs(2);
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A process that is up.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) number: usize,
    /// Everything that dies with it.
    pub(super) group: Group,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) cursors: Arc<dyn Cursors>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) executor: Executor,
    pub(super) hub: Arc<Hub>,
    pub(super) acks: AckQueue,
    pub(super) reads: ReadQueue,
    pub(super) views: MemoryViews,
    /// None on a node that keeps no views.
    pub(super) projections: Vec<Arc<dyn Projection>>,
}

/// Pauses that double with every failure in a row.
struct BackOff(Duration);

impl BackOff {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(BACK_OFF.1);
        pause
    }
}

/// Starts a process; it serves as soon as it could read where the log ends.
pub(super) async fn start(world: Arc<World>, number: usize) -> Node {
    let schedule = world.schedule.clone();
    let group = Group(schedule.number());
    let skew = schedule.roll(|dice| dice.of(&[0, 0, -3_600, 3_600, 2]));
    let clock: Arc<dyn Clock> = Arc::new(NodeClock::new(&schedule, TimeDelta::seconds(skew)));
    let store = Store {
        schedule: schedule.clone(),
        weather: Arc::clone(&world.weather),
        disk: Arc::clone(&world.disk),
        broker: world.broker.clone(),
        findings: world.findings.clone(),
        node: number,
        headless: false,
    };
    let feeds = Store { headless: world.weather.breaks(Fault::TrustBroker), ..store.clone() };
    let ids: Arc<dyn Ids> = Arc::new(schedule.clone());
    let store = Arc::new(store);
    let (log, cursors, lease): (Arc<dyn EventLog>, Arc<dyn Cursors>, Arc<dyn RelayLease>) = (store.clone(), store.clone(), store);
    let broker: Arc<dyn Broker> = Arc::new(world.broker.clone());

    let head = loop {
        match log.head().await {
            Ok(head) => break head.position,
            Err(_) => schedule.sleep(POLL).await,
        }
    };
    let hub = Arc::new(Hub::new(head));
    let (queue, appender) = append_queue(Arc::clone(&log));
    let tail = Arc::new(SharedTail::new(Arc::clone(&log)));
    let appender = appender.telling(Arc::clone(&tail));
    let (acks, ack_writer) = ack_queue(Arc::clone(&cursors), Arc::clone(&hub));
    let executor = Executor::new(Arc::clone(&log), queue, Rules::default(), MemoryPasscodes::doorkeeper());
    let (reads, read_writer) = read_queue(Arc::clone(&log), Arc::new(executor.clone()), Arc::clone(&clock), Arc::clone(&ids));
    schedule.spawn(group, async move { _ = appender.run().await });
    schedule.spawn(group, write_acks(schedule.clone(), ack_writer));
    schedule.spawn(group, write_reads(schedule.clone(), read_writer));

    let timing = RelayTiming::default();
    let relay = Relay::new(Arc::<SharedTail>::clone(&tail), lease, Arc::clone(&broker), Arc::clone(&clock), ids.next(), timing);
    schedule.spawn(group, relay_on(schedule.clone(), relay, Arc::clone(&log), timing.lease));

    let views = MemoryViews::default();
    // One node keeps the views; more of them would do the same again.
    let kept = if number == 0 { views.projections() } else { Vec::new() };
    let projections: Vec<_> = kept.into_iter().map(|projection| world.watched(projection)).collect();
    for projection in &projections {
        let projector = Projector::new(Arc::<SharedTail>::clone(&tail), Arc::clone(projection));
        schedule.spawn(group, project(schedule.clone(), projector, Arc::clone(&log)));
    }

    let feed = Feed::new(Arc::new(feeds), broker, Arc::clone(&hub));
    schedule.spawn(group, let_older_go(schedule.clone(), Arc::clone(&hub), Arc::clone(&cursors)));
    schedule.spawn(group, feed_on(schedule.clone(), feed));
    Node { number, group, log, cursors, clock, executor, hub, acks, reads, views, projections }
}

async fn write_acks(schedule: Schedule, mut writer: AckWriter) {
    let mut back_off = BackOff(BACK_OFF.0);
    loop {
        if writer.step().await.is_ok() {
            back_off = BackOff(BACK_OFF.0);
            schedule.sleep(GATHER).await;
        } else {
            schedule.sleep(back_off.next()).await;
        }
    }
}

async fn write_reads(schedule: Schedule, mut writer: ReadWriter) {
    loop {
        writer.arrived().await;
        schedule.sleep(BURST).await;
        writer.step().await;
    }
}

async fn let_older_go(schedule: Schedule, hub: Arc<Hub>, cursors: Arc<dyn Cursors>) {
    loop {
        schedule.sleep(NEWER).await;
        // Looked at again next time.
        let _ = look_for_newer(&hub, &*cursors, &hub.devices()).await;
    }
}

async fn relay_on(schedule: Schedule, mut relay: Relay, log: Arc<dyn EventLog>, lease: Duration) {
    let mut back_off = BackOff(BACK_OFF.0);
    loop {
        match schedule.within(lease / 4, relay.step()).await {
            Err(_) | Ok(Ok(RelayStep::Moved)) => back_off = BackOff(BACK_OFF.0),
            Ok(Ok(RelayStep::Idle)) => {
                back_off = BackOff(BACK_OFF.0);
                let published = relay.published().unwrap_or_default();
                let _ = schedule.within(POLL.min(lease / 4), log.grown(published)).await;
            }
            Ok(Ok(RelayStep::Standby)) => schedule.sleep(lease / 4).await,
            Ok(Err(error)) => {
                schedule.note(|| format!("a relay starts again: {error}"));
                schedule.sleep(back_off.next()).await;
            }
        }
    }
}

async fn project(schedule: Schedule, mut projector: Projector, log: Arc<dyn EventLog>) {
    let mut back_off = BackOff(BACK_OFF.0);
    loop {
        match projector.step().await {
            Ok(0) => {
                back_off = BackOff(BACK_OFF.0);
                let _ = schedule.within(POLL, log.grown(projector.position())).await;
            }
            Ok(_) => schedule.sleep(SETTLE).await,
            Err(_) => schedule.sleep(back_off.next()).await,
        }
    }
}

async fn feed_on(schedule: Schedule, mut feed: Feed) {
    let mut back_off = BackOff(BACK_OFF.0);
    let mut look_at = schedule.elapsed() + LOOK;
    let mut resubscribe_at = schedule.elapsed();
    loop {
        let now = schedule.elapsed();
        if now >= look_at {
            look_at = now + LOOK;
            let _ = schedule.within(LOOK * 5, feed.look()).await;
        } else if now < resubscribe_at {
            schedule.sleep(resubscribe_at.min(look_at) - now).await;
        } else if let Ok(fed) = schedule.within(look_at - now, feed.step()).await {
            match fed {
                Ok(()) => back_off = BackOff(BACK_OFF.0),
                Err(error) => {
                    schedule.note(|| format!("a feed was interrupted: {error}"));
                    resubscribe_at = schedule.elapsed() + back_off.0;
                    back_off.0 = (back_off.0 * 2).min(LOOK);
                }
            }
        }
    }
}
