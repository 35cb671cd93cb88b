//! What became of an event.

use super::super::{DeliveryStatus, delivery_statuses};
use super::*;
use crate::fake::{FakeCursors, at};
use crate::port::Cursors;
use crate::port::cursors::CursorMove;

#[test]
fn an_event_is_delivered_to_a_user_by_the_first_of_their_devices_that_reached_it() {
    let cursors = FakeCursors::default();
    let (phone, desk, other) = (device(1, 1), device(1, 2), device(2, 1));
    for device in [phone, desk, other] {
        block_on(cursors.open(device, Position(0), at(0))).unwrap();
    }
    let moves = [(desk, 4, 10), (phone, 9, 11), (desk, 9, 12), (other, 4, 13)];
    for (device, to, when) in moves {
        block_on(cursors.advance(&[CursorMove { device, to: Position(to), at: at(when) }])).unwrap();
    }
    let statuses = block_on(delivery_statuses(&cursors, &[user(1), user(2)], Position(5))).unwrap();
    let by_phone = DeliveryStatus::Delivered { device: phone.device, at: at(11) };
    assert_eq!(statuses, [(user(1), by_phone), (user(2), DeliveryStatus::Pending)]);
}
