//! Everybody who talks and listens in a run: thousands of sockets on one thread, because every cycle they take is one that the server does
//! not get.
//!
//! A device is what a good client is: it checks that nothing is missing, stores, and acknowledges what came together with one frame. A poster
//! is somebody who writes in a thread, with so many messages on their way at a time; a message is on its way until it is durable and every
//! device of the thread has it.

mod device;
mod ledger;
mod poster;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use mio::{Events, Poll, Token};
use uuid::Uuid;

use self::device::Device;
pub(crate) use self::ledger::{Ledger, Message};
use self::poster::Poster;
use crate::histogram::Histogram;
use crate::wire::{self, Frame, Said};

/// Read from a socket at once.
const READ: usize = 64 * 1024;
/// How long nothing may happen at all while something is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was counted while it was measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Messages that became durable and arrived everywhere.
    pub(crate) messages: u64,
    /// Arrivals of a message at a device of somebody else.
    pub(crate) deliveries: u64,
    /// From the sending of a command to its answer.
    pub(crate) ok: Histogram,
    /// From the sending of a command to the arrival at each of the others.
    pub(crate) push: Histogram,
}

/// A thread, as its devices see it.
#[derive(Debug, Default)]
struct Thread {
    /// The devices that are in it.
    devices: u32,
    /// The positions of its messages, in the order of the first device to have each.
    order: Vec<u64>,
}

/// Devices, and what they do to each other.
pub(crate) struct Crowd {
    number: u16,
    poll: Poll,
    devices: Vec<Device>,
    threads: Vec<Thread>,
    posters: Vec<Poster>,
    ledger: Ledger,
    /// Where messages were recorded, as their senders were told.
    answers: Vec<u64>,
    tally: Tally,
    measured: Option<(Instant, Instant)>,
    posting: bool,
    /// Devices that have something to send.
    due: Vec<usize>,
    open: u64,
    live: usize,
    events: u64,
    arrivals: u64,
}

impl Crowd {
    /// Nobody yet. The number tells the messages of one crowd from those of another on the same server.
    pub(crate) fn new(number: u16) -> anyhow::Result<Self> {
        Ok(Self {
            number,
            poll: Poll::new()?,
            devices: Vec::new(),
            threads: Vec::new(),
            posters: Vec::new(),
            ledger: Ledger::default(),
            answers: Vec::new(),
            tally: Tally::default(),
            measured: None,
            posting: false,
            due: Vec::new(),
            open: 0,
            live: 0,
            events: 0,
            arrivals: 0,
        })
    }

    /// Adds a device, to be connected to a node with this `hello`.
    pub(crate) fn device(&mut self, node: SocketAddr, hello: String) -> usize {
        self.devices.push(Device::new(node, Some(hello)));
        self.devices.len() - 1
    }

    /// Adds a thread with these devices in it.
    pub(crate) fn thread(&mut self, devices: &[usize]) -> u32 {
        let thread = u32::try_from(self.threads.len()).expect("fewer threads");
        for device in devices {
            self.devices[*device].join(thread);
        }
        self.threads.push(Thread { devices: u32::try_from(devices.len()).expect("fewer devices"), order: Vec::new() });
        thread
    }

    /// Has a device write in a thread, with up to `window` messages on their way, up to `most` altogether.
    pub(crate) fn poster(&mut self, device: usize, thread: u32, id: Uuid, window: u32, most: u32) {
        let poster = u32::try_from(self.posters.len()).expect("fewer posters");
        self.posters.push(Poster::new(device, thread, id, window, most));
        self.devices[device].posts(poster);
    }

    /// Has somebody write in a thread over REST, one message after the other.
    pub(crate) fn rest_poster(&mut self, node: SocketAddr, token: &str, thread: u32, id: Uuid) {
        self.devices.push(Device::new(node, None));
        let (device, poster) = (self.devices.len() - 1, u32::try_from(self.posters.len()).expect("fewer posters"));
        self.posters.push(Poster::rest(device, thread, id, token));
        self.devices[device].posts(poster);
    }

    /// Has everybody connect to this node from the next connection on.
    pub(crate) fn move_to(&mut self, node: SocketAddr) {
        self.devices.iter_mut().for_each(|device| device.move_to(node));
    }

    /// Gives every poster another window.
    pub(crate) fn widen(&mut self, window: u32) {
        self.posters.iter_mut().for_each(|poster| poster.window = window);
    }

    /// How many events have arrived at all devices together.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// How many of the crowd's own messages have arrived, at all devices together.
    pub(crate) const fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Where every device stands.
    pub(crate) fn cursors(&self) -> Vec<u64> {
        self.devices.iter().map(Device::position).collect()
    }

    /// Every message that has arrived anywhere, in the order of the log.
    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many messages after a position were answered: those that are durable, as their senders know.
    pub(crate) fn sent_after(&self, position: u64) -> usize {
        self.answers.iter().filter(|answer| **answer > position).count()
    }

    /// What was counted since the last time it was taken.
    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Connects everybody, `together` at a time, and waits until they are live.
    pub(crate) fn connect(&mut self, together: usize) -> anyhow::Result<()> {
        let mut next = 0;
        while self.live < self.devices.len() {
            while next < self.devices.len() && next - self.live < together {
                self.devices[next].connect(self.poll.registry(), Token(next))?;
                self.live += usize::from(self.devices[next].is_rest());
                next += 1;
            }
            let (live, all) = (self.live, self.devices.len());
            self.drive(|crowd| crowd.live == all || (next < all && crowd.live > live))?;
        }
        Ok(())
    }

    /// Cuts everybody's connection.
    pub(crate) fn cut(&mut self) {
        self.devices.iter_mut().for_each(Device::cut);
        self.live = 0;
    }

    /// Posts until a moment, counts what happens within two others, and waits until everything has arrived.
    pub(crate) fn post(&mut self, measured: (Instant, Instant), until: Instant) -> anyhow::Result<()> {
        self.measured = Some(measured);
        self.begin();
        self.drive(|_| Instant::now() >= until)?;
        self.finish()
    }

    /// Posts what every poster has to post at most, and waits until everything has arrived.
    pub(crate) fn post_all(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.measured = Some((begun, begun + Duration::from_secs(100_000)));
        self.begin();
        self.drive(|crowd| crowd.posters.iter().all(Poster::is_done))?;
        self.finish()
    }

    fn begin(&mut self) {
        self.posting = true;
        for poster in 0..self.posters.len() {
            let device = self.posters[poster].device;
            self.mark(device);
        }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.posting = false;
        self.drive(|crowd| crowd.open == 0)?;
        self.measured = None;
        self.complete()
    }

    /// Whether every device has every message of its threads.
    fn complete(&self) -> anyhow::Result<()> {
        for (index, device) in self.devices.iter().enumerate() {
            for (thread, has) in device.threads() {
                let all = self.threads[thread as usize].order.len();
                ensure!(has == all, "device {index} has {has} of the {all} messages of thread {thread}");
            }
        }
        Ok(())
    }

    /// Reads and writes until what is waited for has come.
    pub(crate) fn drive(&mut self, mut done: impl FnMut(&Self) -> bool) -> anyhow::Result<()> {
        let (mut events, mut scratch) = (Events::with_capacity(1_024), vec![0; READ]);
        let mut last = Instant::now();
        self.send()?;
        while !done(self) {
            self.poll.poll(&mut events, Some(Duration::from_millis(10)))?;
            let now = Instant::now();
            if !events.is_empty() {
                last = now;
            }
            ensure!(last + PATIENCE > now, "nothing has happened for {PATIENCE:?}: {}", self.state());
            for event in &events {
                let Token(device) = event.token();
                if event.is_writable() {
                    self.mark(device);
                }
                if event.is_readable() {
                    self.receive(device, &mut scratch).with_context(|| format!("device {device}"))?;
                }
            }
            self.send()?;
        }
        Ok(())
    }

    fn state(&self) -> String {
        let (devices, live, open) = (self.devices.len(), self.live, self.open);
        format!("{live} of {devices} devices are live, {open} messages are on their way, {} have arrived", self.ledger.len())
    }

    fn mark(&mut self, device: usize) {
        if !std::mem::replace(&mut self.devices[device].due, true) {
            self.due.push(device);
        }
    }

    /// Takes in whatever has come for a device.
    fn receive(&mut self, device: usize, scratch: &mut [u8]) -> anyhow::Result<()> {
        loop {
            let Some(read) = self.devices[device].read(scratch)? else { return Ok(()) };
            let now = Instant::now();
            // Taken out, so that what stands in it can be looked at while everybody changes.
            let bytes = std::mem::take(&mut self.devices[device].unread);
            let mut rest = if bytes.is_empty() { &scratch[..read] } else { &bytes[..] };
            if self.devices[device].is_rest() {
                while let Some((position, length)) = wire::posted(rest)? {
                    self.settle_last(device, position, now)?;
                    rest = &rest[length..];
                }
            }
            if self.devices[device].is_upgrading() {
                match wire::upgraded(rest)? {
                    Some(length) => rest = &rest[length..],
                    None => {
                        self.devices[device].unread = rest.to_vec();
                        continue;
                    }
                }
                self.devices[device].upgraded();
                self.mark(device);
            }
            while !self.devices[device].is_rest()
                && let Some((frame, length)) = wire::frame(rest)?
            {
                match frame {
                    Frame::Text(text) => self.hear(device, wire::said(text)?, now)?,
                    Frame::Ping(payload) => {
                        self.devices[device].pong(payload);
                        self.mark(device);
                    }
                    Frame::Close(why) => bail!("the server closed: {:?}", String::from_utf8_lossy(why)),
                    Frame::Other => {}
                }
                rest = &rest[length..];
            }
            self.devices[device].unread = rest.to_vec();
            if read < scratch.len() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, device: usize, said: Said<'_>, now: Instant) -> anyhow::Result<()> {
        match said {
            Said::Welcome { cursor } => self.devices[device].welcomed(cursor),
            Said::Live => self.live += 1,
            Said::Event { position, prev, key } => {
                self.events += 1;
                self.devices[device].take(position, prev)?;
                self.mark(device);
                let key = key.and_then(|key| Uuid::try_parse(key).ok()).and_then(|key| wire::read_key(key, self.number));
                if let Some((poster, seq)) = key {
                    self.deliver(device, poster, seq, position, now)?;
                }
            }
            Said::Ok { re, position } => self.settle(re, position, now)?,
            Said::Err(text) => bail!("the server refused: {text}"),
            Said::Passing => {}
        }
        Ok(())
    }

    /// A message has come to a device: the next one of its thread, or something is wrong.
    fn deliver(&mut self, device: usize, poster: u32, seq: u32, position: u64, now: Instant) -> anyhow::Result<()> {
        let Some(sender) = self.posters.get_mut(poster as usize) else { bail!("a message of the unknown poster {poster}") };
        let thread = &mut self.threads[sender.thread as usize];
        let nth = self.devices[device].next_of(sender.thread)?;
        if nth == thread.order.len() {
            sender.next_in_order(seq)?;
            thread.order.push(position);
            self.ledger.add(Message { position, poster, seq });
        }
        let expected = thread.order[nth];
        ensure!(expected == position, "message {nth} of thread {} is at {position} here, and at {expected} elsewhere", sender.thread);
        let (sent, arrived) = sender.delivered(seq, position)?;
        self.arrivals += 1;
        let own = sender.device == device;
        if !own && self.is_measured(now) {
            self.tally.deliveries += 1;
            self.tally.push.add(nanos(now - sent));
        }
        if arrived {
            self.completed(poster, now);
        }
        Ok(())
    }

    /// A command was answered.
    fn settle(&mut self, re: u64, position: u64, now: Instant) -> anyhow::Result<()> {
        let (poster, seq) = (usize::try_from(re >> 32)?, u32::try_from(re & 0xFFFF_FFFF)?);
        let Some(sender) = self.posters.get_mut(poster) else { bail!("an answer to the unknown command {re}") };
        let (sent, arrived) = sender.durable(seq, position)?;
        self.answers.push(position);
        if self.is_measured(now) {
            self.tally.ok.add(nanos(now - sent));
        }
        if arrived {
            self.completed(u32::try_from(poster)?, now);
        }
        Ok(())
    }

    /// A post over REST was answered: the only one there is.
    fn settle_last(&mut self, device: usize, position: u64, now: Instant) -> anyhow::Result<()> {
        let poster = *self.devices[device].posters.first().context("nobody posts with it")?;
        let last = self.posters[poster as usize].last();
        self.settle(u64::from(poster) << 32 | u64::from(last), position, now)
    }

    fn completed(&mut self, poster: u32, now: Instant) {
        self.open -= 1;
        if self.is_measured(now) {
            self.tally.messages += 1;
        }
        if self.posting {
            self.mark(self.posters[poster as usize].device);
        }
    }

    fn is_measured(&self, now: Instant) -> bool {
        self.measured.is_some_and(|(from, to)| from <= now && now < to)
    }

    /// Writes what there is to be written: new messages, acknowledgements, answers to pings.
    fn send(&mut self) -> anyhow::Result<()> {
        let millis = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        for device in std::mem::take(&mut self.due) {
            let (sender, now) = (&mut self.devices[device], Instant::now());
            sender.due = false;
            if self.posting {
                for poster in sender.posters.clone() {
                    let waits = self.threads[self.posters[poster as usize].thread as usize].devices;
                    let number = self.number;
                    self.open += self.posters[poster as usize].post(&mut sender.out, waits, now, |seq| {
                        (u64::from(poster) << 32 | u64::from(seq), wire::key(millis, number, poster, seq))
                    });
                }
            }
            sender.write().with_context(|| format!("device {device}"))?;
        }
        Ok(())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
