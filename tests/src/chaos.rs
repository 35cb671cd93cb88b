//! Everything at once: people talk over a whole service while a nemesis does to its processes and to what they stand on whatever the
//! world may do, and in the end nothing may be lost, doubled, reordered or made up.
//!
//! - [`Setting`] says how long, how many people, and the seed that all choices come from.
//! - [`run`] does it, and gives a [`Report`] or the first thing that is wrong.
//!
//! `tests/chaos --seed 7 --seconds 60 --users 6` from the command line. The seed decides what the nemesis does, in which order, to whom
//! and for how long, and what people say; when exactly that hits the processes is up to the machine.

mod errands;
mod fault;
mod load;
mod nemesis;
mod report;
mod world;

use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::errands::errands;
use self::load::Load;
use self::nemesis::Nemesis;
use self::world::World;
use crate::deadline::Deadline;
use crate::history::{Answer, Entry, History, check};
use crate::metadata::root;
use crate::rules::breaches;

pub use self::fault::{Blow, Fault, Turn, schedule};
pub use self::report::{Recovery, Report};

/// How long the service may take to be whole again after something, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What all choices come from.
    pub seed: u64,
    /// How long the nemesis is at work. It goes on until it has done everything once.
    pub seconds: u64,
    /// How many people talk, three or more. Each has two devices; the more they are, the less each of them says.
    pub users: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self { seed: rand::random_range(0..1_000_000), seconds: 60, users: 6 }
    }
}

impl Setting {
    /// The command that does the same again.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("tests/chaos --seed {} --seconds {} --users {}", self.seed, self.seconds, self.users)
    }

    /// Randomness for one part, whatever the others do with theirs.
    fn randomness(&self, part: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(part))
    }

    /// When it has hung, for sure.
    fn limit(&self) -> Duration {
        Duration::from_secs(420 + 2 * self.seconds)
    }
}

/// What is being done right now, for whoever wants to know why it takes so long.
#[derive(Clone, Debug, Default)]
struct Doing(Arc<Mutex<String>>);

impl Doing {
    fn set(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs it.
///
/// # Errors
/// A breach of the promise, or that the service does not recover; with the command that does the same again. What the processes logged
/// and what the devices saw is then in a folder of the target directory, which the error names.
pub async fn run(setting: Setting) -> anyhow::Result<Report> {
    let (doing, begun) = (Doing::default(), Instant::now());
    let told = doing.clone();
    let _deadline = Deadline::telling(&setting.replay(), setting.limit(), move || told.get());
    doing.set("the services and the nodes start");
    let mut world = World::start().await.with_context(|| setting.replay())?;
    let history = History::default();
    match happen(setting, begun, &mut world, &history, &doing).await {
        Ok(report) => Ok(report),
        Err(error) => {
            let folder = root().join("target").join("chaos").join(setting.seed.to_string());
            let kept = world.keep_logs(&folder).and_then(|()| {
                let entries: String = history.entries().iter().map(|entry| format!("{entry:?}\n")).collect();
                Ok(fs::write(folder.join("history"), entries)?)
            });
            let kept = kept.map_or_else(|error| format!("nothing could be kept: {error:#}"), |()| format!("see {}", folder.display()));
            Err(error.context(format!("{}; while {}; {kept}", setting.replay(), doing.get())))
        }
    }
}

async fn happen(setting: Setting, begun: Instant, world: &mut World, history: &History, doing: &Doing) -> anyhow::Result<Report> {
    doing.set("people register and connect");
    let load = Load::begin(&setting, world.doors(), history).await?;
    let quiet = CancellationToken::new();
    let mut nemesis = Nemesis::new(setting, world, &load, doing.clone());
    let struck = async {
        let struck = nemesis.work().await;
        quiet.cancel();
        struck
    };
    let (talked, ran, struck) = tokio::join!(load.talk(&setting, &quiet), errands(&load, &setting, &quiet), struck);
    // What went wrong first is most likely what stopped the service from recovering.
    let recoveries = struck?;
    talked?;
    let errands = ran?;

    doing.set("the last that was said arrives everywhere");
    load.come_to_rest(doing).await?;
    doing.set("the nodes stop");
    world.stop_nodes().await?;
    doing.set("the checkers look");
    let (log, unknown, cuts) = (world.read_log().await?, world.unknown_outcomes(), world.connections_cut());
    let entries = history.entries();
    let verdict = check(&entries, &log);
    let acks = entries.iter().filter(|entry| matches!(entry, Entry::Acked { .. })).count();
    let (answers_lost, took) = (answers_lost(&entries), begun.elapsed());
    let report = Report { setting, verdict, acks, errands, answers_lost, unknown, cuts, took, recoveries };
    ensure!(report.verdict.violations.is_empty(), "{report}\n{:#}", report.verdict.clone().clean().err().context("it has violations")?);
    let breaches = breaches(&log.events);
    ensure!(breaches.is_empty(), "{report}\nthe log holds what the rules forbid: {breaches:#?}");
    world.verify_log().await.with_context(|| report.to_string())?;
    Ok(report)
}

/// Commands that the first answer calls a repetition.
fn answers_lost(entries: &[Entry]) -> usize {
    let mut answered = HashSet::new();
    let first = |entry: &&Entry| matches!(entry, Entry::Answered { command, answer: Answer::Ok { .. } } if answered.insert(*command));
    entries.iter().filter(first).filter(|entry| matches!(entry, Entry::Answered { answer: Answer::Ok { dup: true, .. }, .. })).count()
}
