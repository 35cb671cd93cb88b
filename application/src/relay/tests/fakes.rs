//! A log, a lease, a broker and a clock that a test moves by hand.

mod broker;
mod store;

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use posthaste_domain::{Category, CommandId};
use uuid::Uuid;

pub(super) use self::broker::Broker;
use self::store::{LeaseRow, Log};
use super::TIMING;
use crate::port;
use crate::recorded::{Decoded, Position, Recorded, StreamId};
use crate::relay::{Relay, RelayError, RelayStep};

/// Where a relay stands when it has done all it can do for now.
#[derive(Debug)]
pub(super) enum Outcome {
    Standby,
    Idle,
    /// The step does not end by itself; it was dropped.
    Waiting,
    Failed(RelayError),
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        !matches!(self, Self::Failed(_)) && std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

pub(super) struct World {
    pub(super) log: Arc<Log>,
    pub(super) lease: Arc<LeaseRow>,
    pub(super) broker: Arc<Broker>,
    pub(super) clock: Arc<Clock>,
    stalls: Arc<Stalls>,
    relays: AtomicU64,
}

impl World {
    pub(super) fn with_events(events: u64) -> Self {
        let (clock, stalls) = (Arc::new(Clock::default()), Arc::new(Stalls::default()));
        let world = Self {
            log: Arc::new(Log {
                events: Mutex::default(),
                stalls: Arc::clone(&stalls),
                reads: AtomicU64::new(0),
                silent: AtomicBool::new(false),
            }),
            lease: Arc::new(LeaseRow { row: Mutex::default(), clock: Arc::clone(&clock), stalls: Arc::clone(&stalls) }),
            broker: Arc::new(Broker { state: Arc::default(), stalls: Arc::clone(&stalls) }),
            clock,
            stalls,
            relays: AtomicU64::new(0),
        };
        world.append(events);
        world
    }

    pub(super) fn relay(&self) -> Relay {
        let holder = Uuid::from_u128(u128::from(self.relays.fetch_add(1, Ordering::Relaxed)));
        Relay::new(self.log.clone(), self.lease.clone(), self.broker.clone(), self.clock.clone(), holder, TIMING)
    }

    pub(super) fn append(&self, events: u64) {
        let mut log = self.log.events.lock().unwrap();
        for _ in 0..events {
            let position = Position(log.len() as u64 + 1);
            log.push(event(position));
        }
    }

    pub(super) fn pass(&self, time: Duration) {
        *self.clock.passed.lock().unwrap() += TimeDelta::from_std(time).unwrap();
    }

    /// Lets time pass while the relay is stepped as its loop does.
    pub(super) fn pass_in_steps(&self, relay: &mut Relay, time: Duration) {
        let mut rest = time;
        while !rest.is_zero() {
            let part = rest.min(TIMING.lease / 3);
            self.pass(part);
            rest -= part;
            let outcome = self.settle(relay);
            assert!(!matches!(outcome, Outcome::Failed(_)), "with {rest:?} to go: {outcome:?}");
        }
    }

    /// From now on every kind of call first hangs, then has its effect but hangs, then works, and so on.
    pub(super) fn stall_every_call(&self, stall: bool) {
        self.stalls.on.store(stall, Ordering::Relaxed);
    }

    /// Steps until the relay can do no more by itself.
    pub(super) fn settle(&self, relay: &mut Relay) -> Outcome {
        for _ in 0..1_000 {
            match relay.step().now_or_never() {
                Some(Ok(RelayStep::Moved)) => {}
                Some(Ok(RelayStep::Idle)) => return Outcome::Idle,
                Some(Ok(RelayStep::Standby)) => return Outcome::Standby,
                Some(Err(error)) => return Outcome::Failed(error),
                None => return Outcome::Waiting,
            }
        }
        panic!("the relay is busy with nothing");
    }
}

fn event(position: Position) -> Recorded {
    Recorded {
        position,
        stream: StreamId { category: Category::Message, id: Uuid::from_u128(1) },
        version: position.0,
        event_type: "message.posted".to_owned(),
        schema: 1,
        facts: "{}".to_owned(),
        content: None,
        thread: None,
        actor: None,
        command: CommandId::new(Uuid::from_u128(u128::from(position.0))),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: Uuid::nil(),
        causation: None,
        at: DateTime::UNIX_EPOCH,
        hash: [0; 32],
        decoded: Decoded::default(),
    }
}

#[derive(Default)]
struct Stalls {
    on: AtomicBool,
    calls: Mutex<HashMap<&'static str, u64>>,
}

impl Stalls {
    async fn around<T>(&self, call: &'static str, effect: impl FnOnce() -> T) -> T {
        if !self.on.load(Ordering::Relaxed) {
            return effect();
        }
        let count = {
            let mut calls = self.calls.lock().unwrap();
            let count = calls.entry(call).or_default();
            *count += 1;
            *count
        };
        match count % 3 {
            1 => pending().await,
            2 => {
                effect();
                pending().await
            }
            _ => effect(),
        }
    }
}

#[derive(Default)]
pub(super) struct Clock {
    passed: Mutex<TimeDelta>,
    set_back: Mutex<TimeDelta>,
}

impl Clock {
    pub(super) fn set_back(&self, time: Duration) {
        *self.set_back.lock().unwrap() += TimeDelta::from_std(time).unwrap();
    }

    fn store_now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + *self.passed.lock().unwrap()
    }
}

impl port::Clock for Clock {
    fn now(&self) -> DateTime<Utc> {
        self.store_now() - *self.set_back.lock().unwrap()
    }
}
