//! A good client: it stores before it acks, names a command once, and asks again until it knows the outcome. It may be slow, and is cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use futures::future::FutureExt as _;
use posthaste_application::execute::{Command, Executed};
use posthaste_application::port::Ids as _;
use posthaste_application::port::cursors::Device as Name;
use posthaste_application::recorded::Position;
use posthaste_domain::message::MessageContent;
use posthaste_domain::{CommandId, ThreadId};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::connection::{Down, Gauge, Link, Up, connect};
use super::weather::Fault;
use super::world::{Guarantee, World};
use crate::history::{Answer, Connection, Entry, Pushed};

/// Most requests that a device has on their way.
const AT_ONCE: usize = 48;

/// Something a user wants; the same can be asked over two devices.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) key: CommandId,
    pub(super) what: What,
    pub(super) settled: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Do(Command),
    Read(ThreadId, Position),
}

/// How a device is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Acks at once, so often in a thousand.
    pub(super) prompt: u64,
    /// It leaves its cursor to the server.
    pub(super) forgetful: bool,
    pub(super) window: usize,
}

/// What others see of a device.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) unsettled: usize,
    pub(super) live: bool,
    pub(super) gauge: Option<Arc<Gauge>>,
}

struct Pending {
    request: Request,
    /// It was sent over this connection, and there is no answer yet.
    asked: bool,
    /// It was sent at least once, over whatever connection.
    sent: bool,
}

pub(super) struct Device {
    world: Arc<World>,
    place: usize,
    name: Name,
    habits: Habits,
    /// Where its storage is; in the same step as what is stored.
    cursor: Position,
    stored: BTreeSet<Position>,
    pending: BTreeMap<u64, Pending>,
    numbers: u64,
}

/// The state of one connection.
struct Session {
    connection: Connection,
    acked: Position,
    received: BTreeSet<Position>,
    heard: Duration,
}

enum Turn {
    Frame(Option<Down>),
    Order(Request),
    Tick,
}

impl Device {
    pub(super) fn new(world: &Arc<World>, place: usize, name: Name, habits: Habits) -> Self {
        let world = Arc::clone(world);
        Self { world, place, name, habits, cursor: Position::START, stored: BTreeSet::new(), pending: BTreeMap::new(), numbers: 0 }
    }

    /// For ever.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Request>) {
        loop {
            if let Some(node) = self.world.some_node() {
                let number = node.number;
                let link = connect(&self.world, node);
                let gauge = Arc::clone(&link.gauge);
                self.world.schedule.note(|| format!("{} connects to node {number}", self.place));
                self.session(link, &mut orders).await;
                self.world.schedule.note(|| format!("{} is disconnected", self.place));
                self.show(|shown| (shown.live, shown.gauge) = (false, None));
                // Whatever the server still sends arrives nowhere.
                gauge.cut.store(true, Ordering::Relaxed);
            }
            let pause = if self.world.weather.is_calm() { 100 } else { 2_000 };
            self.world.schedule.linger(Duration::from_millis(pause)).await;
        }
    }

    fn show(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.world.shown();
        change(&mut shown[self.place]);
        shown[self.place].unsettled = self.pending.len();
    }

    async fn session(&mut self, mut link: Link, orders: &mut UnboundedReceiver<Request>) {
        let world = Arc::clone(&self.world);
        let asked = (!self.habits.forgetful).then_some(self.cursor);
        let _ = link.up.unbounded_send(Up::Hello { device: self.name, cursor: asked, window: self.habits.window });
        let cursor = match world.schedule.within(Duration::from_secs(5), link.down.next()).await {
            Ok(Some(Down::Welcome { cursor })) => cursor,
            Ok(_) | Err(_) => return,
        };
        let connection = world.history.connection();
        world.history.record(Entry::Connected { device: self.name, connection, asked, cursor });
        self.show(|shown| shown.gauge = Some(Arc::clone(&link.gauge)));
        let mut session = Session { connection, acked: cursor, received: BTreeSet::new(), heard: world.schedule.elapsed() };
        self.pending.values_mut().for_each(|pending| pending.asked = false);
        self.ask(&link);
        let mut tick = world.schedule.sleep(self.world.tick());
        loop {
            let turn = poll_fn(|cx| {
                if let Poll::Ready(frame) = link.down.poll_next_unpin(cx) {
                    return Poll::Ready(Turn::Frame(frame));
                }
                if let Poll::Ready(Some(order)) = orders.poll_next_unpin(cx) {
                    return Poll::Ready(Turn::Order(order));
                }
                tick.poll_unpin(cx).map(|()| Turn::Tick)
            })
            .await;
            match turn {
                Turn::Frame(None) => return,
                Turn::Frame(Some(frame)) => {
                    session.heard = world.schedule.elapsed();
                    self.take(&link, &mut session, frame);
                    let cut = world.weather.often(world.weather.cut);
                    if world.schedule.roll(|dice| dice.permille(cut)) {
                        return self.cut(&link);
                    }
                }
                Turn::Order(request) => {
                    self.numbers += 1;
                    let id = self.numbers;
                    self.pending.insert(id, Pending { request, asked: false, sent: false });
                    self.ask(&link);
                    self.show(|_| {});
                }
                Turn::Tick => {
                    tick = world.schedule.sleep(world.tick());
                    let silent = !self.pending.is_empty() && world.schedule.elapsed() - session.heard > Duration::from_secs(6);
                    if silent {
                        return self.cut(&link);
                    }
                    if world.weather.is_calm() || world.schedule.roll(|dice| dice.permille(self.habits.prompt)) {
                        self.ack(&link, &mut session);
                    }
                    self.ask(&link);
                }
            }
        }
    }

    fn cut(&self, link: &Link) {
        self.world.schedule.note(|| format!("{} is cut off", self.place));
        link.gauge.cut.store(true, Ordering::Relaxed);
    }

    /// Asks for what was not asked for yet on this connection, in order, and for not too much at once.
    fn ask(&mut self, link: &Link) {
        let first = self.pending.iter().take(AT_ONCE);
        let due: Vec<_> = first.filter(|(_, pending)| !pending.asked).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.send(link, id));
    }

    fn send(&mut self, link: &Link, id: u64) {
        let Some(pending) = self.pending.get_mut(&id) else { return };
        pending.asked = true;
        if pending.sent && self.world.weather.breaks(Fault::RetryUnderNewId) {
            pending.request.key = CommandId::new(self.world.schedule.next());
        }
        pending.sent = true;
        let key = pending.request.key;
        let frame = match &pending.request.what {
            What::Read(thread, upto) => Up::Read { id, thread: *thread, upto: *upto },
            What::Do(command) => {
                if let Command::PostMessage { thread, content: MessageContent::Text { text }, .. } = command {
                    let text = text.as_str().to_owned();
                    self.world.history.record(Entry::Sent { user: self.name.user, command: key, thread: *thread, text });
                }
                Up::Cmd { id, key, command: command.clone() }
            }
        };
        self.world.schedule.note(|| format!("{} sends {id}", self.place));
        // Sent into nowhere if the connection has ended; then it is sent again on the next.
        let _ = link.up.unbounded_send(frame);
    }

    fn take(&mut self, link: &Link, session: &mut Session, frame: Down) {
        match frame {
            Down::Welcome { .. } => {}
            Down::Event(frame) => {
                link.gauge.received.fetch_add(1, Ordering::Relaxed);
                self.store(session, &frame);
                if self.world.weather.is_calm() || self.world.schedule.roll(|dice| dice.permille(self.habits.prompt)) {
                    self.ack(link, session);
                }
            }
            Down::Live(position) => {
                self.world.history.record(Entry::Live { device: self.name, connection: session.connection, position });
                self.world.schedule.note(|| format!("{} is live at {position}", self.place));
                self.show(|shown| shown.live = true);
            }
            Down::Ok { re, executed } => {
                self.world.schedule.note(|| format!("{} has {re} answered: {}", self.place, executed.position));
                self.settle(re, Answer::Ok { id: executed.id, position: executed.position, dup: executed.repeated }, Some(executed));
                self.ask(link);
            }
            Down::Err { re, code, retry } => {
                self.world.schedule.note(|| format!("{} has {re} refused: {code}", self.place));
                self.settle(re, Answer::Err { code: code.to_owned(), retry: retry.to_owned() }, None);
            }
            Down::AckAhead => self.world.find(Guarantee::Order, || format!("{:?}: an ack of what arrived was refused", self.name)),
        }
    }

    fn settle(&mut self, re: u64, answer: Answer, executed: Option<Executed>) {
        let Some(pending) = self.pending.get_mut(&re) else { return };
        let key = pending.request.key;
        let settled = answer.is_final();
        if let What::Do(command) = &pending.request.what {
            self.world.history.record(Entry::Answered { command: key, answer });
            if let Some(executed) = executed {
                self.world.learn(key, command, executed);
            }
        }
        // If it is not, it is asked again at the next tick.
        pending.asked = settled;
        if settled {
            pending.request.settled.store(true, Ordering::Relaxed);
            self.pending.remove(&re);
        }
        self.show(|_| {});
    }

    /// Takes an event into the storage, which moves the cursor in the same step.
    fn store(&mut self, session: &mut Session, frame: &str) {
        let event = match serde_json::from_str::<Frame>(frame) {
            Ok(event) => event,
            Err(error) => return self.world.find(Guarantee::Order, || format!("a frame cannot be read: {error}")),
        };
        let position = event.position;
        self.world.schedule.note(|| format!("{} stores {position}", self.place));
        self.world.history.record(Entry::Pushed { device: self.name, connection: session.connection, event: event.into() });
        self.stored.insert(position);
        self.cursor = self.cursor.max(position);
        session.received.insert(position);
        let unacked = session.received.range(session.acked.next()..).count();
        if unacked > self.habits.window {
            self.world.find(Guarantee::BoundedMemory, || {
                format!("{:?} asked for a window of {} and has {unacked} events to ack", self.name, self.habits.window)
            });
        }
    }

    fn ack(&self, link: &Link, session: &mut Session) {
        let Some(position) = session.received.last().copied().filter(|last| *last > session.acked) else { return };
        // Nearly always everything.
        let some = session.received.range(session.acked.next()..).next().copied().unwrap_or(position);
        let position = if self.world.schedule.roll(|dice| dice.permille(150)) { some } else { position };
        session.acked = position;
        self.world.history.record(Entry::Acked { device: self.name, position });
        self.world.schedule.note(|| format!("{} acks {position}", self.place));
        let _ = link.up.unbounded_send(Up::Ack(position));
    }
}

/// An `ev` frame.
#[derive(Deserialize)]
struct Frame {
    position: Position,
    prev: Position,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    thread: Option<ThreadId>,
    key: CommandId,
    body: Value,
}

impl From<Frame> for Pushed {
    fn from(frame: Frame) -> Self {
        let text = frame.body["content"]["text"].as_str().map(str::to_owned);
        let Frame { position, prev, id, event_type, thread, key, body: _ } = frame;
        Self { position, prev, id, event_type, thread, key, text }
    }
}
