//! From the signals that nodes exchange to the hub.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::BoxStream;

use super::hub::Hub;
use crate::port::signals::Signal;
use crate::port::{PortError, Signals};

type Batches = BoxStream<'static, Result<Vec<Signal>, PortError>>;

/// Subscribing can take longer than a step is given, so it goes on from step to step.
enum Subscription {
    Subscribing(BoxFuture<'static, Result<Batches, PortError>>),
    Open(Batches),
}

/// Listens for one hub.
pub struct Listener {
    signals: Arc<dyn Signals>,
    hub: Arc<Hub>,
    subscription: Subscription,
}

impl Listener {
    /// Listens from its first step on.
    #[must_use]
    pub fn new(signals: Arc<dyn Signals>, hub: Arc<Hub>) -> Self {
        let subscription = subscribe(&signals);
        Self { signals, hub, subscription }
    }

    /// Waits for the next batch and passes it on. Subscribes if need be. Can be dropped and called again at any time.
    ///
    /// # Errors
    /// The signals failed; the next step subscribes again.
    pub async fn step(&mut self) -> Result<(), PortError> {
        let batches = match &mut self.subscription {
            Subscription::Open(batches) => batches,
            Subscription::Subscribing(subscribing) => match subscribing.await {
                Ok(batches) => {
                    self.subscription = Subscription::Open(batches);
                    return Ok(());
                }
                Err(error) => return Err(self.lost(error)),
            },
        };
        match batches.next().await {
            Some(Ok(batch)) => batch.iter().for_each(|signal| self.hub.signal(signal)),
            Some(Err(error)) => return Err(self.lost(error)),
            None => return Err(self.lost(PortError::unavailable("signals", "the subscription ended"))),
        }
        Ok(())
    }

    fn lost(&mut self, error: PortError) -> PortError {
        self.subscription = subscribe(&self.signals);
        error
    }
}

fn subscribe(signals: &Arc<dyn Signals>) -> Subscription {
    let signals = Arc::clone(signals);
    Subscription::Subscribing(async move { signals.subscribe().await }.boxed())
}
