//! The bytes of a connection, with a limit of time on everything that the other side has to do.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::gate::{ConnectionLimits, Place};
use super::head::{POISON, Watch};
use super::phase::{At, Phase};

/// A connection. Who says nothing in time, or something that can be read in two ways, is not listened to any more.
pub(super) struct Line {
    stream: TcpStream,
    phase: Arc<Phase>,
    limits: ConnectionLimits,
    watch: Watch,
    /// What is left to say in place of what was refused.
    poison: Option<&'static [u8]>,
    reading: Option<Alarm>,
    writing: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

/// Goes off unless what is waited for changes before.
struct Alarm {
    awaits: Awaits,
    sleep: Pin<Box<Sleep>>,
}

/// What is waited for: something else after every request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Head(u64),
    Request(u64),
}

impl Line {
    pub(super) fn new(stream: TcpStream, phase: Arc<Phase>, limits: ConnectionLimits, place: Place) -> Self {
        Self { stream, phase, limits, watch: Watch::default(), poison: None, reading: None, writing: None, _place: place }
    }

    /// What the other side has to do, and within what time.
    fn awaits(&self) -> Option<(Awaits, Duration)> {
        let (seen, head) = (self.watch.complete(), self.limits.head);
        match self.phase.at() {
            At::New => Some((Awaits::Head(seen), head)),
            At::Idle if self.watch.is_within_head() => Some((Awaits::Head(seen), head)),
            At::Idle => Some((Awaits::Request(seen), self.limits.idle)),
            // The body is part of what a request may take in all.
            At::Busy | At::Upgraded => None,
        }
    }

    /// Whether it has taken too long to say something.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some((awaits, time)) = self.awaits() else {
            self.reading = None;
            return false;
        };
        let alarm = match &mut self.reading {
            Some(alarm) if alarm.awaits == awaits => alarm,
            reading => {
                let sleep = Box::pin(sleep_until(Instant::now() + time));
                reading.insert(Alarm { awaits, sleep })
            }
        };
        alarm.sleep.as_mut().poll(context).is_ready()
    }

    /// Passes on what was read from here on, if it is right.
    fn judge(&mut self, buffer: &mut ReadBuf<'_>, from: usize) {
        if self.phase.at() == At::Upgraded {
            return;
        }
        if let Err(right) = self.watch.read(&buffer.filled()[from..]) {
            buffer.set_filled(from + right);
            self.poison = Some(POISON);
        }
    }

    /// The result of a write, unless it has taken too long.
    fn in_time(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        // Sockets have limits of their own.
        if written.is_ready() || self.phase.at() == At::Upgraded {
            self.writing = None;
            return written;
        }
        let (write, now) = (self.limits.write, Instant::now());
        let alarm = self.writing.get_or_insert_with(|| Box::pin(sleep_until(now + write)));
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(poison) = this.poison {
            let (now, later) = poison.split_at(poison.len().min(buffer.remaining()));
            buffer.put_slice(now);
            this.poison = Some(later);
            return Poll::Ready(Ok(()));
        }
        let from = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                this.judge(buffer, from);
                if this.poison.is_some() && buffer.filled().len() == from {
                    // To read nothing means the end.
                    return Pin::new(this).poll_read(context, buffer);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // As if the other side had ended it.
            Poll::Pending if this.is_late(context) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.in_time(context, written)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // With this an answer is out. Whoever reads has looked before and only looks again when something comes, so the time begins here.
        if this.phase.at() == At::Idle && this.reading.is_none() {
            let _ = this.is_late(context);
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
