//! One device's cursor in motion.
//!
//! It reads from the log until it has caught up with the hub, goes live, and falls back to the log when it cannot keep up. Both
//! sources give the same events in the same order, so the device never sees the difference.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use posthaste_domain::{Audience, ThreadId, UserId};

use super::hub::Hub;
use super::inbox::{Attached, Detached, Taken};
use super::push::Push;
use super::withhold::withhold_deleted;
use crate::codec::Undecodable;
use crate::meter::{counted, meters};
use crate::port::cursors::Device;
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded};

/// Most events that are read from the log at once.
const READ: usize = 256;

/// Most bytes that are kept of what was read, but for one event; the others are read again when there is room. It takes a hundred of
/// the largest messages to make a mebibyte, and there may be as many clients that never ack.
const KEPT_BYTES: usize = 128 * 1024;

/// How many events are read at first; more with every read that can be kept whole.
const FIRST_READ: usize = 32;

/// Most bytes that are handed out at once, but for one frame: whoever writes them asks for more when there is room.
const TOGETHER_BYTES: usize = 64 * 1024;

/// How far behind the hub a device may go live: the rest is read while its inbox takes what comes. Catching up with a hub that moves on
/// all the time would never end. However far behind it is, a device tries once: if one read shows that it has missed next to nothing,
/// which is so for nearly all that come back, there is nothing more to ask.
const NEAR: u64 = 1_024;

/// How much may be un-acked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Events.
    pub events: usize,
    /// Bytes of their frames.
    pub bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { events: 256, bytes: 512 * 1024 }
    }
}

/// An acknowledgement of something that was never pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("position {position} was not pushed yet; the last one was {pushed}")]
pub struct AckAhead {
    /// What was acknowledged.
    pub position: Position,
    /// What was pushed last.
    pub pushed: Position,
}

/// What a device gets next.
#[derive(Debug)]
pub enum Output {
    /// `ev` frames, in order.
    Events(Vec<String>),
    /// The backlog is done up to here. Said once for a connection.
    Live(Position),
    /// The connection is over.
    Detached(Detached),
}

/// Why a device could not be served; it reconnects and resumes.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An event cannot be read.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

/// A message that a device has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its thread.
    pub thread: ThreadId,
    /// Who wrote it.
    pub author: UserId,
    /// Where it stands in the log.
    pub position: Position,
}

/// An event that was pushed.
#[derive(Debug)]
struct Unacked {
    position: Position,
    /// The size of its frame.
    bytes: usize,
    posted: Option<(ThreadId, UserId)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// The log, until the hub is near.
    Log,
    /// The log, up to here; from here on the inbox has everything.
    LogUpTo(Position),
    /// The inbox.
    Inbox,
}

/// A read of the log: up to where, at most how many, and what comes of it.
struct Reading {
    upto: Position,
    limit: usize,
    events: BoxFuture<'static, Result<Vec<Recorded>, PortError>>,
}

/// Reads for one connection of one device.
pub struct Reader {
    log: Arc<dyn EventLog>,
    hub: Arc<Hub>,
    attached: Arc<Attached>,
    source: Source,
    /// Everything up to here was looked at.
    scanned: Position,
    /// Read, not yet pushed.
    waiting: VecDeque<Arc<Push>>,
    /// Pushed, not yet acked.
    unacked: VecDeque<Unacked>,
    /// The messages of others that the last ack was about.
    delivered: Vec<Delivered>,
    unacked_bytes: usize,
    window: Window,
    /// The last `ev`, or where the connection began.
    prev: Position,
    /// What may be acked.
    pushed: Position,
    acked: Position,
    announced: bool,
    /// It went live once, or tried to.
    tried: bool,
    /// How many events are read at once: fewer while they are large.
    page: usize,
    /// When the oldest event was recorded that was pushed as soon as it came, since [`Reader::take_fresh`].
    fresh_at: Option<DateTime<Utc>>,
    /// What waits came just now, so whatever time it takes is the server's.
    fresh: bool,
    /// A read of the log that has begun. Kept here, so that it goes on when `next` is dropped and called again.
    reading: Option<Reading>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        meters().unacked.decrement(counted(self.unacked.len()));
        self.hub.detach(&self.attached);
    }
}

impl Reader {
    /// A reader that goes on after a cursor.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, hub: Arc<Hub>, attached: Arc<Attached>, cursor: Position, window: Window) -> Self {
        Self {
            log,
            hub,
            attached,
            source: Source::Log,
            scanned: cursor,
            waiting: VecDeque::new(),
            unacked: VecDeque::new(),
            delivered: Vec::new(),
            unacked_bytes: 0,
            window,
            prev: cursor,
            pushed: cursor,
            acked: cursor,
            announced: false,
            tried: false,
            page: FIRST_READ,
            fresh_at: None,
            fresh: false,
            reading: None,
        }
    }

    /// Its place in the hub.
    #[must_use]
    pub const fn attached(&self) -> &Arc<Attached> {
        &self.attached
    }

    /// Waits until there is something to push, within the window. Can be dropped and called again at any time.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn next(&mut self) -> Result<Output, ReadError> {
        loop {
            if let Some(why) = self.attached.detached() {
                return Ok(Output::Detached(why));
            }
            if !self.waiting.is_empty() && self.has_room() {
                return Ok(Output::Events(self.fill_window()));
            }
            if !self.waiting.is_empty() {
                self.fresh = false;
                // Only an ack makes room, and that comes through `ack`, which ends this wait with it.
                return Ok(Output::Detached(self.attached.until_detached().await));
            }
            match self.source {
                Source::Log => {
                    let hub = self.hub.position();
                    if self.tried && self.is_far_behind(hub) {
                        self.read_log(hub).await?;
                    } else {
                        self.tried = true;
                        self.source = Source::LogUpTo(self.hub.go_live(&self.attached));
                    }
                }
                Source::LogUpTo(live) if self.scanned < live => {
                    self.read_log(live).await?;
                    if self.is_far_behind(live) {
                        // What comes meanwhile would only fill the inbox for nothing.
                        self.attached.overflow();
                        self.source = Source::Log;
                    }
                }
                Source::LogUpTo(_) => {
                    self.source = Source::Inbox;
                    if !self.announced {
                        self.announced = true;
                        self.pushed = self.pushed.max(self.scanned);
                        return Ok(Output::Live(self.scanned));
                    }
                }
                Source::Inbox => match poll_fn(|cx| self.attached.poll_take(cx)).await {
                    Taken::Events(events) => {
                        self.fresh = true;
                        let scanned = self.scanned;
                        self.waiting.extend(events.into_iter().filter(|event| event.position > scanned));
                        self.scanned = self.waiting.back().map_or(scanned, |last| last.position);
                    }
                    Taken::Overflowed => {
                        meters().overflows.increment(1);
                        self.source = Source::Log;
                    }
                    Taken::Detached(why) => return Ok(Output::Detached(why)),
                },
            }
        }
    }

    /// The device has stored everything up to a position. Gives the position if the cursor moves, `None` if it is there already.
    ///
    /// # Errors
    /// [`AckAhead`], and nothing changes.
    pub fn ack(&mut self, position: Position) -> Result<Option<Position>, AckAhead> {
        if position > self.pushed {
            return Err(AckAhead { position, pushed: self.pushed });
        }
        if position <= self.acked {
            return Ok(None);
        }
        let user = self.attached.device().user;
        self.delivered.clear();
        let before = self.unacked.len();
        while let Some(taken) = self.unacked.pop_front_if(|pushed| pushed.position <= position) {
            self.unacked_bytes -= taken.bytes;
            let others = taken.posted.filter(|(_, author)| *author != user);
            self.delivered.extend(others.map(|(thread, author)| Delivered { thread, author, position: taken.position }));
        }
        meters().unacked.decrement(counted(before - self.unacked.len()));
        self.acked = position;
        Ok(Some(position))
    }

    /// The last position that was pushed and is not acked; `None` when everything is.
    #[must_use]
    pub fn unacked(&self) -> Option<Position> {
        self.unacked.back().map(|unacked| unacked.position)
    }

    /// When the oldest event was recorded that was pushed since the last call as soon as it came. Not what was read from the log or waited for
    /// an ack: that it took long says nothing of the server.
    pub fn take_fresh(&mut self) -> Option<DateTime<Utc>> {
        self.fresh_at.take()
    }

    /// The messages of others that the last ack was about, in order; at most a window of them.
    #[must_use]
    pub fn delivered(&self) -> &[Delivered] {
        &self.delivered
    }

    /// Whether anything more may be pushed before an ack.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.unacked.len() < self.window.events && self.unacked_bytes < self.window.bytes
    }

    /// How many events are kept in memory for this connection: what waits in its inbox, what was read and not yet pushed, and of what was
    /// pushed and not yet acked the positions.
    #[must_use]
    pub fn held(&self) -> usize {
        self.attached.waiting() + self.waiting.len() + self.unacked.len()
    }

    /// Everything up to here was looked at and pushed if it was owed, or waits for room in the window.
    #[must_use]
    pub fn scanned(&self) -> Position {
        if self.source != Source::Inbox || !self.waiting.is_empty() {
            return self.scanned;
        }
        // Live, with an empty inbox: nothing between the last event and the hub's position was for this device.
        self.hub.drained(&self.attached).map_or(self.scanned, |drained| drained.max(self.scanned))
    }

    fn is_far_behind(&self, hub: Position) -> bool {
        hub.0.saturating_sub(self.scanned.0) > NEAR
    }

    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(|push| push.fields.len()).sum()
    }

    async fn read_log(&mut self, upto: Position) -> Result<(), ReadError> {
        let (log, user, scanned, limit) = (&self.log, self.attached.device().user, self.scanned, self.page);
        let reading = self.reading.get_or_insert_with(|| {
            let log = Arc::clone(log);
            let events = async move {
                let mut events = log.read_for_user(user, scanned, upto, limit).await?;
                withhold_deleted(&*log, &mut events).await?;
                Ok(events)
            };
            Reading { upto, limit, events: events.boxed() }
        });
        let (upto, limit) = (reading.upto, reading.limit);
        let events = reading.events.as_mut().await;
        self.reading = None;
        self.keep(&events?, limit, upto)
    }

    /// Keeps what was read up to a position, or as much of it as may be kept.
    fn keep(&mut self, events: &[Recorded], limit: usize, upto: Position) -> Result<(), ReadError> {
        let mut kept = Vec::with_capacity(events.len());
        let mut bytes = 0;
        for event in events {
            let push = match Push::new(event) {
                // That it is owed to this device is all there is to know.
                Err(error) if error.is_newer() => Push::raw(event, Audience::nobody())?,
                push => push?,
            };
            bytes += push.fields.len();
            if bytes > KEPT_BYTES && !kept.is_empty() {
                break;
            }
            kept.push(Arc::new(push));
        }
        let whole = kept.len() == events.len();
        self.page = if whole { (self.page * 2).min(READ) } else { kept.len() };
        self.fresh = false;
        let last = kept.last().map_or(upto, |last| last.position);
        self.scanned = if whole && events.len() < limit { upto } else { last };
        self.waiting.extend(kept);
        Ok(())
    }

    fn fill_window(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        let mut together = 0;
        let Device { user, device } = self.attached.device();
        while self.has_room()
            && together < TOGETHER_BYTES
            && let Some(push) = self.waiting.pop_front()
        {
            let frame = push.frame(self.prev);
            if self.fresh {
                self.fresh_at.get_or_insert(push.at);
            }
            self.unacked.push_back(Unacked { position: push.position, bytes: frame.len(), posted: push.posted });
            self.unacked_bytes += frame.len();
            together += frame.len();
            tracing::debug!(correlation = %push.correlation, position = push.position.0, %user, %device, "pushed");
            self.prev = push.position;
            self.pushed = self.pushed.max(push.position);
            frames.push(frame);
        }
        meters().unacked.increment(counted(frames.len()));
        meters().pushed.increment(u64::try_from(frames.len()).unwrap_or(u64::MAX));
        frames
    }
}
