//! What became of an event.

use chrono::{DateTime, Utc};
use posthaste_domain::UserId;

use super::super::{Deliveries, Delivery, OnDevice, ReadAt, Stage, deliveries, recipients};
use super::*;
use crate::fake::events::read;
use crate::fake::{FakeCursors, at, direct, joined, opened, posted, requested};
use crate::port::Cursors;
use crate::port::cursors::{CursorMove, SentMark};

/// The times of this file, after everything that was committed.
fn later(second: u64) -> DateTime<Utc> {
    at(1_000_000 + second)
}

fn opened_cursors(devices: &[Device]) -> FakeCursors {
    let cursors = FakeCursors::default();
    for device in devices {
        block_on(cursors.open(*device));
    }
    cursors
}

fn moved(cursors: &FakeCursors, device: Device, to: u64, second: u64) {
    block_on(cursors.advance(&[CursorMove { device, to: Position(to), at: later(second) }])).unwrap();
}

fn sent(cursors: &FakeCursors, device: Device, to: u64, second: u64) {
    block_on(cursors.mark_sent(&[SentMark { device, to: Position(to), at: later(second) }])).unwrap();
}

fn on(device: Device, second: u64) -> Option<OnDevice> {
    Some(OnDevice { at: later(second), device: device.device })
}

fn of(log: &FakeLog, cursors: &FakeCursors, position: u64, who: u128) -> Delivery {
    let event = log.all().into_iter().find(|event| event.position.0 == position).unwrap();
    block_on(deliveries(log, cursors, &event, &[user(who)])).unwrap()[0]
}

/// A thread of two with a message at position 2.
fn two() -> FakeLog {
    let log = FakeLog::default();
    log.record([opened(1, 2), posted(9, direct(1, 2), 1, Some("hello"))]);
    log
}

#[test]
fn an_event_goes_from_pending_over_sent_and_delivered_to_read() {
    let (log, phone, desk) = (two(), device(2, 1), device(2, 2));
    let cursors = opened_cursors(&[phone, desk]);
    let committed = log.all()[1].at;
    let mut delivery = Delivery { user: user(2), committed, sent: None, delivered: None, read: None };
    assert_eq!((of(&log, &cursors, 2, 2), delivery.stage()), (delivery, Stage::Pending));
    sent(&cursors, desk, 2, 1);
    delivery.sent = on(desk, 1);
    assert_eq!((of(&log, &cursors, 2, 2), delivery.stage()), (delivery, Stage::Sent));
    moved(&cursors, phone, 2, 3);
    delivery.delivered = on(phone, 3);
    assert_eq!((of(&log, &cursors, 2, 2), delivery.stage()), (delivery, Stage::Delivered));
    log.record([read_by(&phone)]);
    delivery.read = Some(ReadAt { at: later(3), device: Some(phone.device) });
    assert_eq!((of(&log, &cursors, 2, 2), delivery.stage()), (delivery, Stage::Read), "not before it was delivered");
    moved(&cursors, desk, 2, 4);
    assert_eq!(of(&log, &cursors, 2, 2), delivery, "the first counts");
}

fn read_by(device: &Device) -> Event {
    let thread = direct(1, 2);
    posthaste_domain::subscription::SubscriptionEvent::Read { thread, user: device.user, upto: 2, device: Some(device.device) }.into()
}

#[test]
fn what_is_acknowledged_was_sent_by_then() {
    let (log, phone, desk) = (two(), device(2, 1), device(2, 2));
    let cursors = opened_cursors(&[phone, desk]);
    moved(&cursors, desk, 2, 2);
    assert_eq!(of(&log, &cursors, 2, 2).sent, on(desk, 2));
    sent(&cursors, phone, 2, 5);
    assert_eq!(of(&log, &cursors, 2, 2).sent, on(desk, 2), "what another device was sent later changes nothing");
    assert_eq!(of(&log, &cursors, 2, 2).delivered, on(desk, 2));
}

#[test]
fn what_was_read_counts_once_it_is_delivered() {
    let (log, phone) = (two(), device(2, 1));
    let cursors = opened_cursors(&[phone]);
    log.record([read(9, 2, 2), read_by(&phone)]);
    assert_eq!(of(&log, &cursors, 2, 2).stage(), Stage::Pending, "read on paper");
    sent(&cursors, phone, 2, 1);
    assert_eq!(of(&log, &cursors, 2, 2).stage(), Stage::Sent);
    moved(&cursors, phone, 2, 2);
    assert_eq!(of(&log, &cursors, 2, 2).read, Some(ReadAt { at: later(2), device: Some(phone.device) }));
    assert_eq!(of(&log, &cursors, 1, 2).stage(), Stage::Read, "and whatever was before it");
    assert_eq!(of(&log, &cursors, 2, 1).stage(), Stage::Pending, "for nobody else");
}

#[test]
fn no_time_is_before_the_commit_whatever_clocks_say() {
    let (log, phone) = (two(), device(2, 1));
    let cursors = opened_cursors(&[phone]);
    let committed = log.all()[1].at;
    let early = CursorMove { device: phone, to: Position(2), at: committed - chrono::TimeDelta::seconds(9) };
    block_on(cursors.advance(&[early])).unwrap();
    let delivery = of(&log, &cursors, 2, 2);
    assert_eq!(delivery.delivered, Some(OnDevice { at: committed, device: phone.device }));
    assert_eq!(delivery.sent, delivery.delivered);
}

#[test]
fn an_event_is_owed_to_who_was_there_and_whom_it_names() {
    let log = two();
    log.record([requested(3, 4), joined(direct(1, 2), 1, 5), posted(10, direct(1, 2), 1, None)]);
    let of = |position: u64, after: Option<u128>, limit| -> Vec<UserId> {
        let event = log.all().into_iter().find(|event| event.position.0 == position).unwrap();
        block_on(recipients(&log, &event, after.map(user), limit)).unwrap()
    };
    assert_eq!(of(2, None, 9), [user(1), user(2)]);
    assert_eq!(of(3, None, 9), [user(3), user(4)], "no thread");
    assert_eq!(of(5, None, 9), [user(1), user(2), user(5)]);
    assert_eq!(of(5, None, 2), [user(1), user(2)]);
    assert_eq!(of(5, Some(2), 2), [user(5)]);
    assert_eq!(of(3, Some(3), 2), [user(4)]);
}

#[test]
fn deliveries_are_found_page_by_page_and_by_how_far_they_have_come() {
    let log = FakeLog::default();
    let thread = direct(1, 2);
    log.record((2..=1_500).map(|n| joined(thread, 1, n)));
    let position = log.all().len() as u64 + 1;
    log.record([posted(9, thread, 1, Some("hello"))]);
    let far = [1_001, 1_400, 1_499].map(|who| device(who, 1));
    let cursors = opened_cursors(&far);
    for device in far {
        moved(&cursors, device, position, 1);
    }
    let page = |stage, after: Option<u128>, limit| -> Vec<UserId> {
        let asked = Deliveries { except: Some(user(1)), stage, after: after.map(user), limit };
        let page = block_on(asked.of(&log, &cursors, None, Position(position))).unwrap();
        page.into_iter().map(|delivery| delivery.user).collect()
    };
    assert_eq!(page(None, None, 3), [2, 3, 4].map(user), "everybody but the author");
    assert_eq!(page(None, Some(4), 3), [5, 6, 7].map(user));
    assert_eq!(page(None, Some(1_498), 3), [1_499, 1_500].map(user));
    assert_eq!(page(Some(Stage::Delivered), None, 2), [1_001, 1_400].map(user));
    assert_eq!(page(Some(Stage::Delivered), Some(1_400), 2), [user(1_499)]);
    assert_eq!(page(Some(Stage::Read), None, 2), []);
    assert_eq!(page(Some(Stage::Pending), Some(1_498), 2), [user(1_500)]);
    let nowhere = Deliveries { except: None, stage: None, after: None, limit: 9 };
    assert_eq!(block_on(nowhere.of(&log, &cursors, None, Position(position + 1))).unwrap(), []);
}
