//! What was sent and not acknowledged at once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::{join, join_all};
use posthaste_domain::UserId;

use super::super::{Cursors, Device, Receipt, SentMark};
use super::{advance, at, cursor, device, open, receipts, to};
use crate::recorded::Position;

fn mark(device: Device, position: u64, second: i64) -> SentMark {
    SentMark { device, to: Position(position), at: at(second) }
}

async fn mark_sent(cursors: &dyn Cursors, marks: &[SentMark]) {
    cursors.mark_sent(marks).await.expect("the store takes the marks");
}

async fn sends(cursors: &dyn Cursors, users: &[UserId], position: u64) -> Vec<(Device, DateTime<Utc>)> {
    let sends = cursors.sends(users, Position(position)).await.expect("the store can be read");
    sends.into_iter().map(|Receipt { device, at }| (device, at)).collect()
}

pub async fn an_event_was_sent_by_the_first_mark_that_reached_it(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    mark_sent(&*cursors, &[mark(phone, 3, 1)]).await;
    mark_sent(&*cursors, &[mark(phone, 8, 2), mark(phone, 20, 3)]).await;
    for (position, second) in [(1, 1), (3, 1), (4, 2), (8, 2), (9, 3), (20, 3)] {
        assert_eq!(sends(&*cursors, &[phone.user], position).await, [(phone, at(second))], "position {position}");
    }
    assert_eq!(sends(&*cursors, &[phone.user], 21).await, []);
}

pub async fn a_mark_at_or_below_the_cursor_leaves_no_history(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    advance(&*cursors, &[to(phone, 10, 1)]).await;
    mark_sent(&*cursors, &[mark(phone, 9, 2), mark(phone, 10, 2)]).await;
    for position in [1, 9, 10] {
        assert_eq!(sends(&*cursors, &[phone.user], position).await, [], "position {position}");
    }
}

pub async fn a_mark_never_goes_back(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    for (position, second) in [(10, 5), (7, 6), (10, 7), (12, 8)] {
        mark_sent(&*cursors, &[mark(phone, position, second)]).await;
    }
    for (position, second) in [(7, 5), (10, 5), (11, 8)] {
        assert_eq!(sends(&*cursors, &[phone.user], position).await, [(phone, at(second))], "position {position}");
    }
}

pub async fn a_mark_begins_where_the_cursor_is(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    mark_sent(&*cursors, &[mark(phone, 4, 1)]).await;
    advance(&*cursors, &[to(phone, 10, 2)]).await;
    mark_sent(&*cursors, &[mark(phone, 20, 3)]).await;
    for (position, second) in [(4, 1), (11, 3), (20, 3)] {
        assert_eq!(sends(&*cursors, &[phone.user], position).await, [(phone, at(second))], "position {position}");
    }
    assert_eq!(sends(&*cursors, &[phone.user], 7).await, [], "it was acknowledged, long before that mark");
}

pub async fn marks_move_no_cursor(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 2).await;
    mark_sent(&*cursors, &[mark(phone, 9, 1)]).await;
    assert_eq!(cursor(&*cursors, phone).await, 2);
    assert_eq!(receipts(&*cursors, &[phone.user], 5).await, []);
    advance(&*cursors, &[to(phone, 5, 2)]).await;
    assert_eq!(cursor(&*cursors, phone).await, 5);
    assert_eq!(sends(&*cursors, &[phone.user], 5).await, [(phone, at(1))], "it was sent, acknowledged or not");
}

pub async fn a_device_that_was_never_opened_is_not_marked(cursors: Arc<dyn Cursors>) {
    open(&*cursors, device(1, 1), 0).await;
    mark_sent(&*cursors, &[mark(device(1, 2), 5, 1), mark(device(1, 1), 4, 1)]).await;
    mark_sent(&*cursors, &[]).await;
    assert_eq!(sends(&*cursors, &[device(1, 1).user], 2).await, [(device(1, 1), at(1))]);
    assert_eq!(open(&*cursors, device(1, 2), 1).await, 1);
    assert_eq!(sends(&*cursors, &[device(1, 2).user], 5).await, []);
}

pub async fn a_device_opened_beyond_an_event_was_never_sent_it(cursors: Arc<dyn Cursors>) {
    let late = device(1, 1);
    open(&*cursors, late, 5).await;
    mark_sent(&*cursors, &[mark(late, 9, 1)]).await;
    assert_eq!(sends(&*cursors, &[late.user], 5).await, [], "it starts after the fifth");
    assert_eq!(sends(&*cursors, &[late.user], 6).await, [(late, at(1))]);
}

pub async fn sends_come_in_the_order_of_time_and_of_the_users_asked_for(cursors: Arc<dyn Cursors>) {
    let (slow, quick, other) = (device(1, 1), device(1, 2), device(2, 1));
    for device in [slow, quick, other, device(3, 1)] {
        open(&*cursors, device, 0).await;
    }
    mark_sent(&*cursors, &[mark(other, 7, 2), mark(quick, 5, 1), mark(slow, 5, 3), mark(device(3, 1), 5, 0)]).await;
    assert_eq!(sends(&*cursors, &[slow.user, other.user], 5).await, [(quick, at(1)), (other, at(2)), (slow, at(3))]);
    assert_eq!(sends(&*cursors, &[], 5).await, []);
}

pub async fn marks_and_moves_of_many_devices_at_once_are_all_kept(cursors: Arc<dyn Cursors>) {
    let devices: Vec<_> = (1..=40).map(|n| device(n, 1)).collect();
    join_all(devices.iter().map(|device| open(&*cursors, *device, 0))).await;
    // Batches that overlap, each in an order of its own, as of several processes.
    let turned = |n: u64| {
        let mut turned = devices.clone();
        turned.rotate_left(usize::try_from(n * 5).expect("small"));
        if n.is_multiple_of(2) {
            turned.reverse();
        }
        turned
    };
    let rounds = (1..=8).map(|n| {
        let marks: Vec<_> = turned(n).into_iter().map(|device| mark(device, 10 * n, 1)).collect();
        let moves: Vec<_> = turned(9 - n).into_iter().map(|device| to(device, n, 1)).collect();
        let cursors = &cursors;
        async move { join(mark_sent(&**cursors, &marks), advance(&**cursors, &moves)).await }
    });
    join_all(rounds).await;
    for device in devices {
        assert_eq!(cursor(&*cursors, device).await, 8);
        assert_eq!(sends(&*cursors, &[device.user], 80).await, [(device, at(1))]);
    }
}
