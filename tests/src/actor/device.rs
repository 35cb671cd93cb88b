//! A good client: it survives what happens to it.

mod session;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail};
use posthaste_application::port::cursors::Device as DeviceName;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, DeviceId, ThreadId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::session::Client;
use super::{Storage, User, new_id};
use crate::history::{Answer, Entry, History};

/// What the owner of a device asks of it.
#[derive(Debug)]
enum Order {
    /// Send a message until it is settled.
    Post { command: CommandId, thread: ThreadId, text: String, settled: oneshot::Sender<Answer> },
    /// Drop the connection without a word, then go on.
    Cut,
    /// Try these nodes from now on, the first one first.
    Prefer(Vec<String>),
    /// Say `bye` and end.
    Leave,
}

/// What a device is doing, for those who wait for it.
#[derive(Clone, Debug, Default)]
struct State {
    /// Where its storage is.
    cursor: Position,
    /// The node it is connected to and welcomed by.
    connected: Option<String>,
    /// How many times it was welcomed.
    welcomed: usize,
    /// How many times it was told `live`.
    live: usize,
    /// How many times it left a node that was being stopped, by itself.
    moved: usize,
    /// Why it does not go on, or what went wrong last.
    trouble: Option<String>,
    /// How many commands are not settled.
    unsettled: usize,
    /// It has stopped.
    ended: bool,
}

/// An installation of a client. Dropping it cuts its connection.
pub struct Device {
    name: DeviceName,
    history: History,
    storage: Arc<Mutex<Storage>>,
    orders: mpsc::UnboundedSender<Order>,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

/// A message on its way. Waiting for it is optional: the device sends it anyway.
#[derive(Debug)]
pub struct Sending {
    /// The command id, which is the message's id as well.
    pub command: CommandId,
    settled: oneshot::Receiver<Answer>,
}

impl Future for Sending {
    type Output = anyhow::Result<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.settled).poll(cx).map(|answer| answer.context("the device ended before the command was settled"))
    }
}

impl Device {
    /// Connects a new device, which has stored everything up to `cursor`, to the first of the nodes that takes it.
    #[must_use]
    pub fn connect(user: &Arc<User>, nodes: &[String], cursor: Position, history: &History) -> Self {
        Self::resume(user, DeviceId::new(new_id()), nodes, Storage::new(cursor), history)
    }

    /// The same, but it never names its cursor and goes on from where the server says it is, and it is slow to ack: what it has not
    /// acked comes again.
    #[must_use]
    pub fn connect_trusting(user: &Arc<User>, nodes: &[String], history: &History) -> Self {
        Self::begin(user, DeviceId::new(new_id()), nodes, Storage::new(Position::START), false, history)
    }

    /// Connects a device that has existed before, with the storage it has.
    #[must_use]
    pub fn resume(user: &Arc<User>, device: DeviceId, nodes: &[String], storage: Storage, history: &History) -> Self {
        Self::begin(user, device, nodes, storage, true, history)
    }

    fn begin(user: &Arc<User>, device: DeviceId, nodes: &[String], storage: Storage, names_cursor: bool, history: &History) -> Self {
        let name = DeviceName { user: user.id(), device };
        let (orders, ordered) = mpsc::unbounded_channel();
        let (shown, state) = watch::channel(State { cursor: storage.cursor, ..State::default() });
        let storage = Arc::new(Mutex::new(storage));
        let client =
            Client::new(name, Arc::clone(user), nodes.to_vec(), Arc::clone(&storage), names_cursor, history.clone(), ordered, shown);
        Self { name, history: history.clone(), storage, orders, state, task: tokio::spawn(client.run()) }
    }

    /// Which device it is.
    #[must_use]
    pub fn name(&self) -> DeviceName {
        self.name
    }

    /// What it has stored so far.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a message, under one id chosen now, as often as it takes.
    #[must_use]
    pub fn post(&self, thread: ThreadId, text: impl Into<String>) -> Sending {
        let command = CommandId::new(new_id());
        let (settled, answer) = oneshot::channel();
        // If the device has ended, so has the channel for the answer, which tells the caller.
        let _ = self.orders.send(Order::Post { command, thread, text: text.into(), settled });
        Sending { command, settled: answer }
    }

    /// Cuts the connection without a close frame. The device reconnects and resumes.
    pub fn cut(&self) {
        let _ = self.orders.send(Order::Cut);
    }

    /// From the next connection on, tries these nodes, the first one first.
    pub fn prefer(&self, nodes: &[String]) {
        let _ = self.orders.send(Order::Prefer(nodes.to_vec()));
    }

    /// The node it is connected to, if it is.
    #[must_use]
    pub fn connected_to(&self) -> Option<String> {
        self.state.borrow().connected.clone()
    }

    /// How many connections it has had.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.borrow().welcomed
    }

    /// How many times it left a node that was being stopped, before that node closed the connection.
    #[must_use]
    pub fn moved(&self) -> usize {
        self.state.borrow().moved
    }

    /// Waits until it is connected to this node and live.
    ///
    /// # Errors
    /// It was not within `patience`, and where it is instead.
    pub async fn live_on(&self, node: &str, patience: Duration) -> anyhow::Result<()> {
        self.until(&format!("live on {node}"), patience, |state| {
            state.connected.as_deref() == Some(node) && state.live == state.welcomed && state.live > 0
        })
        .await
    }

    /// Waits until it has stored everything up to a position that it is owed.
    ///
    /// # Errors
    /// It was not within `patience`, and where it is instead.
    pub async fn stored(&self, position: Position, patience: Duration) -> anyhow::Result<()> {
        self.until(&format!("at {position}"), patience, |state| state.cursor >= position).await
    }

    /// Waits until it has stored everything up to a position that it is owed, and tells the history that this was all.
    ///
    /// # Errors
    /// As [`Device::stored`].
    pub async fn quiesce(&self, position: Position, patience: Duration) -> anyhow::Result<()> {
        // Who starts from now has it all before any node has heard of them.
        self.until("welcomed", patience, |state| state.welcomed > 0).await?;
        self.stored(position, patience).await?;
        self.history.record(Entry::Quiesced { device: self.name, position });
        Ok(())
    }

    /// Says `bye`, and waits until the server has closed. Gives the storage, to resume with.
    ///
    /// # Errors
    /// The device did not end in time.
    pub async fn leave(mut self) -> anyhow::Result<Storage> {
        let _ = self.orders.send(Order::Leave);
        match timeout(super::socket::PATIENCE, &mut self.task).await {
            Ok(ended) => ended?,
            Err(_) => bail!("the device did not end: {:?}", *self.state.borrow()),
        }
        Ok(self.storage())
    }

    async fn until(&self, what: &str, patience: Duration, reached: impl Fn(&State) -> bool) -> anyhow::Result<()> {
        let mut state = self.state.clone();
        // What `wait_for` gives locks the state, and looking at it again under that lock would wait for a writer that waits for us.
        let in_time = timeout(patience, state.wait_for(|state| state.ended || reached(state))).await.is_ok();
        let last = self.state.borrow().clone();
        match in_time {
            true if reached(&last) => Ok(()),
            true => bail!("the device {} has ended and is not {what}: {last:?}", self.name.device),
            false => bail!("the device {} is not {what} after {patience:?}: {last:?}", self.name.device),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the device {} of {}: {:?}", self.name.device, self.name.user, *self.state.borrow())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}
