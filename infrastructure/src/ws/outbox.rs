//! What waits to be written to a socket: bounded, and written without ever blocking what is read.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::SplitSink;
use futures::{FutureExt as _, SinkExt as _};
use poem::web::websocket::{CloseCode, Message, WebSocketStream};
use tokio::time::{Instant, timeout};

use super::close::Close;

/// How long a closing socket is given to take the last frames.
const CLOSING: Duration = Duration::from_secs(1);

/// Frames on their way out.
pub(super) struct Outbox {
    sink: SplitSink<WebSocketStream, Message>,
    frames: VecDeque<Message>,
    bytes: usize,
    capacity: usize,
    /// Something was handed to the socket and is not known to be on its way.
    unflushed: bool,
    /// When the socket last took something, or had nothing to take.
    progress: Instant,
}

impl Outbox {
    /// An outbox that asks its callers to wait above this many bytes.
    pub(super) fn new(sink: SplitSink<WebSocketStream, Message>, capacity: usize) -> Self {
        Self { sink, frames: VecDeque::new(), bytes: 0, capacity, unflushed: false, progress: Instant::now() }
    }

    /// Adds a frame. Callers ask [`Outbox::has_room`] before they take on work that leads to frames.
    pub(super) fn push(&mut self, frame: String) {
        if self.is_empty() {
            self.progress = Instant::now();
        }
        self.bytes += frame.len();
        self.frames.push_back(Message::Text(frame));
    }

    /// Forgets what waits and was not handed to the socket yet.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    /// Adds a WebSocket ping, which every client answers by itself.
    pub(super) fn ping(&mut self) {
        self.frames.push_back(Message::Ping(Vec::new()));
    }

    /// Whether more may be added.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.capacity
    }

    /// Whether so little waits that signals have their turn.
    pub(super) fn is_calm(&self) -> bool {
        self.bytes < self.capacity / 4
    }

    /// Whether everything was written.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.unflushed
    }

    /// For how long the socket has taken nothing of what waits.
    pub(super) fn stalled(&self) -> Duration {
        if self.is_empty() { Duration::ZERO } else { self.progress.elapsed() }
    }

    /// Writes until everything is on its way.
    pub(super) fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            ready!(self.sink.poll_ready_unpin(cx))?;
            if let Some(frame) = self.frames.pop_front() {
                self.bytes -= if let Message::Text(text) = &frame { text.len() } else { 0 };
                self.unflushed = true;
                self.sink.start_send_unpin(frame)?;
                self.progress = Instant::now();
            }
        }
        ready!(self.sink.poll_flush_unpin(cx))?;
        self.unflushed = false;
        self.progress = Instant::now();
        Poll::Ready(Ok(()))
    }

    /// Writes what waits and the close frame, as far as the socket takes it in the time it is given.
    pub(super) async fn close(mut self, close: Close) {
        let farewell = async {
            poll_fn(|cx| self.poll_drive(cx)).await?;
            self.sink.send(Message::Close(Some((CloseCode::from(close.code()), close.name().to_owned())))).await
        };
        // The client may be gone already, which is what closing is for.
        let _ = timeout(CLOSING, farewell).map(drop).await;
    }
}
