//! Writers and readers of one process in a race for the log. The race test runs this in its own process and in another one, while a
//! nemesis kills their backends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use posthaste_application::chain::Verifier;
use posthaste_application::port::log::AppendRefused;
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Hash, Position};
use posthaste_infrastructure::postgres::{ConnectError, PgLog, Postgres, PostgresConfig};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::drafts::{message, one_event, raw_append};

/// The stream whose first event ends the race for the readers.
pub const FINISH: Uuid = Uuid::from_u64_pair(u64::MAX, 0);
/// What ids of rolled-back transactions start with; none of them may ever be seen.
pub const ROLLED_BACK: u64 = 0xDEAD;
/// What the ids of contested streams start with.
const CONTESTED: u64 = 0xC0;
/// Readers of each process.
const READERS: usize = 2;

/// What one process does.
#[derive(Clone, Debug)]
pub struct Race {
    /// The database, as the server.
    pub url: String,
    /// Which process this is: its ids start with it.
    pub process: u64,
    /// Where its random numbers start.
    pub seed: u64,
    /// How many write at once.
    pub writers: u64,
    /// How many events they record before they stop.
    pub events: u64,
}

/// What the log acknowledged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// The command.
    pub command: Uuid,
    /// Its first event.
    pub first: u64,
    /// Its last event.
    pub last: u64,
}

/// What one reader saw, following by position from the start to the finish.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// How many events, each at the position after the one before it.
    pub events: u64,
    /// The hash of the last, which covers all of them.
    pub hash: Hash,
    /// What was wrong, if anything.
    pub fault: Option<String>,
}

/// What one process has to say at the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Everything that was acknowledged to its writers.
    pub acks: Vec<Ack>,
    /// What its readers saw.
    pub followed: Vec<Followed>,
    /// How many transactions were rolled back after they had appended.
    pub rolled_back: u64,
    /// How many appends were sent again because their outcome was not known.
    pub retried: u64,
}

/// Writes until enough is acknowledged, calls `written`, and reads on until the finish.
///
/// # Errors
/// What no nemesis explains.
pub async fn run(race: Race, written: impl AsyncFnOnce() -> anyhow::Result<()>) -> anyhow::Result<Report> {
    let postgres = connect(&race.url).await?;
    let log: Arc<dyn EventLog> = Arc::new(PgLog::new(postgres.clone()));

    let mut readers = JoinSet::new();
    for n in 0..READERS {
        let (log, seed) = (Arc::clone(&log), race.seed ^ (0x0EAD << 16) ^ n as u64);
        readers.spawn(async move { follow(&*log, StdRng::seed_from_u64(seed)).await });
    }
    let recorded = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for n in 0..race.writers {
        let writer = Writer {
            log: Arc::clone(&log),
            postgres: postgres.clone(),
            random: StdRng::seed_from_u64(race.seed.wrapping_mul(31).wrapping_add(n)),
            ids: (race.process << 32) | n,
            last_id: 0,
            contested: [0; 2],
            report: Report::default(),
        };
        writers.spawn(writer.run(Arc::clone(&recorded), race.events));
    }
    let mut report = Report::default();
    while let Some(writer) = writers.join_next().await {
        let writer = writer.context("a writer panicked")??;
        report.acks.extend(writer.acks);
        report.rolled_back += writer.rolled_back;
        report.retried += writer.retried;
    }
    written().await?;
    while let Some(followed) = readers.join_next().await {
        report.followed.push(followed.context("a reader panicked")?);
    }
    Ok(report)
}

/// Connects, unless the nemesis is faster too many times.
async fn connect(url: &str) -> anyhow::Result<Postgres> {
    let mut tries = 0;
    loop {
        tries += 1;
        match Postgres::connect(PostgresConfig::new(url)).await {
            Ok(postgres) => return Ok(postgres),
            Err(ConnectError::Connect { .. } | ConnectError::Check(_)) if tries < 20 => {}
            Err(error) => return Err(error.into()),
        }
    }
}

struct Writer {
    log: Arc<dyn EventLog>,
    postgres: Postgres,
    random: StdRng,
    /// What its ids start with.
    ids: u64,
    last_id: u64,
    /// The versions of the contested streams, as far as it knows.
    contested: [u64; 2],
    report: Report,
}

impl Writer {
    async fn run(mut self, recorded: Arc<AtomicU64>, enough: u64) -> anyhow::Result<Report> {
        while recorded.load(Ordering::Relaxed) < enough {
            if self.random.random_bool(0.15) {
                self.roll_back().await;
            } else {
                let batch = self.batch();
                let answers = self.record(&batch).await?;
                for (append, answer) in batch.iter().zip(answers) {
                    self.take(append, answer, &recorded)?;
                }
            }
        }
        Ok(self.report)
    }

    fn id(&mut self) -> Uuid {
        self.last_id += 1;
        Uuid::from_u64_pair(self.ids, self.last_id)
    }

    fn batch(&mut self) -> Vec<Append> {
        (0..self.random.random_range(1..=16))
            .map(|_| {
                let command = self.id();
                if self.random.random_bool(0.2) {
                    let stream = self.random.random_range(0..self.contested.len());
                    one_event(command, message(Uuid::from_u64_pair(CONTESTED, stream as u64)), self.contested[stream])
                } else {
                    let mut append = one_event(command, message(command), 0);
                    for version in 1..self.random.random_range(1..=3) {
                        append.events.extend(one_event(command, message(command), version).events);
                    }
                    append
                }
            })
            .collect()
    }

    /// Sends a batch until it is answered. Sometimes it goes away before the answer comes, as a client does that is cut off.
    async fn record(&mut self, batch: &[Append]) -> anyhow::Result<Vec<Result<Appended, AppendRefused>>> {
        loop {
            let patience = if self.random.random_bool(0.1) {
                Duration::from_micros(self.random.random_range(0..3_000))
            } else {
                Duration::from_secs(60)
            };
            match timeout(patience, self.log.append(batch)).await {
                Ok(Ok(answers)) => return Ok(answers),
                Ok(Err(PortError::Unavailable { .. })) | Err(_) => self.report.retried += 1,
                Ok(Err(error @ (PortError::Rejected { .. } | PortError::Corrupt { .. } | PortError::Poison { .. }))) => {
                    return Err(error.into());
                }
            }
        }
    }

    fn take(&mut self, append: &Append, answer: Result<Appended, AppendRefused>, recorded: &AtomicU64) -> anyhow::Result<()> {
        match answer {
            Ok(appended) => {
                let (first, last) = (appended.first.0, appended.last.0);
                self.report.acks.push(Ack { command: append.command.uuid(), first, last });
                recorded.fetch_add(last - first + 1, Ordering::Relaxed);
                let event = &append.events[0];
                if let Some(version) = contested(event.stream.id).and_then(|n| self.contested.get_mut(n)) {
                    *version = (*version).max(event.version);
                }
            }
            Err(AppendRefused::Moved { stream, actual, .. }) => {
                let n = contested(stream.id).context("a stream of its own has moved")?;
                self.contested[n] = actual;
            }
            Err(error @ AppendRefused::CommandMismatch { .. }) => return Err(error.into()),
        }
        Ok(())
    }

    /// Appends and takes it back, after a while in which everybody waits for the head.
    async fn roll_back(&mut self) {
        let ids: Vec<_> = (0..self.random.random_range(1..4)).map(|_| Uuid::from_u64_pair(ROLLED_BACK, self.random.random())).collect();
        let pause = Duration::from_micros(self.random.random_range(0..2_000));
        let outcome = async {
            let mut connection = self.postgres.pool().get().await?;
            let transaction = connection.transaction().await?;
            for id in ids {
                raw_append(&*transaction, id).await?;
            }
            sleep(pause).await;
            transaction.rollback().await?;
            anyhow::Ok(())
        };
        // Killed before it could roll back, it is rolled back all the same.
        if outcome.await.is_ok() {
            self.report.rolled_back += 1;
        }
    }
}

fn contested(stream: Uuid) -> Option<usize> {
    let (kind, n) = stream.as_u64_pair();
    (kind == CONTESTED).then(|| usize::try_from(n).ok()).flatten()
}

/// Follows the log by position alone, and checks that every event is the one after the last.
async fn follow(log: &dyn EventLog, mut random: StdRng) -> Followed {
    let mut verifier = Verifier::default();
    let mut hash = posthaste_application::chain::GENESIS;
    loop {
        let at = verifier.position();
        let limit = random.random_range(1..=200);
        let Ok(events) = log.read(at, limit).await else { continue };
        for event in &events {
            if let Err(broken) = verifier.check(event) {
                return Followed { events: verifier.position().0, hash, fault: Some(broken.to_string()) };
            }
            hash = event.hash;
            if event.stream.id == FINISH {
                return Followed { events: event.position.0, hash, fault: None };
            }
        }
        if events.is_empty() {
            // Woken, or not: it looks again.
            let _ = timeout(Duration::from_millis(20), log.grown(at)).await;
        }
    }
}

/// Everything in the log.
///
/// # Errors
/// It cannot be read.
pub async fn whole_log(log: &dyn EventLog) -> Result<Vec<posthaste_application::recorded::Recorded>, PortError> {
    let mut all = Vec::new();
    loop {
        let after = Position(all.len() as u64);
        let events = log.read(after, 5_000).await?;
        if events.is_empty() {
            return Ok(all);
        }
        all.extend(events);
    }
}
