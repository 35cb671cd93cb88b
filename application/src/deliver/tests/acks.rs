//! Acknowledgements on their way to the cursors.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{AckQueue, AckWriter, ack_queue};
use super::*;
use crate::fake::{FakeCursors, at};
use crate::port::Cursors;
use crate::port::cursors::{CursorMove, SentMark};

fn moved(device: Device, to: u64) -> CursorMove {
    CursorMove { device, to: Position(to), at: at(to) }
}

fn queue_to(cursors: &Arc<FakeCursors>) -> (AckQueue, AckWriter) {
    ack_queue(Arc::<FakeCursors>::clone(cursors), Arc::new(Hub::new(Position::START)))
}

fn opened_cursors(devices: &[Device]) -> Arc<FakeCursors> {
    let cursors = Arc::new(FakeCursors::default());
    for device in devices {
        block_on(cursors.open(*device));
    }
    cursors
}

#[test]
fn of_many_acks_of_a_device_the_furthest_is_written_once() {
    let (one, two) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[one, two]);
    let (queue, mut writer) = queue_to(&cursors);
    for to in [3, 7, 5] {
        queue.add(moved(one, to));
    }
    queue.add(moved(two, 4));
    assert_eq!(block_on(writer.step()).unwrap(), 2);
    assert_eq!((cursors.moves(one), cursors.moves(two)), (vec![7], vec![4]));
    assert_eq!(block_on(writer.flush()).unwrap(), 0, "nothing is written twice");
}

#[test]
fn a_step_waits_for_an_ack_and_is_woken_by_it() {
    let cursors = opened_cursors(&[device(1, 1)]);
    let (queue, mut writer) = queue_to(&cursors);
    assert!(writer.step().now_or_never().is_none());
    let both = async { futures::join!(writer.step(), async { queue.add(moved(device(1, 1), 2)) }) };
    assert_eq!(block_on(both).0.unwrap(), 1);
    assert_eq!(cursors.moves(device(1, 1)), [2]);
}

#[test]
fn acks_that_could_not_be_written_are_kept_and_a_newer_one_wins() {
    let (one, two) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[one, two]);
    let (queue, mut writer) = queue_to(&cursors);
    queue.add(moved(one, 3));
    queue.add(moved(two, 3));
    cursors.broken.store(true, Ordering::Relaxed);
    assert!(block_on(writer.step()).is_err());
    queue.add(moved(one, 5));
    assert_eq!(block_on(writer.step()).unwrap(), 2);
    assert_eq!((cursors.moves(one), cursors.moves(two)), (vec![5], vec![3]));
}

#[test]
fn a_write_that_is_given_up_halfway_loses_no_ack() {
    let cursors = opened_cursors(&[device(1, 1)]);
    let (queue, mut writer) = queue_to(&cursors);
    queue.add(moved(device(1, 1), 3));
    assert!(writer.step().now_or_never().is_none(), "the write was under way");
    assert_eq!(block_on(writer.flush()).unwrap(), 1);
    assert_eq!(cursors.moves(device(1, 1)), [3]);
}

/// So many seconds after it all began.
fn seconds(seconds: u64) -> DateTime<Utc> {
    at(seconds * 1_000_000)
}

fn sent(device: Device, to: u64, second: u64) -> SentMark {
    SentMark { device, to: Position(to), at: seconds(second) }
}

#[test]
fn what_is_acknowledged_soon_is_never_marked() {
    let (quick, slow) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[quick, slow]);
    let (queue, mut writer) = queue_to(&cursors);
    for device in [quick, slow] {
        queue.sent(sent(device, 3, 10));
        queue.sent(sent(device, 5, 12));
    }
    queue.add(moved(quick, 5));
    queue.add(moved(slow, 3));
    assert_eq!(block_on(writer.flush()).unwrap(), 2);
    assert_eq!(block_on(writer.mark_sent(seconds(11))).unwrap(), 0, "what was sent later is not looked at");
    assert_eq!(block_on(writer.mark_sent(seconds(12))).unwrap(), 1);
    assert_eq!((cursors.marks(quick), cursors.marks(slow)), (vec![], vec![(5, seconds(12).timestamp())]));
    assert_eq!(block_on(writer.mark_sent(seconds(99))).unwrap(), 0, "nothing is written twice");
}

#[test]
fn a_mark_says_when_the_last_of_it_was_sent_and_never_earlier() {
    let slow = device(1, 1);
    let cursors = opened_cursors(&[slow]);
    let (queue, mut writer) = queue_to(&cursors);
    let sent = |to, millis| SentMark { device: slow, to: Position(to), at: seconds(0) + TimeDelta::milliseconds(millis) };
    // Three within a tenth of a second, and one after it.
    for (to, millis) in [(1, 950), (2, 1_000), (3, 1_040), (4, 1_050), (3, 9_000)] {
        queue.sent(sent(to, millis));
    }
    assert_eq!(block_on(writer.mark_sent(seconds(99))).unwrap(), 2);
    let second = seconds(0).timestamp() + 1;
    assert_eq!(cursors.marks(slow), [(3, second), (4, second)]);
    let sends = block_on(cursors.sends(&[slow.user], Position(1))).unwrap();
    assert_eq!(sends[0].at, seconds(0) + TimeDelta::milliseconds(1_040));
}

#[test]
fn marks_that_could_not_be_written_are_kept_and_what_was_acknowledged_since_is_not() {
    let (one, two) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[one, two]);
    let (queue, mut writer) = queue_to(&cursors);
    queue.sent(sent(one, 3, 10));
    queue.sent(sent(two, 3, 10));
    cursors.broken.store(true, Ordering::Relaxed);
    assert!(block_on(writer.mark_sent(seconds(20))).is_err());
    assert!(writer.mark_sent(seconds(20)).now_or_never().is_none(), "the write was under way");
    queue.sent(sent(one, 6, 11));
    queue.add(moved(two, 3));
    assert_eq!(block_on(writer.mark_sent(seconds(20))).unwrap(), 2);
    assert_eq!(cursors.marks(one), [(3, seconds(10).timestamp()), (6, seconds(11).timestamp())]);
    assert_eq!(cursors.marks(two), []);
}
