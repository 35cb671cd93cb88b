//! The broker within one process: every subscriber shares the runs as they were published.

use async_trait::async_trait;
use futures::future::{self, FutureExt as _};
use futures::stream::{self, BoxStream, StreamExt as _};
use posthaste_application::port::broker::{Confirm, Publisher, Run};
use posthaste_application::port::{Broker, PortError};
use tokio::sync::broadcast::{self, error::RecvError};

const SERVICE: &str = "in-process broker";

/// Most runs that wait for the slowest subscriber. Beyond that it has lost its place and goes on from the log.
const WAITING: usize = 64;

/// The broker of a process that is its own gateway. Forgets everything with the process, which the log makes good.
#[derive(Clone, Debug)]
pub struct InProcessBroker {
    runs: broadcast::Sender<Run>,
}

impl Default for InProcessBroker {
    fn default() -> Self {
        Self { runs: broadcast::Sender::new(WAITING) }
    }
}

#[async_trait]
impl Broker for InProcessBroker {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        Ok(Box::new(InProcessPublisher { runs: self.runs.clone() }))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        let runs = stream::unfold(Some(self.runs.subscribe()), async |runs| {
            let mut runs = runs?;
            match runs.recv().await {
                Ok(run) => Some((Ok(run), Some(runs))),
                // The runs that were pushed out cannot be had again: the subscription is over, as if a connection had failed.
                Err(error @ (RecvError::Lagged(_) | RecvError::Closed)) => Some((Err(PortError::unavailable(SERVICE, error)), None)),
            }
        });
        Ok(runs.boxed())
    }
}

struct InProcessPublisher {
    runs: broadcast::Sender<Run>,
}

#[async_trait]
impl Publisher for InProcessPublisher {
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError> {
        // Fails when nobody is subscribed. Whoever subscribes later starts from the log.
        let _ = self.runs.send(run);
        Ok(future::ready(Ok(())).boxed())
    }
}
