//! A connection as the gateway serves it, over a network that takes its time and can be cut anywhere.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{BoxFuture, FutureExt as _, poll_fn};
use futures::stream::{FuturesUnordered, StreamExt as _};
use posthaste_application::deliver::{Admission, Admitted, Output, ReadError, Reader, Window, connect as connect_device};
use posthaste_application::execute::{Command, Envelope, ExecuteError, Executed};
use posthaste_application::port::cursors::{Connect, CursorMove, Device};
use posthaste_application::port::{Ids as _, PortError};
use posthaste_application::problem::Problem;
use posthaste_application::read::Read;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, SessionId, ThreadId};
use uuid::Uuid;

use super::node::Node;
use super::schedule::{Group, Schedule};
use super::weather::Fault;
use super::world::{Guarantee, World};

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long a full window may stay full.
const ACK: Duration = Duration::from_secs(60);
/// How long the log may be ahead of a connection that makes no progress.
const FEED: Duration = Duration::from_secs(10);
/// How long a server may not notice that the client is gone.
const HALF_OPEN: Duration = Duration::from_secs(20);
/// Most commands on their way.
const IN_FLIGHT: usize = 64;
/// Most events in memory for one connection beside its window: what an inbox holds, and what is read from the log at once.
const HELD: usize = 256 + 256;

/// What a client sends.
#[derive(Clone, Debug)]
pub(super) enum Up {
    Hello { device: Device, cursor: Option<Position>, window: usize },
    Ack(Position),
    Cmd { id: u64, key: CommandId, command: Command },
    Read { id: u64, thread: ThreadId, upto: Position },
}

/// What a client receives.
#[derive(Clone, Debug)]
pub(super) enum Down {
    Welcome { cursor: Position },
    Event(String),
    Live(Position),
    Ok { re: u64, executed: Executed },
    Err { re: u64, code: &'static str, retry: &'static str },
    AckAhead,
}

/// What can be seen of a connection from outside, to know when it has come to rest.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Everything up to here was pushed and acked, and nothing else waits; 0 when something does.
    pub(super) settled: AtomicU64,
    pub(super) pushed: AtomicUsize,
    pub(super) received: AtomicUsize,
    /// The client has cut it.
    pub(super) cut: AtomicBool,
}

/// A client's end of a connection.
pub(super) struct Link {
    pub(super) up: UnboundedSender<Up>,
    pub(super) down: UnboundedReceiver<Down>,
    pub(super) gauge: Arc<Gauge>,
}

/// Opens a connection to a node.
pub(super) fn connect(world: &Arc<World>, node: Node) -> Link {
    let gauge = Arc::new(Gauge::default());
    let (up, up_far) = carry(world, &gauge);
    let (down_near, down) = carry(world, &gauge);
    let group = node.group;
    let (world, seen) = (Arc::clone(world), Arc::clone(&gauge));
    let schedule = world.schedule.clone();
    schedule.spawn(group, async move {
        if let Err(ended) = serve(&world, node, up_far, &down_near, &seen).await {
            world.schedule.note(|| format!("a connection ends: {ended}"));
        }
    });
    Link { up, down, gauge }
}

/// One direction: first in, first out, until it is cut.
fn carry<T: Send + 'static>(world: &Arc<World>, gauge: &Arc<Gauge>) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (near, mut from) = mpsc::unbounded::<T>();
    let (to, far) = mpsc::unbounded();
    let (world, gauge) = (Arc::clone(world), Arc::clone(gauge));
    let schedule = world.schedule.clone();
    schedule.spawn(Group::WORLD, async move {
        while let Some(frame) = from.next().await {
            let latency = if world.weather.is_calm() { Duration::from_millis(1) } else { world.weather.network_latency };
            world.schedule.linger(latency).await;
            if gauge.cut.load(Ordering::Relaxed) || to.unbounded_send(frame).is_err() {
                break;
            }
        }
        if gauge.cut.load(Ordering::Relaxed) && world.schedule.roll(|dice| dice.permille(300)) && !world.weather.is_calm() {
            world.schedule.linger(HALF_OPEN).await;
        }
        drop(to);
    });
    (near, far)
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the client is gone")]
    Gone,
    #[error("the device is connected elsewhere")]
    Replaced,
    #[error("the window is full and nothing is acked")]
    AckStalled,
    #[error("the log goes on and the connection does not")]
    FeedStalled,
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

type Submitted = Result<BoxFuture<'static, Result<Executed, ExecuteError>>, ExecuteError>;

struct Connection<'a> {
    world: &'a World,
    node: Node,
    device: Device,
    reader: Reader,
    window: usize,
    down: &'a UnboundedSender<Down>,
    gauge: &'a Gauge,
    submitting: Option<(u64, BoxFuture<'static, Submitted>)>,
    in_flight: FuturesUnordered<BoxFuture<'static, (u64, Result<Executed, Problem>)>>,
    acked_at: Duration,
    progress: (Position, Duration),
    /// What a connection that is broken on purpose keeps for itself, and how much of it the client owes an ack for.
    hoard: std::collections::VecDeque<String>,
    owed: std::collections::VecDeque<Position>,
}

enum Turn {
    Incoming(Option<Up>),
    Output(Result<Output, ReadError>),
    Submitted(Submitted),
    Answered((u64, Result<Executed, Problem>)),
    Look,
}

async fn serve(world: &World, node: Node, mut up: UnboundedReceiver<Up>, down: &UnboundedSender<Down>, gauge: &Gauge) -> Result<(), Ended> {
    let Some(Up::Hello { device, cursor: named, window }) = up.next().await else { return Err(Ended::Gone) };
    let now = node.clock.now();
    let ask = Connect { device, session: SessionId::new(Uuid::nil()), cursor: named, at: now };
    let (attached, stored) = match connect_device(&node.hub, &*node.cursors, ask).await? {
        Admission::Admitted(Admitted { attached, cursor, .. }) => (attached, cursor),
        Admission::Revoked | Admission::Suspended => return Err(Ended::Gone),
        Admission::BeyondHead { head } => {
            world.find(Guarantee::OkIsDurable, || format!("{device:?} has stored up to {named:?}, and the log ends at {head}"));
            return Err(Ended::Gone);
        }
    };
    let cursor = named.unwrap_or(stored);
    if cursor > stored {
        node.acks.add(CursorMove { device, to: cursor, at: now });
    }
    let hoards = world.weather.breaks(Fault::Hoard) || world.weather.breaks(Fault::NoWindow);
    let events = if hoards { usize::MAX } else { window };
    let limits = Window { events, bytes: usize::MAX };
    let reader = Reader::new(Arc::clone(&node.log), Arc::clone(&node.hub), attached, cursor, limits);
    let _ = down.unbounded_send(Down::Welcome { cursor });
    let now = world.schedule.elapsed();
    let connection = Connection {
        world,
        node,
        device,
        reader,
        window,
        down,
        gauge,
        submitting: None,
        in_flight: FuturesUnordered::new(),
        acked_at: now,
        progress: (cursor, now),
        hoard: std::collections::VecDeque::new(),
        owed: std::collections::VecDeque::new(),
    };
    connection.run(up).await
}

impl Connection<'_> {
    fn schedule(&self) -> &Schedule {
        &self.world.schedule
    }

    async fn run(mut self, mut up: UnboundedReceiver<Up>) -> Result<(), Ended> {
        let mut look = self.schedule().sleep(LOOK);
        loop {
            let listens = self.submitting.is_none() && self.in_flight.len() < IN_FLIGHT;
            let pushes_first = self.schedule().roll(|dice| dice.permille(500));
            let turn = {
                let (reader, submitting, in_flight) = (&mut self.reader, &mut self.submitting, &mut self.in_flight);
                let mut output = pin!(reader.next());
                poll_fn(|cx| {
                    for pushes in [pushes_first, !pushes_first] {
                        if pushes {
                            if let Poll::Ready(output) = output.as_mut().poll(cx) {
                                return Poll::Ready(Turn::Output(output));
                            }
                        } else if listens && let Poll::Ready(frame) = up.poll_next_unpin(cx) {
                            return Poll::Ready(Turn::Incoming(frame));
                        }
                    }
                    if let Some((_, submitting)) = submitting
                        && let Poll::Ready(submitted) = submitting.poll_unpin(cx)
                    {
                        return Poll::Ready(Turn::Submitted(submitted));
                    }
                    if let Poll::Ready(Some(answered)) = in_flight.poll_next_unpin(cx) {
                        return Poll::Ready(Turn::Answered(answered));
                    }
                    look.poll_unpin(cx).map(|()| Turn::Look)
                })
                .await
            };
            match turn {
                Turn::Output(output) => self.push(output)?,
                Turn::Incoming(None) => return Err(Ended::Gone),
                Turn::Incoming(Some(frame)) => self.take(frame),
                Turn::Submitted(submitted) => self.submitted(submitted),
                Turn::Answered((re, executed)) => self.answer(re, executed),
                Turn::Look => {
                    look = self.schedule().sleep(LOOK);
                    self.look()?;
                }
            }
            let held = self.reader.held() + self.hoard.len();
            let settled = if held == 0 { self.reader.scanned().0 } else { 0 };
            self.gauge.settled.store(settled, Ordering::Relaxed);
            if held > HELD + self.window {
                self.world.find(Guarantee::BoundedMemory, || format!("{held} events are kept in memory for {:?}", self.device));
            }
        }
    }

    fn push(&mut self, output: Result<Output, ReadError>) -> Result<(), Ended> {
        match output {
            Ok(Output::Events(mut frames)) => {
                self.acked_at = self.schedule().elapsed();
                let (fault, some) = (&self.world.weather, |permille| self.world.schedule.roll(|dice| dice.permille(permille)));
                if fault.breaks(Fault::PushTwice) && some(50) {
                    frames.push(frames[frames.len() - 1].clone());
                }
                if fault.breaks(Fault::PushOutOfOrder) && frames.len() > 1 {
                    frames.swap(0, 1);
                }
                if fault.breaks(Fault::Hoard) {
                    self.hoard.extend(frames);
                    self.dole_out();
                } else {
                    frames.into_iter().for_each(|frame| self.send_event(frame));
                }
            }
            Ok(Output::Live(position)) => self.send(Down::Live(position)),
            Ok(Output::Detached(_)) => return Err(Ended::Replaced),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The window as somebody would have it who keeps what waits in memory.
    fn dole_out(&mut self) {
        while self.owed.len() < self.window
            && let Some(frame) = self.hoard.pop_front()
        {
            let event: serde_json::Value = serde_json::from_str(&frame).unwrap_or_default();
            self.owed.push_back(Position(event["position"].as_u64().unwrap_or_default()));
            self.send_event(frame);
        }
    }

    fn send_event(&self, frame: String) {
        self.gauge.pushed.fetch_add(1, Ordering::Relaxed);
        self.send(Down::Event(frame));
    }

    fn send(&self, frame: Down) {
        // The client may be gone; that shows when it is listened to.
        let _ = self.down.unbounded_send(frame);
    }

    fn take(&mut self, frame: Up) {
        match frame {
            Up::Hello { .. } => {}
            Up::Ack(position) => match self.reader.ack(position) {
                Ok(Some(to)) => {
                    self.acked_at = self.schedule().elapsed();
                    self.node.acks.add(CursorMove { device: self.device, to, at: self.node.clock.now() });
                    self.owed.retain(|owed| *owed > to);
                    self.dole_out();
                }
                Ok(None) => {}
                Err(_) => self.send(Down::AckAhead),
            },
            Up::Cmd { id, key, command } => {
                let (actor, correlation, at) = (Some(self.device.user), self.schedule().next(), self.node.clock.now());
                let envelope = Envelope { command: key, actor, correlation, at };
                let executor = self.node.executor.clone();
                self.submitting = Some((id, Box::pin(async move { executor.submit(envelope, command).await })));
            }
            Up::Read { id, thread, upto } => {
                let Device { user, device } = self.device;
                let read = Read { user, thread, upto, device: Some(device), correlation: self.schedule().next() };
                let outcome = self.node.reads.read(read);
                self.in_flight.push(outcome.map(move |executed| (id, executed.map_err(|error| Problem::from(&error)))).boxed());
            }
        }
    }

    fn submitted(&mut self, submitted: Submitted) {
        let Some((re, _)) = self.submitting.take() else { return };
        match submitted {
            Ok(outcome) => {
                self.in_flight.push(outcome.map(move |executed| (re, executed.map_err(|error| Problem::from(&error)))).boxed());
            }
            Err(error) => self.answer(re, Err(Problem::from(&error))),
        }
    }

    fn answer(&self, re: u64, executed: Result<Executed, Problem>) {
        self.send(match executed {
            Ok(executed) => Down::Ok { re, executed },
            Err(problem) => Down::Err { re, code: problem.code.as_str(), retry: problem.code.retry().as_str() },
        });
    }

    fn look(&mut self) -> Result<(), Ended> {
        let now = self.schedule().elapsed();
        let has_room = self.reader.has_room();
        if !has_room && now - self.acked_at >= ACK {
            return Err(Ended::AckStalled);
        }
        let scanned = self.reader.scanned();
        if scanned > self.progress.0 || !has_room || self.node.hub.head() <= scanned {
            self.progress = (scanned, now);
        } else if now - self.progress.1 >= FEED {
            return Err(Ended::FeedStalled);
        }
        Ok(())
    }
}
