//! Signals: published on one channel that every node is subscribed to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use posthaste_application::port::signals::Signal;
use posthaste_application::port::{PortError, Signals};
use redis::aio::{ConnectionManager, PubSubSink, PubSubStream};
use redis::{AsyncTypedCommands as _, Client};
use serde_json::value::RawValue;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{PATIENCE, SERVICE, client, failed, manage, unconnected};

/// Most batches that wait for the subscriber; the oldest are lost beyond that.
const WAITING: usize = 256;
/// How often a subscription sees whether the server is still there: one that only listens would never find out.
const ALIVE: Duration = Duration::from_secs(5);

/// Signals on the channel `<prefix>signals`, each batch as one message: a JSON array. Another version may send kinds of signals that are
/// not known here; they are left out.
pub struct RedisSignals {
    client: Client,
    publishing: ConnectionManager,
    channel: String,
}

impl RedisSignals {
    /// Connects to `redis://user:password@host:port/database`, to publish; each subscription has a connection of its own.
    ///
    /// # Errors
    /// Where it tried to connect, and what came of it. The password does not show.
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, PortError> {
        let client = client(url)?;
        let publishing = manage(&client).await?;
        Ok(Self { client, publishing, channel: format!("{prefix}signals") })
    }

    async fn listen(&self) -> Result<(PubSubSink, PubSubStream), PortError> {
        let listen = async {
            let (mut sink, stream) = self.client.get_async_pubsub().await?.split();
            sink.subscribe(&self.channel).await?;
            Ok((sink, stream))
        };
        match timeout(PATIENCE, listen).await {
            Ok(listening) => listening.map_err(|error: redis::RedisError| unconnected(&self.client, &error)),
            Err(late) => Err(unconnected(&self.client, &late)),
        }
    }
}

#[async_trait]
impl Signals for RedisSignals {
    async fn publish(&self, signals: &[Signal]) -> Result<(), PortError> {
        if signals.is_empty() {
            return Ok(());
        }
        let batch = serde_json::to_string(signals).expect("identifiers and numbers are JSON");
        self.publishing.clone().publish(&self.channel, batch).await.map(drop).map_err(failed)
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Vec<Signal>, PortError>>, PortError> {
        let (sink, stream) = self.listen().await?;
        let (batches, taken) = broadcast::channel(WAITING);
        // The driver keeps without bound what it has read, so somebody must always take it from there.
        let pump = AbortOnDropHandle::new(tokio::spawn(pump(sink, stream, batches)));
        let batches = stream::unfold(Some((taken, pump)), async |subscription| {
            let (mut taken, mut pump) = subscription?;
            loop {
                match taken.recv().await {
                    Ok(batch) => return Some((Ok(Vec::clone(&batch)), Some((taken, pump)))),
                    Err(RecvError::Lagged(lost)) => tracing::debug!(lost, "signals came faster than they were taken"),
                    Err(RecvError::Closed) => {
                        let ended = (&mut pump).await.unwrap_or_else(|error| PortError::unavailable(SERVICE, error));
                        return Some((Err(ended), None));
                    }
                }
            }
        });
        Ok(batches.boxed())
    }
}

/// Takes what comes, until nothing can come any more; says why.
async fn pump(mut sink: PubSubSink, mut stream: PubSubStream, batches: broadcast::Sender<Arc<Vec<Signal>>>) -> PortError {
    let mut looks = interval(ALIVE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            alive = looks.tick().then(|_| timeout(PATIENCE, sink.ping::<redis::Value>())) => match alive {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => return failed(error),
                Err(late) => return PortError::unavailable(SERVICE, late),
            },
        };
        let Some(message) = message else { return PortError::unavailable(SERVICE, "the connection of the subscription is gone") };
        let batch = decode(message.get_payload_bytes());
        if !batch.is_empty() {
            // Fails when the subscriber is gone, and this with it.
            let _ = batches.send(Arc::new(batch));
        }
    }
}

/// What can be read of a message.
fn decode(message: &[u8]) -> Vec<Signal> {
    let signals: Vec<&RawValue> = serde_json::from_slice(message).unwrap_or_else(|error| {
        tracing::debug!(%error, "skipping a message of signals that cannot be read");
        Vec::new()
    });
    let read = |signal: &RawValue| {
        let read = serde_json::from_str(signal.get());
        read.inspect_err(|error| tracing::debug!(%error, "skipping a signal that cannot be read")).ok()
    };
    signals.into_iter().filter_map(read).collect()
}
