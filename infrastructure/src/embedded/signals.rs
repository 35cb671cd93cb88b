//! Signals within one process.

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use posthaste_application::port::signals::Signal;
use posthaste_application::port::{PortError, Signals};
use tokio::sync::broadcast::{self, error::RecvError};

/// Most batches that wait for the slowest subscriber; the oldest are lost to it beyond that.
const WAITING: usize = 256;

/// The signals of a process that is its own gateway.
#[derive(Clone, Debug)]
pub struct InProcessSignals {
    batches: broadcast::Sender<Vec<Signal>>,
}

impl Default for InProcessSignals {
    fn default() -> Self {
        Self { batches: broadcast::Sender::new(WAITING) }
    }
}

#[async_trait]
impl Signals for InProcessSignals {
    async fn publish(&self, signals: &[Signal]) -> Result<(), PortError> {
        if !signals.is_empty() {
            // Fails when nobody is subscribed, which is nobody's loss.
            let _ = self.batches.send(signals.to_vec());
        }
        Ok(())
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Vec<Signal>, PortError>>, PortError> {
        let batches = stream::unfold(self.batches.subscribe(), async |mut batches| {
            loop {
                match batches.recv().await {
                    Ok(batch) => return Some((Ok(batch), batches)),
                    Err(RecvError::Lagged(lost)) => tracing::debug!(lost, "signals came faster than they were taken"),
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        Ok(batches.boxed())
    }
}
