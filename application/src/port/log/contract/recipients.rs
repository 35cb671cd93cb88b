//! Who was there when an event was recorded, and who has read it.

use std::sync::Arc;

use posthaste_domain::MembershipChange::{Joined, Left};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::{Category, DeviceId, SubscriptionId, UserId};
use uuid::Uuid;

use super::audiences::{Numbers, THREADS, USERS, coming_and_going, event, random_history, record_all};
use super::{Draft, everything, id, thread, user};
use crate::codec;
use crate::port::EventLog;
use crate::port::log::Reading;
use crate::recorded::{Position, StreamId};

async fn members_at(log: &dyn EventLog, of: u64, position: u64) -> Vec<UserId> {
    log.members_at(thread(of), Position(position), None, 99).await.expect("readable")
}

pub async fn the_members_of_a_thread_at_a_position_are_those_from_joining_to_leaving(log: Arc<dyn EventLog>) {
    assert_eq!(members_at(&*log, 1, 1).await, []);
    coming_and_going(&*log).await;
    let both = vec![user(1), user(2)];
    for (position, expected) in [
        (1, vec![]),
        (2, both.clone()),
        (3, both.clone()),
        (4, both.clone()),
        (5, vec![user(2)]),
        (6, both.clone()),
        (7, both.clone()),
        (99, both),
    ] {
        assert_eq!(members_at(&*log, 1, position).await, expected, "position {position}");
    }
    assert_eq!(members_at(&*log, 2, 8).await, [], "nobody was ever in it");
    record_all(&*log, [event(10).in_thread(thread(1)).to(user(3), None)]).await;
    assert_eq!(members_at(&*log, 1, 10).await, [user(1), user(2)], "to be named is not to be there");
}

pub async fn the_members_of_a_thread_are_read_in_pages(log: Arc<dyn EventLog>) {
    let all: Vec<_> = (1..=7).map(user).collect();
    let joining = all.iter().rev().fold(event(1).in_thread(thread(1)), |draft, user| draft.to(*user, Some(Joined)));
    let leaving = event(2).in_thread(thread(1)).to(user(3), Some(Left));
    record_all(&*log, [joining, leaving, event(3).in_thread(thread(1))]).await;
    let page = async |position, after, limit| log.members_at(thread(1), Position(position), after, limit).await.expect("readable");
    assert_eq!(page(1, None, 3).await, all[..3]);
    assert_eq!(page(1, Some(all[2]), 3).await, all[3..6]);
    assert_eq!(page(1, Some(all[5]), 3).await, all[6..]);
    assert_eq!(page(1, Some(all[6]), 3).await, []);
    assert_eq!(page(3, Some(all[0]), 2).await, [all[1], all[3]], "whoever is gone is not counted");
    assert_eq!(page(1, Some(user(0)), 1).await, all[..1], "after somebody who was never there");
    assert_eq!(page(1, None, 0).await, []);
}

pub async fn the_members_at_a_position_are_those_it_is_owed_to(log: Arc<dyn EventLog>) {
    let (appends, owed) = random_history(&mut Numbers(0xbeef), 300);
    let answers = log.append(&appends).await.expect("the log takes the batch");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    for recorded in everything(&*log).await {
        let named = &appends[usize::try_from(recorded.position.0 - 1).expect("small")].events[0].addressees;
        for of in 0..THREADS {
            let members = members_at(&*log, of, recorded.position.0).await;
            assert!(members.is_sorted_by(|one, other| one < other), "{members:?}");
            if recorded.thread == Some(thread(of)) {
                let owed = (0..USERS).map(user).filter(|user| owed.get(user).is_some_and(|owed| owed.contains(&recorded.position.0)));
                let only_named = |user: &UserId| named.iter().any(|named| named.user == *user && named.change.is_none());
                let expected: Vec<_> = owed.filter(|user| members.contains(user) || !only_named(user)).collect();
                assert_eq!(members, expected, "position {}", recorded.position);
            }
        }
    }
}

/// Somebody reads a thread, under the n-th command.
fn reading(n: u64, who: u64, of: u64, upto: u64, version: u64, device: Option<DeviceId>) -> Draft {
    let stream = StreamId { category: Category::Subscription, id: SubscriptionId::of(user(who), thread(of)).uuid() };
    let event = SubscriptionEvent::Read { thread: thread(of), user: user(who), upto, device };
    let mut draft = Draft::new(n).on(stream, version);
    draft.0.events.push(codec::encode(stream, version + 1, &event.into()));
    draft
}

pub async fn a_reading_is_the_first_that_went_as_far(log: Arc<dyn EventLog>) {
    let device = Some(DeviceId::new(id(7, 1)));
    // Between them, more than a number of one digit: they are compared as numbers.
    record_all(&*log, [reading(1, 1, 1, 3, 0, device), reading(2, 1, 1, 9, 1, None), reading(3, 1, 1, 20, 2, device)]).await;
    let times: Vec<_> = everything(&*log).await.into_iter().map(|recorded| recorded.at).collect();
    for (position, nth, device) in [(1, 0, device), (3, 0, device), (4, 1, None), (9, 1, None), (10, 2, device), (20, 2, device)] {
        let readings = log.readings(thread(1), Position(position), &[user(1)]).await.expect("readable");
        assert_eq!(readings, [Reading { user: user(1), at: times[nth], device }], "position {position}");
    }
    assert_eq!(log.readings(thread(1), Position(21), &[user(1)]).await.expect("readable"), []);
}

pub async fn readings_are_of_the_thread_and_the_users_asked_for(log: Arc<dyn EventLog>) {
    // A message of the thread, a reading of another thread, and what is no reading but says a position.
    let mut muted = reading(4, 3, 1, 9, 0, None);
    muted.0.events[0].event_type = "subscription.muted".to_owned();
    record_all(&*log, [event(1).in_thread(thread(1)), reading(2, 1, 1, 5, 0, None), reading(3, 2, 2, 5, 0, None), muted]).await;
    let readings = async |of, users: &[UserId]| -> Vec<UserId> {
        let readings = log.readings(thread(of), Position(4), users).await.expect("readable");
        readings.into_iter().map(|reading| reading.user).collect()
    };
    let everybody = [user(1), user(2), user(3)];
    assert_eq!(readings(1, &everybody).await, [user(1)]);
    assert_eq!(readings(2, &everybody).await, [user(2)]);
    assert_eq!(readings(1, &[user(2), user(3)]).await, []);
    assert_eq!(readings(1, &[]).await, []);
    assert_eq!(readings(1, &[UserId::new(Uuid::nil())]).await, []);
}
