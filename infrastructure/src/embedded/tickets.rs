//! Tickets within one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::tickets::Kind;
use posthaste_application::port::{Clock, PortError, Tickets};

/// Most tickets of a kind that wait to be redeemed; 20 to 60 MiB.
const WAITING: usize = 65_536;

#[derive(Debug, thiserror::Error)]
#[error("{WAITING} tickets wait to be redeemed already")]
struct TooMany;

#[derive(Default)]
struct Waiting {
    tickets: HashMap<String, (String, DateTime<Utc>)>,
    /// When each runs out, in the order of storing; some are redeemed by then.
    ends: VecDeque<(DateTime<Utc>, String)>,
}

impl Waiting {
    fn forget_ended(&mut self, now: DateTime<Utc>) {
        while let Some((_, ticket)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            if self.tickets.get(&ticket).is_some_and(|(_, end)| *end <= now) {
                self.tickets.remove(&ticket);
            }
        }
    }
}

/// The tickets of a process that is its own gateway.
pub struct InProcessTickets {
    clock: Arc<dyn Clock>,
    waiting: Mutex<HashMap<Kind, Waiting>>,
}

impl InProcessTickets {
    /// No tickets yet; they run out by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Kind, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tickets for InProcessTickets {
    async fn keep(&self, kind: Kind, ticket: &str, text: String) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut waiting = self.waiting();
        let waiting = waiting.entry(kind).or_default();
        waiting.forget_ended(now);
        // Redeemed tickets stay in `ends` until their time, so this bounds how many are handed out in that time.
        if waiting.ends.len() >= WAITING {
            return Err(PortError::unavailable("in-process tickets", TooMany));
        }
        let end = now + kind.ttl();
        waiting.tickets.insert(ticket.to_owned(), (text, end));
        waiting.ends.push_back((end, ticket.to_owned()));
        Ok(())
    }

    async fn take(&self, kind: Kind, ticket: &str) -> Result<Option<String>, PortError> {
        let now = self.clock.now();
        let taken = self.waiting().get_mut(&kind).and_then(|waiting| waiting.tickets.remove(ticket));
        Ok(taken.filter(|(_, end)| now < *end).map(|(text, _)| text))
    }
}
