//! Nodes and devices over one store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::codec;
use posthaste_application::deliver::{
    AckQueue, AckWriter, Admission, Deliveries, Delivery, Hub, Output, Reader, Stage, Window, ack_queue, connect,
};
use posthaste_application::port::Clock as _;
use posthaste_application::port::cursors::{Connect, CursorMove, Device, SentMark};
use posthaste_application::recorded::{Append, Check, Expected, Position, StreamId};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::{Category, CommandId, DeviceId, Event, SessionId, SubscriptionId};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::histories::{History, USERS, user};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::known::{Known, further};
use super::stores::{Line, Store};
use super::{Acked, Act, DEVICES, Who};

/// How long it may take until what is owed is pushed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many events are looked at after each act.
const LOOKED_AT: u64 = 2;

/// A gateway: what it has gathered, and its connections.
struct Node {
    hub: Arc<Hub>,
    acks: AckQueue,
    writer: AckWriter,
    connections: BTreeMap<Device, Connection>,
    /// What was acknowledged and not written yet.
    unwritten: BTreeMap<Device, Position>,
    /// What was sent, not acknowledged, and not written yet.
    unmarked: BTreeMap<Device, Position>,
    /// How far its clock is off.
    skew: TimeDelta,
}

struct Connection {
    reader: Reader,
    /// In order.
    pushed: Vec<Position>,
    acked: Position,
    /// What it may acknowledge.
    may: Position,
    /// What was noted as sent.
    sent: Position,
}

pub(crate) struct World<'a> {
    store: &'a Store<'a>,
    history: &'a History,
    /// How many commands of the history are recorded.
    recorded: usize,
    head: Position,
    nodes: [Node; 2],
    now: DateTime<Utc>,
    known: Known,
}

fn device(who: Who) -> Device {
    Device { user: user(who.user), device: DeviceId::new(Uuid::from_u64_pair(7, who.device)) }
}

impl Node {
    async fn new(store: &Store<'_>, skew: TimeDelta) -> Self {
        let hub = Arc::new(Hub::new(store.log.head().await.unwrap().position));
        let (acks, writer) = ack_queue(Arc::clone(&store.cursors), Arc::clone(&hub));
        let (connections, unwritten, unmarked) = Default::default();
        Self { hub, acks, writer, connections, unwritten, unmarked, skew }
    }

    /// Acknowledges, as a connection does.
    fn ack(&mut self, known: &mut Known, moved: CursorMove) {
        self.acks.add(moved);
        further(&mut known.claimed, moved.device, moved.to);
        further(&mut self.unwritten, moved.device, moved.to);
        self.unmarked.retain(|device, to| *device != moved.device || *to > moved.to);
    }
}

impl<'a> World<'a> {
    pub(crate) async fn new(store: &'a Store<'a>, history: &'a History, skew: i64) -> Self {
        let nodes = [Node::new(store, TimeDelta::seconds(3_600)).await, Node::new(store, TimeDelta::seconds(skew)).await];
        Self { store, history, recorded: 0, head: Position::START, nodes, now: SystemClock.now(), known: Known::default() }
    }

    pub(crate) async fn act(&mut self, act: &Act) {
        self.now += TimeDelta::milliseconds(40);
        match *act {
            Act::Commit(count) => self.commit(count).await,
            Act::Connect { who, cursor, window } => self.connect(who, cursor, window).await,
            Act::Push(who) => self.push(who).await,
            Act::Read { user, thread, part } => self.read(user, thread, part).await,
            Act::Ack { who, what } => self.ack(who, what),
            Act::Write { node, marks } => self.write(node, marks).await,
            Act::Crash { node } => {
                let skew = self.nodes[node].skew;
                self.nodes[node] = Node::new(self.store, skew).await;
            }
        }
    }

    async fn commit(&mut self, count: usize) {
        let rest = &self.history.appends[self.recorded..];
        let batch = &rest[..count.min(rest.len())];
        self.recorded += batch.len();
        // What the history keeps about a thread that was read in between is refused, and nothing else.
        self.store.log.append(batch).await.unwrap();
        self.head = self.store.log.head().await.unwrap().position;
    }

    async fn read(&mut self, who: u64, thread: usize, part: u8) {
        let Some(thread) = self.history.threads.get(thread % self.history.threads.len().max(1)).copied() else { return };
        let (user, log) = (user(who), &self.store.log);
        let stream = StreamId { category: Category::Subscription, id: SubscriptionId::of(user, thread).uuid() };
        let before = log.read_stream(stream, 0, 1_000).await.unwrap();
        let mut read = 0;
        for recorded in &before {
            if let Event::Subscription(SubscriptionEvent::Read { upto, .. }) = recorded.event().unwrap().clone() {
                read = upto.max(read);
            }
        }
        let upto = self.head.0 * u64::from(part) / 255;
        if upto <= read {
            return;
        }
        let (version, device) = (before.len() as u64, Some(DeviceId::new(Uuid::from_u64_pair(7, u64::from(part) % DEVICES))));
        let event = SubscriptionEvent::Read { thread, user, upto, device };
        let command = CommandId::new(Uuid::from_u64_pair(30, self.head.0));
        let append = Append {
            command,
            fingerprint: [0; 32],
            actor: Some(user),
            correlation: command.uuid(),
            causation: None,
            checks: vec![Check { stream, expected: Expected::of(version) }],
            events: vec![codec::encode(stream, version + 1, &event.into())],
            unsealed: None,
        };
        self.head = log.append(&[append]).await.unwrap()[0].as_ref().unwrap().last;
    }

    async fn connect(&mut self, who: Who, cursor: Option<u8>, events: usize) {
        let (device, node) = (device(who), &mut self.nodes[who.node]);
        let named = cursor.map(|part| Position(self.head.0 * u64::from(part) / 255));
        let at = self.now + node.skew;
        let ask = Connect { device, session: SessionId::new(Uuid::nil()), cursor: named, at };
        let admitted = match connect(&node.hub, &*self.store.cursors, ask).await.unwrap() {
            Admission::Admitted(admitted) => admitted,
            // Nothing changes for who is kept out.
            Admission::Suspended => return,
            Admission::Revoked | Admission::BeyondHead { .. } => unreachable!("{ask:?} is not let in"),
        };
        self.known.opened.entry(device).or_insert(named.unwrap_or_default());
        let cursor = named.unwrap_or(admitted.cursor);
        if cursor > admitted.cursor {
            node.ack(&mut self.known, CursorMove { device, to: cursor, at });
        }
        let attached = admitted.attached;
        let window = Window { events, bytes: usize::MAX };
        let reader = Reader::new(Arc::clone(&self.store.log), Arc::clone(&node.hub), attached, cursor, window);
        node.connections.insert(device, Connection { reader, pushed: Vec::new(), acked: cursor, may: cursor, sent: cursor });
    }

    async fn push(&mut self, who: Who) {
        let (device, node) = (device(who), &mut self.nodes[who.node]);
        loop {
            let run = self.store.log.read(node.hub.position(), 256).await.unwrap();
            if run.is_empty() {
                break;
            }
            node.hub.route(&run.into_iter().map(Arc::new).collect::<Vec<_>>());
        }
        let Some(connection) = node.connections.get_mut(&device) else { return };
        let last = connection.pushed.last().copied().unwrap_or(connection.sent);
        // Without anything to push there would be nothing to wait for.
        let owed = self.store.log.read_for_user(device.user, last, self.head, 1).await.unwrap();
        if owed.is_empty() || !connection.reader.has_room() {
            return;
        }
        let frames = loop {
            match timeout(PATIENCE, connection.reader.next()).await.expect("what is owed is pushed").unwrap() {
                Output::Events(frames) => break frames,
                Output::Live(position) => connection.may = connection.may.max(position),
                // It was found to be older than one on the other node.
                Output::Detached(_) => {
                    node.connections.remove(&device);
                    return;
                }
            }
        };
        for frame in frames {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            let position = Position(frame["position"].as_u64().unwrap());
            connection.pushed.push(position);
            connection.may = connection.may.max(position);
            self.known.pushed.entry(device).or_default().insert(position);
        }
        // As a connection does once everything was written.
        if let Some(to) = connection.reader.unacked().filter(|to| *to > connection.sent) {
            connection.sent = to;
            node.acks.sent(SentMark { device, to, at: self.now + node.skew });
            further(&mut node.unmarked, device, to);
        }
    }

    fn ack(&mut self, who: Who, what: Acked) {
        let (device, node) = (device(who), &mut self.nodes[who.node]);
        let Some(connection) = node.connections.get_mut(&device) else { return };
        let position = match what {
            Acked::Last => connection.pushed.last().copied().unwrap_or(connection.may),
            Acked::One(nth) if connection.pushed.is_empty() => Position(nth as u64 % (connection.may.0 + 1)),
            Acked::One(nth) => connection.pushed[nth % connection.pushed.len()],
            Acked::Again => connection.acked,
            Acked::Stale => Position(connection.acked.0 / 2),
            Acked::Ahead(by) => Position(connection.may.0 + 1 + by),
        };
        let acked = connection.reader.ack(position);
        assert_eq!(acked.is_err(), position > connection.may, "only what was not pushed is refused: {acked:?}");
        let Ok(Some(to)) = acked else { return };
        assert!(to > connection.acked, "it went back to {to} from {}", connection.acked);
        connection.acked = to;
        let at = self.now + node.skew;
        node.ack(&mut self.known, CursorMove { device, to, at });
    }

    async fn write(&mut self, node: usize, marks: bool) {
        let node = &mut self.nodes[node];
        node.writer.flush().await.unwrap();
        for (device, to) in std::mem::take(&mut node.unwritten) {
            further(&mut self.known.written, device, to);
        }
        if marks {
            node.writer.mark_sent(DateTime::<Utc>::MAX_UTC).await.unwrap();
            for (device, to) in std::mem::take(&mut node.unmarked) {
                further(&mut self.known.marked, device, to);
            }
        }
    }

    /// Asks what became of a few events.
    pub(crate) async fn look(&mut self, turn: usize) {
        for nth in 0..LOOKED_AT.min(self.head.0) {
            // All over the log, and again and again the same.
            let position = Position(1 + (turn as u64 * 7 + nth * 31) % self.head.0);
            for delivery in self.deliveries(position).await {
                self.known.check(position, &delivery);
            }
        }
    }

    async fn deliveries(&self, position: Position) -> Vec<Delivery> {
        let everybodys = Deliveries { except: None, stage: None, after: None, limit: 1_000 };
        everybodys.of(&*self.store.log, &*self.store.cursors, None, position).await.unwrap()
    }

    /// Writes everything that is left, and asks what became of each event: how far some have come.
    pub(crate) async fn finish(mut self) -> BTreeSet<Stage> {
        for node in 0..self.nodes.len() {
            self.write(node, true).await;
        }
        let log = self.store.log.read(Position::START, 10_000).await.unwrap();
        let (mut stages, mut lines, mut recipients) = (BTreeSet::new(), Vec::new(), BTreeMap::<_, Vec<Position>>::new());
        for event in &log {
            for delivery in self.deliveries(event.position).await {
                self.known.check_exactly(event, &log, &delivery);
                stages.insert(delivery.stage());
                recipients.entry(delivery.user).or_default().push(event.position);
                lines.push(Line {
                    position: event.position.0,
                    user: delivery.user,
                    status: format!("{:?}", delivery.stage()).to_lowercase(),
                    committed: delivery.committed,
                    sent: delivery.sent.map(|sent| (sent.at, sent.device)),
                    delivered: delivery.delivered.map(|delivered| (delivered.at, delivered.device)),
                    read: delivery.read.map(|read| (read.at, read.device)),
                });
            }
        }
        for user in (0..USERS).map(user) {
            let owed = self.store.log.read_for_user(user, Position::START, self.head, usize::MAX).await.unwrap();
            let owed: Vec<_> = owed.iter().map(|event| event.position).collect();
            assert_eq!(recipients.remove(&user).unwrap_or_default(), owed, "what is owed to {user} is what has a status");
        }
        assert!(recipients.is_empty(), "owed to nobody: {recipients:?}");
        if let Some(client) = self.store.view {
            let rows = client.query("SELECT * FROM delivery_status ORDER BY position, user_id", &[]).await.unwrap();
            let view: Vec<_> = rows.iter().map(Line::of).collect();
            assert_eq!(view, lines, "the view, and then what the server computes");
        }
        stages
    }
}
