//! Many users with many devices, each of them as little as it can be.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::PATIENCE;

/// How many register at once: each costs a password hash.
const TOGETHER: usize = 16;

/// Registers users.
pub(crate) async fn users(base: &str, name: &str, count: usize) -> anyhow::Result<Vec<Arc<User>>> {
    stream::iter(0..count).map(|_| async { User::register(base, name).await.map(Arc::new) }).buffer_unordered(TOGETHER).try_collect().await
}

/// An installation that remembers where it is.
pub(crate) struct Installation {
    user: Arc<User>,
    device: Uuid,
    pub(crate) cursor: Option<u64>,
}

/// What came until a device was told that it is live.
pub(crate) struct Caught {
    pub(crate) socket: Socket,
    pub(crate) events: usize,
}

impl Installation {
    pub(crate) fn new(user: &Arc<User>) -> Self {
        Self { user: Arc::clone(user), device: new_id(), cursor: None }
    }

    pub(crate) fn device(&self) -> Uuid {
        self.device
    }

    /// Opens a socket and says hello.
    pub(crate) async fn hello(&self, base: &str, more: Value) -> anyhow::Result<Socket> {
        let mut hello = json!({ "t": "hello", "token": self.user.token(), "device": self.device });
        if let Some(cursor) = self.cursor {
            hello["cursor"] = cursor.into();
        }
        for (field, value) in more.as_object().into_iter().flatten() {
            hello[field] = value.clone();
        }
        let mut socket = Socket::open(base).await?;
        socket.send(&hello).await?;
        Ok(socket)
    }

    /// Connects, takes in what it has missed, and acks that.
    pub(crate) async fn connect(&mut self, base: &str) -> anyhow::Result<Caught> {
        let mut socket = self.hello(base, Value::Null).await?;
        let mut events = 0;
        loop {
            let frame = next(&mut socket).await?;
            match frame["t"].as_str() {
                Some("welcome") => {}
                Some("ev") => events += 1,
                Some("live") => {
                    let position = frame["position"].as_u64().context("live has a position")?;
                    if self.cursor != Some(position) {
                        self.cursor = Some(position);
                        socket.send(&json!({ "t": "ack", "position": position })).await?;
                    }
                    return Ok(Caught { socket, events });
                }
                _ => bail!("on the way to live there came {frame}"),
            }
        }
    }
}

/// The next frame; whatever else comes is a failure.
pub(crate) async fn next(socket: &mut Socket) -> anyhow::Result<Value> {
    match timeout(PATIENCE, socket.next()).await.context("nothing came in time")?? {
        Incoming::Frame(frame) => Ok(frame),
        ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("the connection ended: {ended:?}"),
    }
}

/// Connects all of them at once; any error is a failure.
pub(crate) async fn connect_all(base: &str, crowd: &mut [Installation]) -> anyhow::Result<Vec<Caught>> {
    let count = crowd.len();
    try_join_all(crowd.iter_mut().map(|installation| installation.connect(base))).await.with_context(|| format!("of {count}"))
}
