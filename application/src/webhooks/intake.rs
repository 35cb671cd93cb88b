//! From the queue into the inboxes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Endpoint;
use crate::meter::meters;
use crate::port::queue::{Consumption, Delivery};
use crate::port::webhooks::Owed;
use crate::port::{EventLog, EventQueue, PortError, Webhooks};
use crate::recorded::{Position, Recorded};

/// Most deliveries that are taken in together.
const BATCH: usize = 256;
/// Most events of the log that are read at once.
const READ: usize = 512;

/// Puts into the inboxes what the queue delivers, and what it should have delivered. Several may run, on one queue.
///
/// It keeps the position up to which everything is taken in. A delivery that follows on it is taken as it is; before one that does not,
/// what is between is read from the log; one that is behind it was taken in already. So the queue may repeat, reorder and lose.
pub struct Intake {
    queue: Arc<dyn EventQueue>,
    store: Arc<dyn Webhooks>,
    log: Arc<dyn EventLog>,
    endpoints: Vec<Endpoint>,
    /// From where on events are owed to each; known once they are registered.
    since: Option<BTreeMap<String, Position>>,
    consumption: Option<Box<dyn Consumption>>,
    /// Delivered, and not yet taken in.
    in_hand: Vec<Delivery>,
}

impl Intake {
    /// An intake for these endpoints.
    #[must_use]
    pub fn new(queue: Arc<dyn EventQueue>, store: Arc<dyn Webhooks>, log: Arc<dyn EventLog>, endpoints: Vec<Endpoint>) -> Self {
        Self { queue, store, log, endpoints, since: None, consumption: None, in_hand: Vec::new() }
    }

    /// Waits for deliveries and takes them in; gives how many came. Can be dropped at any point and called again.
    ///
    /// # Errors
    /// When a store fails, the deliveries are kept, and the next step tries them again: to let go of them would use up their tries.
    pub async fn step(&mut self) -> Result<usize, PortError> {
        self.register().await?;
        if self.in_hand.is_empty() {
            if self.consumption.is_none() {
                self.consumption = Some(self.queue.consume().await?);
            }
            let Some(consumption) = &mut self.consumption else { return Ok(0) };
            match consumption.next(BATCH).await {
                Ok(deliveries) => self.in_hand = deliveries,
                Err(error) => {
                    self.consumption = None;
                    return Err(error);
                }
            }
        }
        let foreign = self.take_in().await?;
        let taken = std::mem::take(&mut self.in_hand);
        let Some(last) = taken.iter().map(|delivery| delivery.tag).max() else { return Ok(0) };
        if let Some(consumption) = &mut self.consumption
            && let Err(error) = settle(&mut **consumption, last, &foreign).await
        {
            // They come again, and are found to be taken in.
            self.consumption = None;
            return Err(error);
        }
        Ok(taken.len())
    }

    /// Looks at the log itself, whatever the queue says, and takes in what it finds there; gives how many events it looked at.
    ///
    /// # Errors
    /// The log or the store failed.
    pub async fn look(&mut self) -> Result<usize, PortError> {
        self.register().await?;
        let mut looked = 0;
        loop {
            let after = self.store.taken().await?;
            let events = self.log.read(after, READ).await?;
            let Some(last) = events.last() else { return Ok(looked) };
            let owed = self.owed(&events);
            // If another took it in meanwhile, that is as good.
            if self.store.take_in(after, last.position, &owed).await? && !owed.is_empty() {
                meters().webhook_taken.increment(count(owed.len()));
                meters().webhook_gap_reads.increment(1);
            }
            looked += events.len();
        }
    }

    async fn register(&mut self) -> Result<(), PortError> {
        if self.since.is_none() {
            let head = self.log.head().await?.position;
            let names: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
            self.since = Some(self.store.register(&names, head).await?.into_iter().collect());
        }
        Ok(())
    }

    /// Takes in what is in hand; gives the tags of what is not of this log.
    async fn take_in(&self) -> Result<Vec<u64>, PortError> {
        loop {
            let after = self.store.taken().await?;
            let Missing { upto, owed, gaps, repeated, foreign } = self.missing(after).await?;
            // If not, another took something in meanwhile, and there may be less to do.
            if upto == after || self.store.take_in(after, upto, &owed).await? {
                meters().webhook_taken.increment(count(owed.len()));
                meters().webhook_gap_reads.increment(gaps);
                meters().webhook_redeliveries.increment(repeated);
                meters().webhook_foreign.increment(count(foreign.len()));
                return Ok(foreign);
            }
        }
    }

    /// What is owed beyond a position, as far as what is in hand shows.
    async fn missing(&self, after: Position) -> Result<Missing, PortError> {
        let mut in_order: Vec<_> = self.in_hand.iter().collect();
        in_order.sort_unstable_by_key(|delivery| delivery.event.position);
        let (mut upto, mut owed, mut foreign) = (after, Vec::new(), Vec::new());
        let (mut gaps, mut repeated) = (0, 0);
        for delivery in in_order {
            let position = delivery.event.position;
            if position <= upto {
                repeated += u64::from(position <= after);
                continue;
            }
            if delivery.follows.is_none_or(|follows| follows > upto) {
                tracing::debug!(after = upto.0, position = position.0, "reading from the log what the queue has not delivered");
                gaps += 1;
                while upto < position {
                    let events = self.log.read(upto, READ).await?;
                    let Some(last) = events.last() else {
                        // The log was replaced by an older one, and this is from the other.
                        tracing::error!(position = position.0, "the queue has delivered an event that the log does not have");
                        foreign.push(delivery.tag);
                        break;
                    };
                    upto = last.position;
                    owed.extend(self.owed(&events));
                }
            } else {
                owed.extend(self.owed(std::slice::from_ref(&delivery.event)));
                upto = position;
            }
        }
        Ok(Missing { upto, owed, gaps, repeated, foreign })
    }

    fn owed(&self, events: &[Recorded]) -> Vec<Owed> {
        let wanted = |endpoint: &Endpoint, event: &Recorded| {
            let since = self.since.as_ref().and_then(|since| since.get(&endpoint.name));
            endpoint.types.contains(&event.event_type) && since.is_some_and(|since| event.position > *since)
        };
        let of = |event: &Recorded| {
            let position = event.position;
            let endpoints = self.endpoints.iter().filter(|endpoint| wanted(endpoint, event));
            endpoints.map(|endpoint| Owed { endpoint: endpoint.name.clone(), position }).collect::<Vec<_>>()
        };
        events.iter().flat_map(of).collect()
    }
}

/// What is to be taken in.
struct Missing {
    upto: Position,
    owed: Vec<Owed>,
    /// How often the log was read for what was not delivered.
    gaps: u64,
    /// Deliveries that were taken in before.
    repeated: u64,
    /// Deliveries that the log knows nothing of.
    foreign: Vec<u64>,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

async fn settle(consumption: &mut dyn Consumption, last: u64, foreign: &[u64]) -> Result<(), PortError> {
    for tag in foreign {
        consumption.reject(*tag).await?;
    }
    consumption.accept(last).await
}
