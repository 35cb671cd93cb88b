//! Delivery, told with devices that connect to one node over a log and a broker in memory.

mod acks;
mod connect;
mod feed;
mod hub;
mod newer;
mod passing;
mod random;
mod reader;
mod status;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::executor::block_on;
use posthaste_domain::{DeviceId, Event, SessionId};
use uuid::Uuid;

use super::reader::{Output, Reader, Window};
use super::{Admission, Admitted, Attached, Detached, Feed, Hub};
use crate::fake::{FakeBroker, FakeCursors, FakeLog, at, run, user};
use crate::port::cursors::{Connect, Device};
use crate::port::{EventLog, PortError};
use crate::recorded::Position;

fn device(who: u128, which: u128) -> Device {
    Device { user: user(who), device: DeviceId::new(Uuid::from_u128(which)) }
}

/// A gateway over a log and a broker.
struct Node {
    log: Arc<FakeLog>,
    broker: Arc<FakeBroker>,
    cursors: Arc<FakeCursors>,
    hub: Arc<Hub>,
    feed: Feed,
}

impl Node {
    /// One that has routed everything there is and hears what comes.
    fn over(log: &Arc<FakeLog>) -> Self {
        let log = Arc::clone(log);
        let broker = Arc::new(FakeBroker::default());
        let head = block_on(log.head()).unwrap().position;
        let hub = Arc::new(Hub::new(head));
        let feed = Feed::new(Arc::<FakeLog>::clone(&log), Arc::<FakeBroker>::clone(&broker), Arc::clone(&hub));
        let cursors = Arc::new(FakeCursors::over(&log));
        let mut node = Self { log, broker, cursors, hub, feed };
        node.step();
        node
    }

    fn new() -> Self {
        Self::over(&Arc::default())
    }

    fn record(&self, events: impl IntoIterator<Item = Event>) {
        self.log.record(events);
    }

    /// The broker delivers these positions as one run, and the feed takes it.
    fn deliver(&mut self, positions: std::ops::RangeInclusive<u64>) {
        let some: Vec<_> = self.log.all().into_iter().filter(|event| positions.contains(&event.position.0)).collect();
        self.broker.deliver(&run(&some));
        self.step();
    }

    /// The broker delivers whatever the hub has not had.
    fn deliver_the_rest(&mut self) {
        self.deliver(self.hub.position().next().0..=u64::MAX);
    }

    /// The feed takes whatever the broker has delivered.
    fn step(&mut self) {
        while let Some(step) = self.feed.step().now_or_never() {
            step.unwrap();
        }
    }

    fn look(&mut self) {
        self.feed.look().now_or_never().unwrap().unwrap();
    }

    fn connect(&self, device: Device, cursor: u64) -> Client {
        self.connect_with(device, cursor, Window::default())
    }

    async fn admit(&self, device: Device) -> Result<Admitted, PortError> {
        let ask = Connect { device, session: SessionId::new(Uuid::nil()), cursor: None, at: at(0) };
        match super::connect(&self.hub, &*self.cursors, ask).await? {
            Admission::Admitted(admitted) => Ok(admitted),
            other @ (Admission::Revoked | Admission::Suspended | Admission::BeyondHead { .. }) => panic!("{other:?}"),
        }
    }

    fn attach(&self, device: Device) -> Arc<Attached> {
        block_on(self.admit(device)).unwrap().attached
    }

    async fn connect_async(&self, device: Device) -> Client {
        let attached = self.admit(device).await.unwrap().attached;
        let reader = Reader::new(Arc::<FakeLog>::clone(&self.log), Arc::clone(&self.hub), attached, Position::START, Window::default());
        Client { reader, prev: 0, live: None }
    }

    fn connect_with(&self, device: Device, cursor: u64, window: Window) -> Client {
        let attached = self.attach(device);
        let cursor = Position(cursor);
        let reader = Reader::new(Arc::<FakeLog>::clone(&self.log), Arc::clone(&self.hub), attached, cursor, window);
        Client { reader, prev: cursor.0, live: None }
    }
}

/// A device on its connection, which checks what no device may ever see.
struct Client {
    reader: Reader,
    prev: u64,
    live: Option<u64>,
}

impl Client {
    /// What comes next, if anything does without waiting.
    fn next(&mut self) -> Option<Output> {
        self.reader.next().now_or_never().map(|output| output.unwrap())
    }

    /// Takes all there is without waiting, and gives the positions of the events.
    fn take(&mut self) -> Vec<u64> {
        let mut positions = Vec::new();
        while let Some(output) = self.next() {
            match output {
                Output::Events(frames) => positions.extend(frames.iter().map(|frame| self.receive(frame))),
                Output::Live(position) => assert_eq!(self.live.replace(position.0), None, "live is announced once"),
                Output::Detached(why) => panic!("{why:?}"),
            }
        }
        positions
    }

    /// Takes all there is without waiting, and gives the frames.
    fn frames(&mut self) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        while let Some(output) = self.next() {
            if let Output::Events(frames) = output {
                all.extend(frames.iter().map(|frame| serde_json::from_str(frame).unwrap()));
            }
        }
        all
    }

    fn receive(&mut self, frame: &str) -> u64 {
        let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
        assert_eq!(frame["t"], "ev");
        let position = frame["position"].as_u64().unwrap();
        assert_eq!(frame["prev"], self.prev, "the chain of events is unbroken");
        assert!(position > self.prev, "{position} comes after {}", self.prev);
        self.prev = position;
        position
    }

    fn ack(&mut self, position: u64) -> Option<u64> {
        self.reader.ack(Position(position)).unwrap().map(|moved| moved.0)
    }

    #[track_caller]
    fn expect_detached(&mut self) -> Detached {
        match self.next() {
            Some(Output::Detached(why)) => why,
            other @ (Some(Output::Events(_) | Output::Live(_)) | None) => panic!("{other:?}"),
        }
    }
}
