//! What all of a run share, and what was found wrong in it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use posthaste_application::execute::{Command, Executed};
use posthaste_application::port::cursors::Device as Name;
use posthaste_application::port::projection::{Batch, Standing};
use posthaste_application::port::{Ids as _, PortError, Projection};
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, DeviceId, MessageId, ThreadId, UserId};

use super::broker::SimulatedBroker;
use super::device::Shown;
use super::disk::Disk;
use super::node::Node;
use super::schedule::{NodeClock, Schedule};
use super::weather::{Fault, Weather};
use crate::history::History;

/// What must stay true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// What was answered `ok` is in the log, where the answer says.
    OkIsDurable,
    /// Everything owed arrives.
    NoLoss,
    /// Nothing is left out in between.
    NoHole,
    /// Once after dedupe.
    Once,
    /// In order.
    Order,
    /// A command whose outcome was not known, asked again, is carried out once.
    UnknownOutcomeIsSafe,
    /// Nobody receives what they are not owed.
    RemovedMeansRemoved,
    /// A view that was kept is what a view built anew is.
    RebuildEqualsLive,
    /// Whatever a client does, little is kept in memory for it.
    BoundedMemory,
    /// What devices see is what the log holds, and what the broker has not confirmed is published again.
    BrokerIsNotTruth,
    /// Whoever changes the log is found out, and where.
    VerifyFindsTampering,
    /// What the log holds was allowed where it stands.
    Rules,
    /// When nothing fails any more, everything comes to rest.
    ComesToRest,
    /// Whatever happens, no part of a process falls over.
    NothingPanics,
}

/// Something that is not as it must be.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is broken.
    pub guarantee: Guarantee,
    /// How.
    pub what: String,
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.guarantee, self.what)
    }
}

/// Most findings that are kept of one run.
const FINDINGS: usize = 20;

/// One run.
pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) weather: Arc<Weather>,
    pub(super) disk: Arc<Disk>,
    pub(super) broker: SimulatedBroker,
    pub(super) history: History,
    pub(super) users: Vec<UserId>,
    pub(super) devices: Vec<Name>,
    pub(super) nodes: Mutex<Vec<Option<Node>>>,
    pub(super) findings: Findings,
    shown: Mutex<Vec<Shown>>,
    known: Mutex<Known>,
}

/// What people have heard of.
#[derive(Default)]
pub(super) struct Known {
    pub(super) threads: Vec<ThreadId>,
    pub(super) messages: Vec<(MessageId, ThreadId)>,
    pub(super) head: Position,
    /// Every command that was carried out just now, by its answer, and where.
    pub(super) executed: Vec<(CommandId, Executed)>,
}

/// Where findings go. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Findings(Arc<Mutex<Vec<Finding>>>);

impl Findings {
    pub(super) fn add(&self, guarantee: Guarantee, what: String) {
        let mut findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.len() < FINDINGS {
            findings.push(Finding { guarantee, what });
        }
    }

    pub(super) fn all(&self) -> Vec<Finding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl World {
    /// A world of some size in some weather.
    pub(super) fn new(schedule: &Schedule, fault: Option<Fault>) -> anyhow::Result<Self> {
        let weather = Arc::new(schedule.roll(|dice| Weather::new(dice, fault)));
        let clock = Arc::new(NodeClock::new(schedule, TimeDelta::zero()));
        let (users, devices) = cast(schedule);
        let nodes = schedule.roll(|dice| 1 + dice.index(3));
        Ok(Self {
            schedule: schedule.clone(),
            broker: SimulatedBroker::new(schedule, &weather),
            weather,
            disk: Arc::new(Disk::new(clock)?),
            history: History::default(),
            nodes: Mutex::new((0..nodes).map(|_| None).collect()),
            findings: Findings::default(),
            shown: Mutex::new(devices.iter().map(|_| Shown::default()).collect()),
            known: Mutex::default(),
            users,
            devices,
        })
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Vec<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn nodes(&self) -> MutexGuard<'_, Vec<Option<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something that is not as it must be.
    pub(super) fn find(&self, guarantee: Guarantee, what: impl FnOnce() -> String) {
        let what = what();
        self.schedule.note(|| format!("FOUND {guarantee:?}: {what}"));
        self.findings.add(guarantee, what);
    }

    /// One of the nodes that are up.
    pub(super) fn some_node(&self) -> Option<Node> {
        let nodes = self.nodes();
        let up: Vec<_> = nodes.iter().flatten().collect();
        (!up.is_empty()).then(|| up[self.schedule.roll(|dice| dice.index(up.len()))].clone())
    }

    /// How long a device does nothing by itself.
    pub(super) fn tick(&self) -> Duration {
        let most = if self.weather.is_calm() { 50 } else { 800 };
        Duration::from_millis(20 + self.schedule.roll(|dice| dice.below(most)))
    }

    /// What came of a command; people talk about it.
    pub(super) fn learn(&self, key: CommandId, command: &Command, executed: Executed) {
        let mut known = self.known();
        known.head = known.head.max(executed.position);
        if !executed.repeated {
            known.executed.push((key, executed));
        }
        let created = matches!(command, Command::CreateThread { .. } | Command::OpenDirect { .. });
        if created && !known.threads.contains(&ThreadId::new(executed.id)) {
            known.threads.push(ThreadId::new(executed.id));
        }
        if let Command::PostMessage { thread, .. } | Command::ForwardMessage { thread, .. } = command {
            known.messages.push((MessageId::new(executed.id), *thread));
        }
    }

    /// A view as the fault of this run has it.
    pub(super) fn watched(self: &Arc<Self>, projection: Arc<dyn Projection>) -> Arc<dyn Projection> {
        if !self.weather.breaks(Fault::ViewSkipsEvent) {
            return projection;
        }
        Arc::new(Skipping { projection, schedule: self.schedule.clone() })
    }
}

/// Who takes part.
fn cast(schedule: &Schedule) -> (Vec<UserId>, Vec<Name>) {
    let users: Vec<_> = (0..schedule.roll(|dice| 2 + dice.index(3))).map(|_| UserId::new(schedule.next())).collect();
    let of_one = |user: &UserId| {
        let user = *user;
        let count = schedule.roll(|dice| 1 + dice.index(3));
        (0..count).map(|_| Name { user, device: DeviceId::new(schedule.next()) }).collect::<Vec<_>>()
    };
    let devices = users.iter().flat_map(of_one).collect();
    (users, devices)
}

/// A view that leaves an event out now and then.
struct Skipping {
    projection: Arc<dyn Projection>,
    schedule: Schedule,
}

#[async_trait]
impl Projection for Skipping {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    async fn checkpoint(&self) -> Result<Position, PortError> {
        self.projection.checkpoint().await
    }

    async fn standing(&self) -> Result<Standing, PortError> {
        self.projection.standing().await
    }

    async fn take(&self, revision: u64, batch: Batch<'_>) -> Result<bool, PortError> {
        let kept: Vec<_> = match batch.events.split_last() {
            Some((last, others)) => {
                let mut kept: Vec<_> = others.iter().filter(|_| !self.schedule.roll(|dice| dice.permille(50))).copied().collect();
                kept.push(*last);
                kept
            }
            None => Vec::new(),
        };
        self.projection.take(revision, Batch { events: &kept, ..batch }).await
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.projection.reset().await
    }
}
