//! One device's cursor in motion.
//!
//! It reads from the log until it has caught up with the hub, goes live, and falls back to the log when it cannot keep up. Both
//! sources give the same events in the same order, so the device never sees the difference.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::hub::Hub;
use super::inbox::{Attached, Detached, Taken};
use super::push::Push;
use crate::codec::Undecodable;
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded};

/// Most events that are read from the log at once.
const READ: usize = 256;

/// How far behind the hub a device may go live: the rest is read while its inbox takes what comes. Catching up with a hub that moves on
/// all the time would never end.
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
    /// An event cannot be read by this version.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
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

type Reading = BoxFuture<'static, Result<Vec<Recorded>, PortError>>;

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
    /// Pushed, not yet acked: position and size of the frame.
    unacked: VecDeque<(Position, usize)>,
    unacked_bytes: usize,
    window: Window,
    /// The last `ev`, or where the connection began.
    prev: Position,
    /// What may be acked.
    pushed: Position,
    acked: Position,
    announced: bool,
    /// A read of the log that has begun, and up to where. Kept here, so that it goes on when `next` is dropped and called again.
    reading: Option<(Position, Reading)>,
}

impl Drop for Reader {
    fn drop(&mut self) {
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
            unacked_bytes: 0,
            window,
            prev: cursor,
            pushed: cursor,
            acked: cursor,
            announced: false,
            reading: None,
        }
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
                // Only an ack makes room, and that comes through `ack`, which ends this wait with it.
                return Ok(Output::Detached(self.attached.until_detached().await));
            }
            match self.source {
                Source::Log => {
                    let hub = self.hub.position();
                    if hub.0.saturating_sub(self.scanned.0) > NEAR {
                        self.read_log(hub).await?;
                    } else {
                        self.source = Source::LogUpTo(self.hub.go_live(&self.attached));
                    }
                }
                Source::LogUpTo(live) if self.scanned < live => self.read_log(live).await?,
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
                        let scanned = self.scanned;
                        self.waiting.extend(events.into_iter().filter(|event| event.position > scanned));
                        self.scanned = self.waiting.back().map_or(scanned, |last| last.position);
                    }
                    Taken::Overflowed => self.source = Source::Log,
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
        while let Some((_, bytes)) = self.unacked.pop_front_if(|(pushed, _)| *pushed <= position) {
            self.unacked_bytes -= bytes;
        }
        self.acked = position;
        Ok(Some(position))
    }

    /// Whether anything more may be pushed before an ack.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.unacked.len() < self.window.events && self.unacked_bytes < self.window.bytes
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

    async fn read_log(&mut self, upto: Position) -> Result<(), ReadError> {
        let (log, user, scanned) = (&self.log, self.attached.device().user, self.scanned);
        let (upto, reading) = self.reading.get_or_insert_with(|| {
            let log = Arc::clone(log);
            (upto, async move { log.read_for_user(user, scanned, upto, READ).await }.boxed())
        });
        let upto = *upto;
        let events = reading.await;
        self.reading = None;
        let events = events?;
        let scanned = if events.len() < READ { upto } else { events.last().map_or(upto, |last| last.position) };
        let pushes = events.iter().map(|event| Push::new(event).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        self.waiting.extend(pushes);
        self.scanned = scanned;
        Ok(())
    }

    fn fill_window(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        while self.has_room()
            && let Some(push) = self.waiting.pop_front()
        {
            let frame = push.frame(self.prev);
            self.unacked.push_back((push.position, frame.len()));
            self.unacked_bytes += frame.len();
            self.prev = push.position;
            self.pushed = self.pushed.max(push.position);
            frames.push(frame);
        }
        frames
    }
}
