//! The life of a device: connection after connection, with what is not settled carried along.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use posthaste_application::port::cursors::Device as DeviceName;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, ThreadId};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::super::{Incoming, Refused, Socket, Storage, User};
use super::{Order, State};
use crate::history::{Answer, Connection, Entry, History, Pushed};

/// The longest pause between two tries to connect.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How long a node may take to say `welcome`.
const WELCOME: Duration = Duration::from_secs(10);
/// How many events a device that leaves its cursor to the server lets come together before it acks.
const SLOW_ACK: usize = 7;
/// How many heartbeats may fail to come before the device gives a connection up.
const HEARTBEATS: u32 = 4;

/// A command that is not settled.
#[derive(Debug)]
struct Pending {
    command: CommandId,
    thread: ThreadId,
    text: String,
    settled: oneshot::Sender<Answer>,
    /// When to send it again; not before the answer to the last try, unless the connection was lost.
    again: Option<Instant>,
}

/// How a connection ended.
#[derive(Debug)]
enum Ended {
    /// Something happened to it: connect again.
    Lost(String),
    /// A new access token is needed first.
    Unauthorized(String),
    /// The server does not want this device again, or cannot be understood.
    Banned(String),
    /// The owner asked for it.
    Left,
}

/// A device at work.
pub(super) struct Client {
    name: DeviceName,
    user: Arc<User>,
    nodes: Vec<String>,
    storage: Arc<Mutex<Storage>>,
    /// It tells the server where it stands, and does not leave that to the server.
    names_cursor: bool,
    history: History,
    orders: mpsc::UnboundedReceiver<Order>,
    shown: watch::Sender<State>,
    /// In the order they were asked for; the number is the `id` of the command, on every connection.
    pending: BTreeMap<u64, Pending>,
    commands: u64,
    /// Stored, and not acked on this connection yet: up to where, and how many events.
    unacked: Option<(Position, usize)>,
    connection: Connection,
    /// When to leave a node that is being stopped.
    moves: Option<Instant>,
}

impl Client {
    #[allow(clippy::too_many_arguments, reason = "each is a part of it")]
    pub(super) fn new(
        name: DeviceName,
        user: Arc<User>,
        nodes: Vec<String>,
        storage: Arc<Mutex<Storage>>,
        names_cursor: bool,
        history: History,
        orders: mpsc::UnboundedReceiver<Order>,
        shown: watch::Sender<State>,
    ) -> Self {
        let (pending, connection) = (BTreeMap::new(), Connection(0));
        Self {
            name,
            user,
            nodes,
            storage,
            names_cursor,
            history,
            orders,
            shown,
            pending,
            commands: 0,
            unacked: None,
            connection,
            moves: None,
        }
    }

    /// Connects, again and again, until there is a reason not to.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        loop {
            let node = self.nodes[failures as usize % self.nodes.len()].clone();
            let welcomed = self.shown.borrow().welcomed;
            let ended = match self.connect(&node).await {
                Ok((mut socket, silence)) => self.serve(&mut socket, silence).await,
                Err(error) => Err(error),
            };
            // Who was welcomed starts from the preferred node again.
            failures = if self.shown.borrow().welcomed > welcomed { 0 } else { failures + 1 };
            let (trouble, over) = match ended {
                Ok(Ended::Left) => (None, true),
                Ok(Ended::Banned(why)) => (Some(why), true),
                Ok(Ended::Lost(why)) => (Some(why), false),
                Ok(Ended::Unauthorized(why)) => match self.user.log_in(&node).await {
                    Ok(()) => (Some(why), false),
                    Err(error) => (Some(format!("{error:#}")), false),
                },
                Err(error) => (Some(format!("{node}: {error:#}")), false),
            };
            self.shown.send_modify(|state| {
                state.connected = None;
                state.ended = over;
                if trouble.is_some() {
                    state.trouble = trouble;
                }
            });
            if over {
                return;
            }
            let most = BACK_OFF.min(Duration::from_millis(20) * 2_u32.pow(failures.min(8)));
            sleep(most.mul_f64(rand::random())).await;
            self.take_orders();
        }
    }

    /// What was ordered while there was no connection. Only commands and preferences mean anything then.
    fn take_orders(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Post { command, thread, text, settled } => self.remember(command, thread, text, settled),
                Order::Prefer(nodes) => self.nodes = nodes,
                Order::Cut | Order::Leave => {}
            }
        }
    }

    fn remember(&mut self, command: CommandId, thread: ThreadId, text: String, settled: oneshot::Sender<Answer>) {
        self.commands += 1;
        let pending = Pending { command, thread, text, settled, again: Some(Instant::now()) };
        self.pending.insert(self.commands, pending);
        self.shown.send_modify(|state| state.unsettled = self.pending.len());
    }

    /// Gets in, and gives how long the server may be silent.
    async fn connect(&mut self, node: &str) -> anyhow::Result<(Socket, Duration)> {
        let stored = self.storage.lock().unwrap_or_else(PoisonError::into_inner).cursor;
        let asked = self.names_cursor.then_some(stored);
        let welcome = timeout(WELCOME, async {
            let hello = json!({ "cursor": asked, "client": "posthaste-tests" });
            let opened = Socket::hello(node, &self.user, self.name.device.uuid(), hello).await;
            let mut socket = match opened {
                Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 401) => {
                    self.user.log_in(node).await?;
                    bail!("the access token was refused; a new one is there");
                }
                opened => opened?,
            };
            match socket.next().await? {
                Incoming::Frame(welcome) if welcome["t"] == "welcome" => Ok((socket, welcome)),
                other @ (Incoming::Frame(_) | Incoming::Closed(..) | Incoming::Cut) => bail!("the first that came was {other:?}"),
            }
        });
        let (socket, welcome) = welcome.await.context("no welcome in time")??;
        self.connection = self.history.connection();
        self.history.record(Entry::Connected {
            device: self.name,
            connection: self.connection,
            asked,
            cursor: position(&welcome, "cursor")?,
        });
        self.unacked = None;
        for pending in self.pending.values_mut() {
            pending.again = Some(Instant::now());
        }
        let heartbeat = Duration::from_millis(welcome["heartbeat_ms"].as_u64().context("a heartbeat")?);
        self.shown.send_modify(|state| {
            state.connected = Some(node.to_owned());
            state.welcomed += 1;
        });
        Ok((socket, heartbeat * HEARTBEATS))
    }

    async fn serve(&mut self, socket: &mut Socket, silence: Duration) -> anyhow::Result<Ended> {
        let mut heard = Instant::now();
        let mut leaving = false;
        self.moves = None;
        loop {
            let again = self.pending.values().filter_map(|pending| pending.again).min();
            tokio::select! {
                biased;
                incoming = socket.next() => {
                    heard = Instant::now();
                    match incoming.and_then(|incoming| self.take(incoming, leaving)) {
                        Ok(None) => {}
                        Ok(Some(ended)) => return Ok(ended),
                        Err(error) => return Ok(Ended::Banned(format!("the server broke the protocol: {error:#}"))),
                    }
                }
                // Nothing more to read for now: one ack for all that was stored.
                () = std::future::ready(()), if self.wants_to_ack() => self.ack(socket).await?,
                order = self.orders.recv(), if !leaving => match order {
                    Some(Order::Post { command, thread, text, settled }) => self.remember(command, thread, text, settled),
                    Some(Order::Prefer(nodes)) => self.nodes = nodes,
                    Some(Order::Cut) => return Ok(Ended::Lost("cut by its owner".to_owned())),
                    Some(Order::Leave) | None => {
                        leaving = true;
                        socket.send(&json!({ "t": "bye" })).await?;
                    }
                },
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() && !leaving => self.send_due(socket).await?,
                () = sleep_until(self.moves.unwrap_or_else(Instant::now)), if self.moves.is_some() && !leaving => {
                    self.ack(socket).await?;
                    socket.send(&json!({ "t": "bye" })).await?;
                    self.shown.send_modify(|state| state.moved += 1);
                    return Ok(Ended::Lost("moved on from a node that is being stopped".to_owned()));
                }
                () = sleep_until(heard + silence) => return Ok(Ended::Lost(format!("nothing was heard for {silence:?}"))),
            }
        }
    }

    /// Sends what is due, in the order it was asked for.
    async fn send_due(&mut self, socket: &mut Socket) -> anyhow::Result<()> {
        let now = Instant::now();
        for (id, pending) in &mut self.pending {
            if pending.again.is_none_or(|again| again > now) {
                continue;
            }
            pending.again = None;
            let Pending { command, thread, text, .. } = pending;
            self.history.record(Entry::Sent { user: self.name.user, command: *command, thread: *thread, text: text.clone() });
            let body = json!({ "thread": thread, "content": { "kind": "text", "text": text } });
            socket.send(&json!({ "t": "cmd", "id": id, "key": command, "op": "message.post", "body": body })).await?;
        }
        Ok(())
    }

    fn wants_to_ack(&self) -> bool {
        self.unacked.is_some_and(|(_, events)| self.names_cursor || events >= SLOW_ACK)
    }

    async fn ack(&mut self, socket: &mut Socket) -> anyhow::Result<()> {
        if let Some((position, _)) = self.unacked.take() {
            self.history.record(Entry::Acked { device: self.name, position });
            socket.send(&json!({ "t": "ack", "position": position })).await?;
        }
        Ok(())
    }

    fn take(&mut self, incoming: Incoming, leaving: bool) -> anyhow::Result<Option<Ended>> {
        let frame = match incoming {
            Incoming::Frame(frame) => frame,
            Incoming::Closed(1000, _) if leaving => return Ok(Some(Ended::Left)),
            Incoming::Closed(code @ 4100..=4199, reason) => return Ok(Some(Ended::Unauthorized(format!("closed: {code} {reason}")))),
            Incoming::Closed(code @ 4200..=4299, reason) => return Ok(Some(Ended::Banned(format!("closed: {code} {reason}")))),
            Incoming::Closed(code, reason) => return Ok(Some(Ended::Lost(format!("closed: {code} {reason}")))),
            Incoming::Cut => return Ok(Some(Ended::Lost("the connection ended".to_owned()))),
        };
        match frame["t"].as_str().unwrap_or_default() {
            "ev" => self.store(&frame)?,
            "live" => {
                let position = position(&frame, "position")?;
                self.history.record(Entry::Live { device: self.name, connection: self.connection, position });
                self.shown.send_modify(|state| state.live = state.welcomed);
            }
            "ok" => {
                let result = &frame["result"];
                let dup = frame["dup"].as_bool().with_context(|| format!("no dup in {frame}"))?;
                self.answered(&frame, Answer::Ok { id: uuid(result, "id")?, position: position(result, "position")?, dup })?;
            }
            "err" if frame["re"].is_null() => {
                let trouble = format!("the server said {frame}");
                self.shown.send_modify(|state| state.trouble = Some(trouble));
            }
            "err" => self.answered(&frame, Answer::Err { code: text(&frame, "code")?, retry: text(&frame, "retry")? })?,
            // A moment within the spread, so that not all come back at once; an early one, so that most leave before they are closed.
            "drain" => {
                let millis = |field| frame[field].as_u64().with_context(|| format!("no {field} in {frame}")).map(Duration::from_millis);
                self.moves = Some(Instant::now() + millis("after_ms")? + millis("spread_ms")?.mul_f64(0.25 * rand::random::<f64>()));
            }
            // Signs of life and signals.
            _ => {}
        }
        Ok(None)
    }

    /// Takes an event into the storage, which moves the cursor in the same step; the ack comes after.
    fn store(&mut self, frame: &Value) -> anyhow::Result<()> {
        let event = Pushed {
            position: position(frame, "position")?,
            prev: position(frame, "prev")?,
            id: uuid(frame, "id")?,
            event_type: text(frame, "type")?,
            thread: frame["thread"].as_str().map(str::parse).transpose()?,
            key: text(frame, "key")?.parse()?,
            text: frame["body"]["content"]["text"].as_str().map(str::to_owned),
        };
        self.history.record(Entry::Pushed { device: self.name, connection: self.connection, event: event.clone() });
        let cursor = {
            let mut storage = self.storage.lock().unwrap_or_else(PoisonError::into_inner);
            storage.apply(&event);
            storage.cursor
        };
        let events = self.unacked.map_or(0, |(_, events)| events) + 1;
        self.unacked = Some((cursor, events));
        self.shown.send_modify(|state| state.cursor = cursor);
        Ok(())
    }

    fn answered(&mut self, frame: &Value, answer: Answer) -> anyhow::Result<()> {
        let id = frame["re"].as_u64().with_context(|| format!("no re in {frame}"))?;
        let pending = self.pending.get_mut(&id).ok_or_else(|| anyhow!("an answer to nothing that was asked: {frame}"))?;
        ensure!(pending.again.is_none(), "an answer to what was not sent yet: {frame}");
        self.history.record(Entry::Answered { command: pending.command, answer: answer.clone() });
        if answer.is_final() {
            if let Some(pending) = self.pending.remove(&id) {
                // Nobody needs to wait for it.
                let _ = pending.settled.send(answer);
            }
            self.shown.send_modify(|state| state.unsettled = self.pending.len());
        } else {
            let least = Duration::from_millis(frame["retry_after_ms"].as_u64().unwrap_or(20));
            pending.again = Some(Instant::now() + least + least.mul_f64(rand::random()));
        }
        Ok(())
    }
}

fn position(value: &Value, field: &str) -> anyhow::Result<Position> {
    value[field].as_u64().map(Position).with_context(|| format!("no {field} in {value}"))
}

fn uuid(value: &Value, field: &str) -> anyhow::Result<Uuid> {
    text(value, field)?.parse().with_context(|| format!("{field} of {value}"))
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no {field} in {value}"))?.to_owned())
}
