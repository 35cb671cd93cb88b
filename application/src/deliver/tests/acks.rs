//! Acknowledgements on their way to the cursors.

use std::sync::atomic::Ordering;

use super::super::ack_queue;
use super::*;
use crate::fake::{FakeCursors, at};
use crate::port::Cursors;
use crate::port::cursors::CursorMove;

fn moved(device: Device, to: u64) -> CursorMove {
    CursorMove { device, to: Position(to), at: at(to) }
}

fn opened_cursors(devices: &[Device]) -> Arc<FakeCursors> {
    let cursors = Arc::new(FakeCursors::default());
    for device in devices {
        block_on(cursors.open(*device, Position(0), at(0))).unwrap();
    }
    cursors
}

#[test]
fn of_many_acks_of_a_device_the_furthest_is_written_once() {
    let (one, two) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[one, two]);
    let (queue, mut writer) = ack_queue(Arc::<FakeCursors>::clone(&cursors));
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
    let (queue, mut writer) = ack_queue(Arc::<FakeCursors>::clone(&cursors));
    assert!(writer.step().now_or_never().is_none());
    let both = async { futures::join!(writer.step(), async { queue.add(moved(device(1, 1), 2)) }) };
    assert_eq!(block_on(both).0.unwrap(), 1);
    assert_eq!(cursors.moves(device(1, 1)), [2]);
}

#[test]
fn acks_that_could_not_be_written_are_kept_and_a_newer_one_wins() {
    let (one, two) = (device(1, 1), device(1, 2));
    let cursors = opened_cursors(&[one, two]);
    let (queue, mut writer) = ack_queue(Arc::<FakeCursors>::clone(&cursors));
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
    let (queue, mut writer) = ack_queue(Arc::<FakeCursors>::clone(&cursors));
    queue.add(moved(device(1, 1), 3));
    assert!(writer.step().now_or_never().is_none(), "the write was under way");
    assert_eq!(block_on(writer.flush()).unwrap(), 1);
    assert_eq!(cursors.moves(device(1, 1)), [3]);
}
