//! A log and inboxes of either profile, a clock that is moved by hand, and endpoints that are real HTTP servers.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::port::dead::Consumer;
use posthaste_application::port::webhooks::Owed;
use posthaste_application::port::{Clock, DeadLetters, EventLog, PortError, Randomness, Webhooks};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::webhooks::{Dispatch, DispatchError, Dispatcher, Patience};
use posthaste_infrastructure::embedded::{self, SqliteDeadLetters, SqliteLog, SqliteWebhooks};
use posthaste_infrastructure::postgres::{PgDeadLetters, PgLog, PgWebhooks};
use posthaste_infrastructure::reqwest::HttpPoster;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::new_id;
use posthaste_tests::drafts::{message, one_event};
use posthaste_tests::receiver::Receiver;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Database, Profile};

/// What endpoints and we know.
pub(crate) const SECRET: &str = "a secret of the endpoint";
/// How long an endpoint may take to answer. Real time: a socket knows no other.
const ANSWER: Duration = Duration::from_millis(400);

pub(crate) struct World {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn Webhooks>,
    pub(crate) dead: Arc<dyn DeadLetters>,
    pub(crate) clock: Arc<Driven>,
    _kept: Kept,
}

enum Kept {
    Embedded { _data: Scratch },
    Distributed { _database: Database },
}

/// An endpoint, as a consumer of the log.
pub(crate) fn webhook(endpoint: &str) -> Consumer {
    Consumer::Webhook(endpoint.to_owned())
}

/// A clock that stands still until it is moved.
pub(crate) struct Driven(Mutex<DateTime<Utc>>);

impl Clock for Driven {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl Driven {
    pub(crate) fn to(&self, time: DateTime<Utc>) {
        let mut now = self.0.lock().unwrap();
        *now = (*now).max(time);
    }

    pub(crate) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += TimeDelta::from_std(time).unwrap();
    }
}

/// The same chance in every run.
#[derive(Default)]
pub(crate) struct Dice(AtomicU64);

impl Randomness for Dice {
    fn secret(&self) -> Result<[u8; 32], PortError> {
        Ok([7; 32])
    }

    fn fraction(&self) -> f64 {
        // Steps by the golden ratio: all over the place, and evenly.
        let throws = self.0.fetch_add(1, Ordering::Relaxed) as f64;
        (0.31 + throws * 0.618_033_988_749_895).fract()
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.fraction().to_le_bytes()[3]);
    }
}

impl World {
    /// With so many events in the log.
    pub(crate) async fn new(profile: Profile, events: usize) -> anyhow::Result<Self> {
        let clock = Arc::new(Driven(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).context("a time")?)));
        let world = match profile {
            Profile::Embedded => {
                let data = Scratch::new()?;
                let database = embedded::Database::open(&data.path().join("data"))?;
                let log = SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock));
                let store = SqliteWebhooks::new(Arc::clone(&database), Arc::new(SystemClock));
                let dead = SqliteDeadLetters::new(database, Arc::new(SystemClock));
                let kept = Kept::Embedded { _data: data };
                Self { log: Arc::new(log), store: Arc::new(store), dead: Arc::new(dead), clock, _kept: kept }
            }
            Profile::Distributed => {
                let database = Database::new("webhooks").await?;
                let store = PgWebhooks::new(database.postgres.clone());
                let (log, dead) = (PgLog::new(database.postgres.clone()), PgDeadLetters::new(database.postgres.clone()));
                let kept = Kept::Distributed { _database: database };
                Self { log: Arc::new(log), store: Arc::new(store), dead: Arc::new(dead), clock, _kept: kept }
            }
        };
        world.record(events).await?;
        Ok(world)
    }

    pub(crate) async fn record(&self, events: usize) -> anyhow::Result<()> {
        for _ in 0..events {
            self.log.append(&[one_event(new_id(), message(new_id()), 0)]).await?.remove(0)?;
        }
        Ok(())
    }

    /// So many more events of one stream, after so many.
    pub(crate) async fn record_in(&self, stream: StreamId, after: u64, events: u64) -> anyhow::Result<()> {
        for version in after..after + events {
            self.log.append(&[one_event(new_id(), stream, version)]).await?.remove(0)?;
        }
        Ok(())
    }

    /// The positions of an endpoint's dead letters, with how often each was tried.
    pub(crate) async fn letters(&self, endpoint: &str) -> anyhow::Result<Vec<(u64, u32)>> {
        let letters = self.dead.list(Some(&webhook(endpoint)), None, 100).await?;
        let mut letters: Vec<_> = letters.iter().map(|letter| (letter.position.0, letter.tries)).collect();
        letters.sort_unstable();
        Ok(letters)
    }

    /// Has everything tried again that an endpoint did not take; gives how many streams that were.
    pub(crate) async fn retry(&self, endpoint: &str) -> anyhow::Result<usize> {
        let letters = self.dead.list(Some(&webhook(endpoint)), None, 100).await?;
        for letter in &letters {
            ensure!(self.dead.retry(&webhook(endpoint), letter.stream).await?, "{letter:?}");
        }
        Ok(letters.len())
    }

    /// Everything in the log is owed to these endpoints.
    pub(crate) async fn owe(&self, endpoints: &[&str]) -> anyhow::Result<()> {
        let names: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
        self.store.register(&names, Position::START).await?;
        let (after, head) = (self.store.taken().await?, self.log.head().await?.position);
        let owed: Vec<_> = (after.0 + 1..=head.0)
            .flat_map(|position| names.iter().map(move |endpoint| Owed { endpoint: endpoint.clone(), position: Position(position) }))
            .collect();
        ensure!(self.store.take_in(after, head, &owed).await?);
        Ok(())
    }

    pub(crate) fn dispatcher(&self, endpoint: &str, receiver: &Receiver, patience: Patience) -> anyhow::Result<Dispatcher> {
        Ok(Dispatcher::new(
            endpoint.to_owned(),
            Arc::clone(&self.store),
            Arc::clone(&self.log),
            Arc::new(HttpPoster::new(&receiver.url(), SECRET, ANSWER)?),
            self.clock.clone(),
            Arc::new(Dice::default()),
            new_id(),
            patience,
        ))
    }

    /// Steps until nothing is left to do before this time, which it becomes. Gives how often something was sent.
    pub(crate) async fn drive(&self, dispatcher: &mut Dispatcher, until: DateTime<Utc>) -> Result<usize, DispatchError> {
        let mut sent = 0;
        loop {
            match dispatcher.step().await? {
                Dispatch::Sent(some) => sent += some,
                Dispatch::Until(due) if due <= until => self.clock.to(due),
                Dispatch::Until(_) | Dispatch::Idle | Dispatch::Disabled | Dispatch::Standby => {
                    self.clock.to(until);
                    return Ok(sent);
                }
            }
        }
    }
}
