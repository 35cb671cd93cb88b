//! Turns what the broker delivers into a gapless sequence for the hub. The broker only makes it fast; the log makes it right.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use posthaste_domain::Audience;

use super::hub::{Hub, Rendered};
use super::push::Push;
use super::withhold::withhold_deleted;
use crate::codec::Undecodable;
use crate::meter::meters;
use crate::port::broker::Run;
use crate::port::{Broker, EventLog, PortError};
use crate::recorded::{Position, Recorded};

/// Events read at once when a hole is filled.
const READ: usize = 512;

type Runs = BoxStream<'static, Result<Run, PortError>>;

/// Subscribing can take longer than a step is given, so it goes on from step to step.
enum Subscription {
    Subscribing(BoxFuture<'static, Result<Runs, PortError>>),
    Open(Runs),
}

/// Feeds one hub.
pub struct Feed {
    log: Arc<dyn EventLog>,
    broker: Arc<dyn Broker>,
    hub: Arc<Hub>,
    subscription: Subscription,
    /// Where the hub was at the last look at the log.
    looked_at: Position,
}

impl Feed {
    /// A feed that goes on from where the hub is.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, broker: Arc<dyn Broker>, hub: Arc<Hub>) -> Self {
        let looked_at = hub.position();
        let subscription = subscribe(&broker);
        Self { log, broker, hub, subscription, looked_at }
    }

    /// Waits for the broker's next run and routes it, whatever is missing before it first. Subscribes if need be. Can be dropped
    /// and called again at any time: a run that is lost by that is a hole like any other.
    ///
    /// # Errors
    /// The broker or the log failed; the next step subscribes again.
    pub async fn step(&mut self) -> Result<(), PortError> {
        let runs = match &mut self.subscription {
            Subscription::Open(runs) => runs,
            Subscription::Subscribing(subscribing) => match subscribing.await {
                Ok(runs) => {
                    self.subscription = Subscription::Open(runs);
                    self.hub.set_fed(true);
                    // What was published between two subscriptions reached nobody.
                    return self.catch_up().await;
                }
                Err(error) => return Err(self.lost(error)),
            },
        };
        let run = match runs.next().await {
            Some(Ok(run)) => run,
            Some(Err(error)) => return Err(self.lost(error)),
            None => return Err(self.lost(PortError::unavailable("broker", "the subscription ended"))),
        };
        let (Some(first), Some(last)) = (run.first(), run.iter().map(|event| event.position).max()) else { return Ok(()) };
        let first = first.position;
        if run.windows(2).any(|pair| pair[1].position != pair[0].position.next()) {
            meters().feed_holes.increment(1);
            tracing::warn!(first = first.0, last = last.0, "a run of the feed is not what was published: reading it from the log");
            return self.fill(last).await;
        }
        if first > self.hub.position().next() {
            meters().feed_holes.increment(1);
            tracing::info!(after = self.hub.position().0, before = first.0, "filling a hole in the feed from the log");
            self.fill(Position(first.0 - 1)).await?;
        }
        self.route(&run).await
    }

    /// Looks at the log itself, to be called about once a second: if the feed has not moved since the last look and the log is
    /// ahead, goes on from the log.
    ///
    /// # Errors
    /// The log failed.
    pub async fn look(&mut self) -> Result<(), PortError> {
        let head = self.log.head().await?.position;
        self.hub.observe_head(head);
        let position = self.hub.position();
        if head > position && position == self.looked_at {
            meters().feed_holes.increment(1);
            self.fill(head).await?;
        }
        self.looked_at = self.hub.position();
        Ok(())
    }

    /// The subscription is over; the next step begins another.
    fn lost(&mut self, error: PortError) -> PortError {
        self.hub.set_fed(false);
        meters().feed_failures.increment(1);
        self.subscription = subscribe(&self.broker);
        error
    }

    async fn catch_up(&mut self) -> Result<(), PortError> {
        let head = self.log.head().await?.position;
        self.hub.observe_head(head);
        self.fill(head).await
    }

    async fn fill(&mut self, upto: Position) -> Result<(), PortError> {
        while self.hub.position() < upto {
            let mut missing = self.log.read(self.hub.position(), READ).await?;
            if missing.is_empty() {
                return Err(PortError::corrupt(
                    format!("the log after position {}", self.hub.position()),
                    "an event that was published is not there",
                ));
            }
            withhold_deleted(&*self.log, &mut missing).await?;
            self.route(&missing.into_iter().map(Arc::new).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    async fn route(&mut self, run: &[Arc<Recorded>]) -> Result<(), PortError> {
        let mut rendered = self.hub.render(run);
        address_newer(&*self.log, run, &mut rendered).await?;
        self.hub.route_rendered(rendered);
        Ok(())
    }
}

/// Asks the log to whom the events are owed that only a newer program can read: while nodes of two versions run side by side, each delivers
/// what either records.
async fn address_newer(log: &dyn EventLog, run: &[Arc<Recorded>], rendered: &mut Rendered) -> Result<(), PortError> {
    let is_newer = |push: &Result<_, Undecodable>| push.as_ref().is_err_and(Undecodable::is_newer);
    let newer: Vec<_> = rendered.iter().filter(|(_, push)| is_newer(push)).map(|(position, _)| *position).collect();
    if newer.is_empty() {
        return Ok(());
    }
    let mut named = log.addressees(&newer).await?;
    for (position, push) in rendered.iter_mut().filter(|(_, push)| is_newer(push)) {
        let Some(event) = run.iter().find(|event| event.position == *position) else { continue };
        let users = named.extract_if(.., |(of, _)| of == position).map(|(_, addressee)| addressee).collect();
        *push = Push::raw(event, Audience { thread: event.thread, users }).map(Arc::new);
        tracing::debug!(position = position.0, event.r#type = event.event_type, "routed as a newer version has recorded it");
    }
    Ok(())
}

fn subscribe(broker: &Arc<dyn Broker>) -> Subscription {
    let broker = Arc::clone(broker);
    Subscription::Subscribing(async move { broker.subscribe().await }.boxed())
}
