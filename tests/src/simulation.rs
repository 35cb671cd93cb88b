//! A deterministic simulation of the whole service: nodes over the embedded profile's stores, a broker that does what it likes, devices
//! that are slow and cut off, crashes, pauses and outages, all on one thread under a clock that stands still.
//!
//! [`run`] plays one schedule. Everything in it follows from its seed, so a seed that finds something finds it again, with a trace. What
//! runs is the real thing from the executor to the reader: the command path, append queue, relay, feed, hub, reader, ack writer, reads,
//! projectors and SQLite. Simulated are the world around them (network, broker, processes, clients) and the loops of the binary.
//!
//! When all that people wanted is done, nothing fails any more and everything must come to rest; then each [`Guarantee`] is checked.
//! A [`Fault`] breaks one of them on purpose: what finds nothing then proves nothing.

mod broker;
mod connection;
mod device;
mod dice;
mod disk;
mod nemesis;
mod node;
mod people;
mod schedule;
mod store;
mod tamper;
mod verdict;
mod weather;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;

use self::device::{Device, Habits};
use self::schedule::{Group, Schedule};
use self::world::World;
use crate::history::{Counts, Log};

pub use self::weather::Fault;
pub use self::world::{Finding, Guarantee};

/// How long everything may take to come to rest once nothing fails any more.
const REST: Duration = Duration::from_secs(180);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(200);

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What made it what it was.
    pub seed: u64,
    /// Everything that is not as it must be.
    pub findings: Vec<Finding>,
    /// How much was looked at.
    pub counts: Counts,
    /// What happened, if it was traced.
    pub trace: Vec<String>,
}

/// Plays a schedule, with one guarantee broken on purpose or none. Must be called within a runtime, and not from one of its tasks.
///
/// # Errors
/// The machine failed: there is no place for files.
pub fn run(seed: u64, fault: Option<Fault>, traced: bool) -> anyhow::Result<Outcome> {
    let schedule = Schedule::new(seed, traced);
    let world = Arc::new(World::new(&schedule, fault)?);
    let findings = world.findings.clone();
    let mut counts = Counts::default();
    match catch_unwind(AssertUnwindSafe(|| schedule.run(play(Arc::clone(&world))))) {
        Ok(Some(played)) => {
            let log;
            (counts, log) = played?;
            be_tampered_with(&world, &log)?;
        }
        Ok(None) => findings.add(Guarantee::ComesToRest, "nobody can go on, and nobody waits for a moment".to_owned()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            findings.add(Guarantee::NothingPanics, said.unwrap_or_else(|| "it says nothing".to_owned()));
        }
    }
    Ok(Outcome { seed, findings: findings.all(), counts, trace: schedule.trace() })
}

async fn play(world: Arc<World>) -> Result<(Counts, Log), PortError> {
    let schedule = world.schedule.clone();
    let nodes = world.nodes().len();
    for node in 0..nodes {
        nemesis::start(&world, node).await;
    }
    people::settle_in(&world).await;
    world.weather.storm();

    let mut orders = Vec::new();
    for (place, name) in world.devices.iter().copied().enumerate() {
        let habits = schedule.roll(|dice| Habits {
            prompt: dice.of(&[1_000, 700, 100, 0]),
            forgetful: dice.permille(400),
            window: dice.of(&[1, 3, 8, 256]),
        });
        let (sender, receiver) = mpsc::unbounded();
        orders.push((name, sender));
        schedule.spawn(Group::WORLD, Device::new(&world, place, name, habits).run(receiver));
    }
    let mut people = Vec::new();
    for user in world.users.iter().copied() {
        let mine = orders.iter().filter(|(name, _)| name.user == user).map(|(_, order)| order.clone()).collect();
        let wishes = schedule.roll(|dice| 4 + dice.index(12));
        people.push(people::live(Arc::clone(&world), user, mine, wishes));
    }
    let thread = world.known().threads.first().copied();
    if let Some(thread) = thread
        && schedule.roll(|dice| dice.permille(25))
    {
        people::storm(&world, &orders[0].1, thread);
    }
    let deeds = schedule.roll(|dice| dice.index(6));
    futures::future::join(futures::future::join_all(people), nemesis::rage(Arc::clone(&world), deeds)).await;

    schedule.note(|| "calm".to_owned());
    world.weather.calm_down();
    schedule.thaw();
    let at_rest = come_to_rest(&world).await;
    let log = whole_log(&world)?;
    let counts = verdict::judge(&world, &log, at_rest).await;
    Ok((counts, log))
}

/// Waits until nothing is under way any more.
async fn come_to_rest(world: &World) -> bool {
    let give_up = world.schedule.elapsed() + REST;
    let (mut unrest, mut before) = (None, None);
    while world.schedule.elapsed() < give_up {
        world.schedule.sleep(LOOK).await;
        match world.disk.now(|stores| async move { Ok((stores.log.head().await?.position, stores.lease.status().await?.checkpoint)) }) {
            Ok((head, checkpoint)) => {
                unrest = verdict::unrest(world, head, checkpoint);
                // Twice the same, so that what was under way has had the time to arrive.
                if unrest.is_none() && before == Some(head) {
                    return true;
                }
                before = unrest.is_none().then_some(head);
            }
            Err(error) => unrest = Some(error.to_string()),
        }
    }
    world.find(Guarantee::ComesToRest, || unrest.unwrap_or_else(|| "the log goes on growing".to_owned()));
    false
}

fn whole_log(world: &World) -> Result<Log, PortError> {
    world.disk.now(|stores| async move {
        let events = stores.log.read(Position::START, usize::MAX).await?;
        Ok(Log { events, head: stores.log.head().await? })
    })
}

/// When everybody has gone, somebody changes the file.
fn be_tampered_with(world: &World, log: &Log) -> anyhow::Result<()> {
    let blind = world.weather.breaks(Fault::BlindVerifier);
    if let Some(position) = verdict::verify(log, blind) {
        world.find(Guarantee::VerifyFindsTampering, || format!("nobody touched the log, and {position} is called bad"));
    }
    world.disk.close();
    let first = world.schedule.roll(|dice| tamper::tamper(&world.disk.file(), log.head.position, dice))?;
    world.disk.open()?;
    let found = verdict::verify(&whole_log(world)?, blind);
    world.disk.close();
    if found != Some(first) {
        world.find(Guarantee::VerifyFindsTampering, || format!("the log was changed from {first} on, and {found:?} is called bad"));
    }
    Ok(())
}
