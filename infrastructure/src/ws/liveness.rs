//! Whether a connection still lives, in both directions. It is looked at now and then; what is found decides whether it goes on.

#[cfg(test)]
mod tests;

use std::time::Duration;

use posthaste_application::recorded::Position;
use tokio::time::Instant;

use super::GatewaySettings;
use super::close::Close;

/// How many times a connection is looked at within the shortest of its time limits.
const LOOKS: u32 = 5;
/// The least time between two looks, whatever the limits are.
const LEAST: Duration = Duration::from_millis(10);

/// What a look finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The client's frames are read: if not, its silence is not its own.
    pub(super) listening: bool,
    /// For how long the socket has taken nothing of what waits for it.
    pub(super) unwritten: Duration,
    /// Nothing more can be pushed before the socket takes something.
    pub(super) outbox_full: bool,
    /// Nothing more can be pushed before the client acks something.
    pub(super) window_full: bool,
    /// Up to where the device was served.
    pub(super) served: Position,
    /// The end of the log, as this node knows it.
    pub(super) head: Position,
    /// How often this node has heard of the log, from the log itself or from the feed.
    pub(super) news: u64,
}

/// What is known of a connection's life.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When something came from the client.
    heard: Instant,
    /// Since when the window has been full without an ack.
    full: Option<Instant>,
    /// Up to where the device was served, and when that was still right.
    served: (Position, Instant),
    /// How often the node had heard of the log, and when that was still right.
    news: (u64, Instant),
    /// When the next heartbeat is due.
    beat: Instant,
    /// How many there were.
    beats: u64,
}

/// How long to wait between two looks.
pub(super) fn period(settings: &GatewaySettings) -> Duration {
    let GatewaySettings { heartbeat, write, ack, feed, .. } = settings;
    (*heartbeat.min(write).min(ack).min(feed) / LOOKS).max(LEAST)
}

impl Liveness {
    /// A connection that begins now, with its device at this cursor.
    pub(super) fn new(settings: &GatewaySettings, cursor: Position, now: Instant) -> Self {
        Self { heard: now, full: None, served: (cursor, now), news: (0, now), beat: now + settings.heartbeat, beats: 0 }
    }

    /// Something came from the client.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The client has acked something new.
    pub(super) fn acked(&mut self) {
        self.full = None;
    }

    /// Whether the connection goes on; and the number of the heartbeat, if one is due.
    pub(super) fn look(&mut self, settings: &GatewaySettings, seen: Seen, now: Instant) -> Result<Option<u64>, Close> {
        if seen.unwritten >= settings.write {
            return Err(Close::WriteTimeout);
        }
        self.full = seen.window_full.then(|| self.full.unwrap_or(now));
        if self.full.is_some_and(|since| now - since >= settings.ack) {
            return Err(Close::AckStalled);
        }
        // A client that holds its own events up is no failure of the feed: the other two limits are for it.
        if seen.served > self.served.0 || seen.window_full || seen.outbox_full || seen.head <= seen.served {
            self.served = (seen.served, now);
        }
        // A node that hears nothing of the log, from anywhere, cannot know what it fails to push.
        if seen.news != self.news.0 {
            self.news = (seen.news, now);
        }
        if now - self.served.1.min(self.news.1) >= settings.feed {
            return Err(Close::FeedStalled);
        }
        if !seen.listening {
            self.heard = now;
        }
        // A ping goes out with every heartbeat, and what it brings back may take its time.
        if now - self.heard >= settings.heartbeat * 2 + settings.heartbeat / LOOKS {
            return Err(Close::HeartbeatTimeout);
        }
        if now < self.beat {
            return Ok(None);
        }
        self.beat = (self.beat + settings.heartbeat).max(now);
        self.beats += 1;
        Ok(Some(self.beats))
    }
}
