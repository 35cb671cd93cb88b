//! What every store of cursors does, as tests that any adapter runs; see [`crate::cursors_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

mod connects;
mod sends;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use posthaste_domain::{Category, CommandId, DeviceId, SessionId, UserId};
use uuid::Uuid;

pub use connects::*;
pub use sends::*;

use super::{Connect, Connected, CursorMove, Cursors, Device, Generation, Receipt, Welcome};
use crate::port::EventLog;
use crate::recorded::{Append, Check, Expected, NewEvent, Position, StreamId};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a store of
/// its own (`Arc<dyn Cursors>`) and the log beside it (`Arc<dyn EventLog>`), both empty, and whatever must live as long as they.
#[macro_export]
macro_rules! cursors_contract {
    ($fresh:path) => {
        $crate::cursors_contract! { $fresh =>
            a_new_device_starts_where_it_is_told
            a_known_device_goes_on_from_its_cursor
            a_device_opened_many_times_at_once_starts_once
            a_cursor_moves_forward_and_never_back
            a_device_may_move_several_times_in_one_batch
            a_device_that_was_never_opened_is_not_moved
            no_moves_are_no_trouble
            an_installation_under_another_user_is_another_device
            a_receipt_is_the_first_move_that_reached_the_event
            a_device_opened_beyond_an_event_never_took_it_in
            receipts_come_in_the_order_of_acknowledgement
            receipts_are_of_the_users_asked_for
            moves_of_many_devices_at_once_are_all_kept
            an_event_was_sent_by_the_first_mark_that_reached_it
            a_mark_at_or_below_the_cursor_leaves_no_history
            a_mark_never_goes_back
            a_mark_begins_where_the_cursor_is
            marks_move_no_cursor
            a_device_that_was_never_opened_is_not_marked
            a_device_opened_beyond_an_event_was_never_sent_it
            sends_come_in_the_order_of_time_and_of_the_users_asked_for
            marks_and_moves_of_many_devices_at_once_are_all_kept
            every_connection_of_a_device_has_a_higher_generation
            of_connections_at_once_each_has_a_generation_of_its_own
            whoever_moves_a_cursor_is_told_the_newest_connection
            the_newest_connections_are_those_of_the_devices_asked_for
            every_device_is_listed_with_its_newest_connection_in_pages
        }
        $crate::cursors_contract! { beside a log $fresh =>
            a_device_that_claims_to_be_beyond_the_log_is_not_connected
            a_connection_comes_with_the_end_of_the_log_and_the_threads_of_its_user
            a_session_that_was_revoked_is_not_connected_and_others_are
            whoever_is_suspended_or_erased_is_not_connected
        }
    };
    (beside a log $fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (cursors, log, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::cursors::contract::$behaviour(cursors, log).await;
            }
        )+
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (cursors, log, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::cursors::contract::fill(&*log).await;
                $crate::port::cursors::contract::$behaviour(cursors).await;
            }
        )+
    };
}

/// How many events there are for cursors to be at.
const EVENTS: u64 = 50;

fn device(user: u64, device: u64) -> Device {
    Device { user: UserId::new(Uuid::from_u64_pair(2, user)), device: DeviceId::new(Uuid::from_u64_pair(7, device)) }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 123_456_000).expect("a time")
}

fn to(device: Device, position: u64, second: i64) -> CursorMove {
    CursorMove { device, to: Position(position), at: at(second) }
}

fn session(n: u64) -> SessionId {
    SessionId::new(Uuid::from_u64_pair(9, n))
}

/// Fills a log with something for cursors to be at.
pub async fn fill(log: &dyn EventLog) {
    let stream = StreamId { category: Category::Message, id: Uuid::from_u64_pair(4, 1) };
    let event = |version| NewEvent {
        stream,
        version,
        event_type: "message.posted".to_owned(),
        schema: 1,
        facts: "{}".to_owned(),
        content: None,
        owner: None,
        thread: None,
        addressees: Vec::new(),
    };
    record(log, stream, (1..=EVENTS).map(event).collect()).await;
}

/// Records events of a stream that has none.
async fn record(log: &dyn EventLog, stream: StreamId, events: Vec<NewEvent>) {
    let append = Append {
        command: CommandId::new(stream.id),
        fingerprint: [1; 32],
        actor: None,
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events,
        unsealed: None,
    };
    log.append(&[append]).await.expect("the log takes the batch")[0].as_ref().expect("nothing is in its way");
}

async fn connect(cursors: &dyn Cursors, connect: Connect) -> Connected {
    cursors.connect(connect).await.expect("the store can be asked")
}

async fn welcome(cursors: &dyn Cursors, device: Device, cursor: u64) -> Welcome {
    match connect(cursors, Connect { device, session: session(1), cursor: Some(Position(cursor)), at: at(0) }).await {
        Connected::Welcome(welcome) => welcome,
        other @ (Connected::Revoked | Connected::Suspended | Connected::BeyondHead { .. }) => panic!("{other:?}"),
    }
}

async fn open(cursors: &dyn Cursors, device: Device, first: u64) -> u64 {
    welcome(cursors, device, first).await.cursor.0
}

async fn advance(cursors: &dyn Cursors, moves: &[CursorMove]) {
    cursors.advance(moves).await.expect("the store takes the moves");
}

/// Where a known device is.
async fn cursor(cursors: &dyn Cursors, device: Device) -> u64 {
    open(cursors, device, EVENTS).await
}

async fn receipts(cursors: &dyn Cursors, users: &[UserId], position: u64) -> Vec<(Device, DateTime<Utc>)> {
    let receipts = cursors.receipts(users, Position(position)).await.expect("the store can be read");
    receipts.into_iter().map(|Receipt { device, at }| (device, at)).collect()
}

pub async fn a_new_device_starts_where_it_is_told(cursors: Arc<dyn Cursors>) {
    assert_eq!(open(&*cursors, device(1, 1), 17).await, 17);
    assert_eq!(open(&*cursors, device(1, 2), 0).await, 0);
}

pub async fn a_known_device_goes_on_from_its_cursor(cursors: Arc<dyn Cursors>) {
    open(&*cursors, device(1, 1), 17).await;
    assert_eq!(open(&*cursors, device(1, 1), 40).await, 17);
    advance(&*cursors, &[to(device(1, 1), 20, 1)]).await;
    assert_eq!(open(&*cursors, device(1, 1), 0).await, 20);
}

pub async fn a_device_opened_many_times_at_once_starts_once(cursors: Arc<dyn Cursors>) {
    let opened = join_all((1..=20).map(|first| open(&*cursors, device(1, 1), first))).await;
    let cursor = cursor(&*cursors, device(1, 1)).await;
    assert!(opened.iter().all(|first| *first == cursor), "{opened:?} and then {cursor}");
}

pub async fn a_cursor_moves_forward_and_never_back(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 3).await;
    for (position, expected) in [(10, 10), (7, 10), (10, 10), (2, 10), (11, 11)] {
        advance(&*cursors, &[to(phone, position, 1)]).await;
        assert_eq!(cursor(&*cursors, phone).await, expected, "after a move to {position}");
    }
}

pub async fn a_device_may_move_several_times_in_one_batch(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    advance(&*cursors, &[to(phone, 5, 1), to(phone, 3, 2), to(phone, 5, 3), to(phone, 9, 4)]).await;
    assert_eq!(cursor(&*cursors, phone).await, 9);
    let user = phone.user;
    for (position, second) in [(1, 1), (3, 1), (5, 1), (6, 4), (9, 4)] {
        assert_eq!(receipts(&*cursors, &[user], position).await, [(phone, at(second))], "position {position}");
    }
    assert_eq!(receipts(&*cursors, &[user], 10).await, []);
}

pub async fn a_device_that_was_never_opened_is_not_moved(cursors: Arc<dyn Cursors>) {
    open(&*cursors, device(1, 1), 0).await;
    advance(&*cursors, &[to(device(1, 2), 5, 1), to(device(1, 1), 4, 1)]).await;
    assert_eq!(cursor(&*cursors, device(1, 1)).await, 4, "its neighbour is not touched");
    assert_eq!(receipts(&*cursors, &[device(1, 2).user], 2).await, [(device(1, 1), at(1))]);
    assert_eq!(open(&*cursors, device(1, 2), 1).await, 1);
}

pub async fn no_moves_are_no_trouble(cursors: Arc<dyn Cursors>) {
    advance(&*cursors, &[]).await;
    assert_eq!(receipts(&*cursors, &[], 1).await, []);
}

pub async fn an_installation_under_another_user_is_another_device(cursors: Arc<dyn Cursors>) {
    open(&*cursors, device(1, 1), 5).await;
    assert_eq!(open(&*cursors, device(2, 1), 8).await, 8);
    advance(&*cursors, &[to(device(2, 1), 9, 1)]).await;
    assert_eq!(cursor(&*cursors, device(1, 1)).await, 5);
}

pub async fn a_receipt_is_the_first_move_that_reached_the_event(cursors: Arc<dyn Cursors>) {
    let phone = device(1, 1);
    open(&*cursors, phone, 0).await;
    for (position, second) in [(3, 1), (8, 2), (20, 3)] {
        advance(&*cursors, &[to(phone, position, second)]).await;
    }
    for (position, second) in [(1, 1), (3, 1), (4, 2), (8, 2), (9, 3), (20, 3)] {
        assert_eq!(receipts(&*cursors, &[phone.user], position).await, [(phone, at(second))], "position {position}");
    }
    assert_eq!(receipts(&*cursors, &[phone.user], 21).await, []);
}

pub async fn a_device_opened_beyond_an_event_never_took_it_in(cursors: Arc<dyn Cursors>) {
    let late = device(1, 1);
    open(&*cursors, late, 5).await;
    advance(&*cursors, &[to(late, 9, 1)]).await;
    assert_eq!(receipts(&*cursors, &[late.user], 4).await, []);
    assert_eq!(receipts(&*cursors, &[late.user], 5).await, [], "it starts after the fifth");
    assert_eq!(receipts(&*cursors, &[late.user], 6).await, [(late, at(1))]);
}

pub async fn receipts_come_in_the_order_of_acknowledgement(cursors: Arc<dyn Cursors>) {
    let (slow, quick, other) = (device(1, 1), device(1, 2), device(2, 1));
    for device in [slow, quick, other] {
        open(&*cursors, device, 0).await;
    }
    advance(&*cursors, &[to(quick, 5, 1)]).await;
    advance(&*cursors, &[to(other, 7, 2), to(quick, 6, 2)]).await;
    advance(&*cursors, &[to(slow, 5, 3)]).await;
    assert_eq!(receipts(&*cursors, &[slow.user, other.user], 5).await, [(quick, at(1)), (other, at(2)), (slow, at(3))]);
}

pub async fn receipts_are_of_the_users_asked_for(cursors: Arc<dyn Cursors>) {
    for user in 1..=3 {
        open(&*cursors, device(user, 1), 0).await;
        advance(&*cursors, &[to(device(user, 1), 5, 1)]).await;
    }
    assert_eq!(receipts(&*cursors, &[device(2, 1).user], 5).await, [(device(2, 1), at(1))]);
    assert_eq!(receipts(&*cursors, &[], 5).await, []);
}

pub async fn moves_of_many_devices_at_once_are_all_kept(cursors: Arc<dyn Cursors>) {
    let devices: Vec<_> = (1..=40).map(|n| device(n, 1)).collect();
    join_all(devices.iter().map(|device| open(&*cursors, *device, 0))).await;
    // Batches that overlap, each in an order of its own, as of several processes.
    let batches: Vec<Vec<_>> = (1..=8).map(|n| devices.iter().map(|device| to(*device, n, 1)).collect()).collect();
    let turned = batches.into_iter().enumerate().map(|(n, mut batch)| {
        batch.rotate_left(n * 5);
        if n % 2 == 0 {
            batch.reverse();
        }
        batch
    });
    let turned: Vec<_> = turned.collect();
    join_all(turned.iter().map(|batch| advance(&*cursors, batch))).await;
    for device in devices {
        assert_eq!(cursor(&*cursors, device).await, 8);
    }
}
