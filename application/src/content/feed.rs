//! What the broker delivers, opened: it carries events as they stand in the log.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::Keyring;
use crate::port::broker::{Publisher, Run};
use crate::port::{Broker, PortError};
use crate::recorded::Recorded;

/// A broker between processes.
pub struct SealedFeed {
    broker: Arc<dyn Broker>,
    keyring: Arc<Keyring>,
}

impl SealedFeed {
    /// This broker, by these keys.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, keyring: Arc<Keyring>) -> Self {
        Self { broker, keyring }
    }
}

#[async_trait]
impl Broker for SealedFeed {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        self.broker.publisher().await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        let runs = self.broker.subscribe().await?;
        let keyring = Arc::clone(&self.keyring);
        let opened = runs.then(move |run| {
            let keyring = Arc::clone(&keyring);
            async move {
                let mut events: Vec<Recorded> = run?.iter().map(|event| Recorded::clone(event)).collect();
                keyring.open(&mut events).await?;
                Ok(events.into_iter().map(Arc::new).collect())
            }
        });
        Ok(opened.boxed())
    }
}
