//! What a connection does whenever something has woken it: each side has its turn, and what all of them had to say is written at once.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures::StreamExt as _;
use futures::stream::SplitStream;
use poem::web::websocket::WebSocketStream;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::WaitForCancellationFuture;

use super::super::close::Close;
use super::super::leaving::Leaving;
use super::super::serve::Ended;
use super::super::{liveness, presence};
use super::Connection;

/// Most frames of a client that are taken in before the others have their turn.
const TOGETHER: usize = 32;

/// What a connection listens to beside what is its own.
struct Sources<'s, 'g> {
    stream: &'s mut SplitStream<WebSocketStream>,
    /// When to look whether the connection still lives.
    looks: Interval,
    /// The node is being stopped. Waited for once: it is one list for all connections, which is locked to enter it.
    stopping: Pin<&'s mut WaitForCancellationFuture<'g>>,
}

impl Connection<'_> {
    /// Serves the device until one of the two ends it.
    pub(in crate::ws) async fn run(mut self, stream: &mut SplitStream<WebSocketStream>) -> Ended {
        self.welcome();
        let mut looks = interval(liveness::period(&self.gateway.settings));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.reset();
        let gateway = self.gateway;
        let mut sources = Sources { stream, looks, stopping: pin!(gateway.stopping.cancelled()) };
        poll_fn(|cx| {
            loop {
                match self.round(cx, &mut sources) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Pending,
                    Err(ended) => return Poll::Ready(ended),
                }
            }
        })
        .await
    }

    /// Asks every source once. Gives whether there may be more to do; if not, each that was asked will wake the connection.
    fn round(&mut self, cx: &mut Context<'_>, sources: &mut Sources<'_, '_>) -> Result<bool, Ended> {
        // Whatever else there is to do, and however little the socket takes.
        let detached = pin!(self.session.reader.attached().until_detached()).poll(cx);
        if let Poll::Ready(why) = detached {
            return Err(self.let_go(why));
        }
        if self.leaving.is_settling() && self.is_settled() {
            return Err(Ended::Close(Close::Draining));
        }
        let mut more = self.poll_node(cx, sources)?;
        more |= self.poll_client(cx, sources.stream)?;
        more |= self.poll_answers(cx)?;
        if !self.leaving.is_settling() {
            more |= self.poll_owed(cx)?;
        }
        if !self.outbox.is_empty()
            && let Poll::Ready(written) = self.outbox.poll_drive(cx)
        {
            self.written(&written)?;
            more = true;
        }
        Ok(more)
    }

    /// What the node wants: that the connection is looked after, and that it ends.
    fn poll_node(&mut self, cx: &mut Context<'_>, sources: &mut Sources<'_, '_>) -> Result<bool, Ended> {
        let mut more = false;
        if sources.looks.poll_tick(cx).is_ready() {
            self.look()?;
            more = true;
        }
        if self.leaving == Leaving::No {
            if sources.stopping.as_mut().poll(cx).is_ready() {
                self.prepare_to_leave();
                more = true;
            }
        } else if pin!(self.leaving.over()).poll(cx).is_ready() {
            self.leave()?;
            more = true;
        }
        Ok(more)
    }

    /// What the client sends.
    fn poll_client(&mut self, cx: &mut Context<'_>, stream: &mut SplitStream<WebSocketStream>) -> Result<bool, Ended> {
        for taken in 0..TOGETHER {
            if !self.is_listening() {
                return Ok(taken > 0);
            }
            let Poll::Ready(incoming) = stream.poll_next_unpin(cx) else { return Ok(taken > 0) };
            self.take(incoming)?;
            // Most commands are decided without waiting for anything, and then the next one is taken.
            self.poll_submitting(cx);
        }
        Ok(true)
    }

    fn poll_submitting(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((_, submitting)) = &mut self.submitting else { return false };
        let Poll::Ready(submitted) = submitting.as_mut().poll(cx) else { return false };
        self.submitted(submitted);
        true
    }

    /// What comes of what the client has asked.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let mut more = self.poll_submitting(cx);
        while let Poll::Ready(Some((re, executed))) = self.in_flight.poll_next_unpin(cx) {
            self.answer(re, executed);
            more = true;
        }
        if let Some((_, renewing)) = &mut self.renewing
            && let Poll::Ready(ended) = renewing.as_mut().poll(cx)
        {
            self.renewed(ended)?;
            more = true;
        }
        Ok(more)
    }

    /// What the device is to be told: events, and if there is plenty of room what is said in passing.
    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let mut more = false;
        if self.outbox.has_room() {
            let output = pin!(self.session.reader.next()).poll(cx);
            if let Poll::Ready(output) = output {
                self.push(output)?;
                more = true;
            }
        }
        if self.outbox.is_calm() {
            let frame = pin!(self.passing.next()).poll(cx);
            if let Poll::Ready(frame) = frame {
                self.outbox.push(frame);
                more = true;
            }
        }
        if self.outbox.is_calm() {
            let shown = pin!(presence::changes(self.watcher.as_ref())).poll(cx);
            if let Poll::Ready(shown) = shown {
                shown.into_iter().for_each(|shown| self.outbox.push(presence::frame(shown)));
                more = true;
            }
        }
        Ok(more)
    }
}
