//! Somebody who writes.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use uuid::Uuid;

use crate::wire::Post;

/// What everybody says.
const TEXT: &str = "This is what people say at once: a sentence, sometimes two, and hardly ever more than a hundred characters.";

/// A message on its way.
#[derive(Debug)]
struct Flight {
    sent: Instant,
    /// Where the log has it, once anybody knows.
    position: Option<u64>,
    durable: bool,
    /// Devices that do not have it.
    waits: u32,
}

impl Flight {
    const fn has_arrived(&self) -> bool {
        self.durable && self.waits == 0
    }
}

/// A device that writes in a thread.
#[derive(Debug)]
pub(crate) struct Poster {
    pub(super) device: usize,
    pub(super) thread: u32,
    /// Most messages on their way.
    pub(super) window: u32,
    most: u32,
    post: Post,
    sent: u32,
    /// The first one of those on their way; some after it may have arrived.
    first: u32,
    flights: VecDeque<Flight>,
    open: u32,
    /// How many of them have come to their thread, in order.
    ordered: u32,
}

impl Poster {
    pub(super) fn new(device: usize, thread: u32, id: Uuid, window: u32, most: u32) -> Self {
        Self::with(device, thread, Post::new(id, TEXT), window, most)
    }

    /// One who posts over REST: one message after the other.
    pub(super) fn rest(device: usize, thread: u32, id: Uuid, token: &str) -> Self {
        Self::with(device, thread, Post::rest(id, token, TEXT), 1, u32::MAX)
    }

    fn with(device: usize, thread: u32, post: Post, window: u32, most: u32) -> Self {
        Self { device, thread, window, most, post, sent: 0, first: 0, flights: VecDeque::new(), open: 0, ordered: 0 }
    }

    /// Whether everything it has to send has arrived.
    pub(super) const fn is_done(&self) -> bool {
        self.sent == self.most && self.open == 0
    }

    /// Renders as many messages as the window takes; gives how many.
    pub(super) fn post(&mut self, out: &mut Vec<u8>, waits: u32, now: Instant, name: impl Fn(u32) -> (u64, Uuid)) -> u64 {
        let mut posted = 0;
        while self.open < self.window && self.sent < self.most {
            let (id, key) = name(self.sent);
            self.post.render(out, id, key);
            self.flights.push_back(Flight { sent: now, position: None, durable: false, waits });
            self.sent += 1;
            self.open += 1;
            posted += 1;
        }
        posted
    }

    /// The last message that it sent.
    pub(super) const fn last(&self) -> u32 {
        self.sent - 1
    }

    /// Its messages come to the thread in the order they were sent.
    pub(super) fn next_in_order(&mut self, seq: u32) -> anyhow::Result<()> {
        ensure!(seq == self.ordered, "message {seq} of a poster has come where {} was expected", self.ordered);
        self.ordered += 1;
        Ok(())
    }

    /// A device has it. Gives when it was sent, and whether it has arrived with that.
    pub(super) fn delivered(&mut self, seq: u32, position: u64) -> anyhow::Result<(Instant, bool)> {
        self.change(seq, position, |flight| {
            flight.waits = flight.waits.checked_sub(1).context("it has come to more devices than there are")?;
            Ok(())
        })
    }

    /// It is in the log. Gives the same.
    pub(super) fn durable(&mut self, seq: u32, position: u64) -> anyhow::Result<(Instant, bool)> {
        self.change(seq, position, |flight| {
            ensure!(!flight.durable, "it was answered twice");
            flight.durable = true;
            Ok(())
        })
    }

    fn change(&mut self, seq: u32, position: u64, change: impl Fn(&mut Flight) -> anyhow::Result<()>) -> anyhow::Result<(Instant, bool)> {
        let index =
            seq.checked_sub(self.first).with_context(|| format!("message {seq} has come again, after it had arrived everywhere"))?;
        let flight = self.flights.get_mut(index as usize).with_context(|| format!("message {seq} was never sent"))?;
        let known = *flight.position.get_or_insert(position);
        ensure!(known == position, "message {seq} is at {position} here, and at {known} elsewhere");
        change(flight).with_context(|| format!("message {seq}"))?;
        let (sent, arrived) = (flight.sent, flight.has_arrived());
        if arrived {
            self.open -= 1;
            while self.flights.front().is_some_and(Flight::has_arrived) {
                self.flights.pop_front();
                self.first += 1;
            }
        }
        Ok((sent, arrived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One who has sent two messages, each to two devices.
    fn poster() -> Poster {
        let mut poster = Poster::new(0, 0, Uuid::nil(), 2, 3);
        let posted = poster.post(&mut Vec::new(), 2, Instant::now(), |seq| (seq.into(), Uuid::nil()));
        assert_eq!(posted, 2);
        poster
    }

    #[test]
    fn a_message_is_on_its_way_until_it_is_durable_and_every_device_has_it() {
        let mut poster = poster();
        assert!(!poster.delivered(0, 7).unwrap().1);
        assert!(!poster.durable(0, 7).unwrap().1);
        assert_eq!(poster.post(&mut Vec::new(), 2, Instant::now(), |seq| (seq.into(), Uuid::nil())), 0, "the window is full");
        assert!(poster.delivered(0, 7).unwrap().1);
        assert_eq!(poster.post(&mut Vec::new(), 2, Instant::now(), |seq| (seq.into(), Uuid::nil())), 1);
        assert!(!poster.is_done());
        for seq in [2, 1] {
            poster.durable(seq, 8).unwrap();
            poster.delivered(seq, 8).unwrap();
            assert!(poster.delivered(seq, 8).unwrap().1);
        }
        assert!(poster.is_done());
    }

    #[test]
    fn what_must_not_happen_to_a_message_is_noticed() {
        let mut poster = poster();
        poster.durable(1, 9).unwrap();
        assert!(poster.durable(1, 9).is_err(), "answered twice");
        assert!(poster.delivered(1, 10).is_err(), "at another position");
        assert!(poster.durable(2, 11).is_err(), "never sent");
        poster.delivered(1, 9).unwrap();
        poster.delivered(1, 9).unwrap();
        assert!(poster.delivered(1, 9).is_err(), "come to more devices than there are");
        poster.durable(0, 8).unwrap();
        poster.delivered(0, 8).unwrap();
        poster.delivered(0, 8).unwrap();
        assert!(poster.delivered(0, 8).is_err(), "come again after it had arrived everywhere");
    }

    #[test]
    fn messages_that_overtake_each_other_are_noticed() {
        let mut poster = poster();
        assert!(poster.next_in_order(1).is_err());
        poster.next_in_order(0).unwrap();
        assert!(poster.next_in_order(0).is_err());
        poster.next_in_order(1).unwrap();
    }
}
