//! What is known to have happened, and what may be said of an event because of it.

use std::collections::{BTreeMap, BTreeSet};

use posthaste_application::deliver::{Delivery, OnDevice, Stage};
use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::{Event, UserId};

/// Everything that devices and nodes did.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Where each device began.
    pub(crate) opened: BTreeMap<Device, Position>,
    /// What was pushed to each device, over all of its connections.
    pub(crate) pushed: BTreeMap<Device, BTreeSet<Position>>,
    /// The furthest that each device acknowledged, or named as its cursor.
    pub(crate) claimed: BTreeMap<Device, Position>,
    /// The furthest of it that a node wrote.
    pub(crate) written: BTreeMap<Device, Position>,
    /// The furthest that a node wrote as sent.
    pub(crate) marked: BTreeMap<Device, Position>,
    /// What was said last.
    said: BTreeMap<(Position, UserId), Delivery>,
}

/// Brings a position forward.
pub(crate) fn further(positions: &mut BTreeMap<Device, Position>, device: Device, to: Position) {
    let known = positions.entry(device).or_default();
    *known = to.max(*known);
}

impl Known {
    fn reached(&self, positions: &BTreeMap<Device, Position>, device: Device, position: Position) -> bool {
        let began_below = self.opened.get(&device).is_some_and(|opened| *opened < position);
        began_below && positions.get(&device).is_some_and(|to| *to >= position)
    }

    /// What is said now of an event and a recipient goes on from what was said before, and has a reason.
    pub(crate) fn check(&mut self, position: Position, now: &Delivery) {
        let context = format!("position {position}: {now:?}");
        let Delivery { user, committed, sent, delivered, read } = *now;
        assert!(delivered.is_none() || sent.is_some(), "delivered, not sent: {context}");
        assert!(read.is_none() || delivered.is_some(), "read, not delivered: {context}");
        let times = [Some(committed), sent.map(|sent| sent.at), delivered.map(|delivered| delivered.at), read.map(|read| read.at)];
        assert!(times.iter().flatten().is_sorted(), "its times do not follow one another: {context}");
        if let Some(OnDevice { device, .. }) = delivered {
            let device = Device { user, device };
            assert!(self.reached(&self.claimed, device, position), "no ack of that device reached it: {context}");
        }
        if let Some(OnDevice { device, .. }) = sent {
            let device = Device { user, device };
            let pushed = self.pushed.get(&device).is_some_and(|pushed| pushed.contains(&position));
            assert!(pushed || self.reached(&self.claimed, device, position), "it was never pushed to that device: {context}");
        }
        if let Some(before) = self.said.insert((position, user), *now) {
            assert!(before.stage() <= now.stage(), "it went back from {before:?}: {context}");
            let earlier =
                |before: Option<OnDevice>, now: Option<OnDevice>| before.is_none_or(|before| now.is_some_and(|now| now.at <= before.at));
            assert!(earlier(before.sent, sent) && earlier(before.delivered, delivered), "later than {before:?}: {context}");
            assert!(before.read.is_none_or(|before| read.is_some_and(|now| now.at <= before.at)), "later than {before:?}: {context}");
        }
    }

    /// Now that everything is written, it is exactly as far as it came.
    pub(crate) fn check_exactly(&mut self, event: &Recorded, log: &[Recorded], now: &Delivery) {
        self.check(event.position, now);
        let (position, user) = (event.position, now.user);
        let any = |positions: &BTreeMap<Device, Position>| {
            positions.keys().any(|device| device.user == user && self.reached(positions, *device, position))
        };
        let delivered = any(&self.written);
        let sent = delivered || any(&self.marked);
        let read = delivered && log.iter().any(|recorded| reads(recorded, event, user));
        let stage = match (sent, delivered, read) {
            (.., true) => Stage::Read,
            (_, true, false) => Stage::Delivered,
            (true, false, false) => Stage::Sent,
            (false, false, false) => Stage::Pending,
        };
        assert_eq!(now.stage(), stage, "position {position}: {now:?}, {self:?}");
    }
}

/// Whether somebody says with this that they have read the event.
fn reads(recorded: &Recorded, event: &Recorded, who: UserId) -> bool {
    let Ok(Event::Subscription(SubscriptionEvent::Read { thread, user, upto, .. })) = recorded.event() else { return false };
    event.thread == Some(*thread) && *user == who && *upto >= event.position.0
}
