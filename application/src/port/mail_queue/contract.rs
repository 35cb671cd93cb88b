//! What every queue of mails does, as tests that any adapter runs; see [`crate::mail_queue_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::{DeadMail, KEPT, MailQueue, MailQueueStatus, MailSettlement, OwedMail, TakenMail};
use crate::port::one_time::Purpose;

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// queue of its own (`Arc<dyn MailQueue>`) and whatever must live as long as the queue.
#[macro_export]
macro_rules! mail_queue_contract {
    ($fresh:path) => {
        $crate::mail_queue_contract! { $fresh =>
            a_mail_is_taken_as_it_was_put_in
            one_that_waits_is_not_put_in_again
            those_due_longest_are_taken_first_and_no_more_than_asked_for
            what_one_has_taken_nobody_else_gets_until_its_time_is_over
            of_many_who_take_at_once_each_mail_goes_to_one
            what_is_done_is_gone
            what_failed_comes_again_when_it_is_due
            whoever_was_too_slow_settles_nothing
            what_was_given_up_is_shown_and_not_taken_again
            what_was_given_up_long_ago_is_forgotten
            what_is_owed_to_an_address_is_forgotten_with_it
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (queue, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::mail_queue::contract::$behaviour(queue).await;
            }
        )+
    };
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 123_456_000).expect("a time")
}

fn mail(n: u64, second: i64) -> OwedMail {
    let purpose = Purpose::ALL[usize::from(n.is_multiple_of(2))];
    let to = Email::parse(&format!("Ann+{n}@Example.org")).expect("an address");
    OwedMail { id: Uuid::from_u64_pair(4, n), purpose, to, queued_at: at(second) }
}

async fn put(queue: &dyn MailQueue, mail: &OwedMail) {
    queue.put(mail).await.expect("the queue takes the mail");
}

async fn take(queue: &dyn MailQueue, now: i64, most: usize) -> Vec<TakenMail> {
    queue.take(at(now), at(now + 60), most).await.expect("the queue gives what is due")
}

async fn settle(queue: &dyn MailQueue, taken: &TakenMail, came: MailSettlement) -> bool {
    queue.settle(taken, &came).await.expect("the queue keeps what came of it")
}

async fn status(queue: &dyn MailQueue) -> MailQueueStatus {
    queue.status().await.expect("the queue says how it is doing")
}

fn dead(reason: &str, second: i64) -> MailSettlement {
    MailSettlement::Dead { reason: reason.to_owned(), at: at(second) }
}

pub async fn a_mail_is_taken_as_it_was_put_in(queue: Arc<dyn MailQueue>) {
    assert_eq!(take(&*queue, 0, 10).await, []);
    assert_eq!(status(&*queue).await, MailQueueStatus::default());
    for n in [1, 2] {
        put(&*queue, &mail(n, 0)).await;
        assert_eq!(take(&*queue, 0, 10).await, [TakenMail { mail: mail(n, 0), tries: 1 }]);
    }
    assert_eq!(status(&*queue).await, MailQueueStatus { waiting: 2, oldest: Some(at(0)), dead: 0 });
}

pub async fn one_that_waits_is_not_put_in_again(queue: Arc<dyn MailQueue>) {
    let first = mail(1, 0);
    put(&*queue, &first).await;
    put(&*queue, &first).await;
    let again = OwedMail { to: Email::parse("ANN+1@example.ORG").expect("an address"), queued_at: at(1), ..mail(3, 1) };
    assert_eq!(again.purpose, first.purpose);
    put(&*queue, &again).await;
    let taken = take(&*queue, 9, 10).await;
    assert_eq!(taken, [TakenMail { mail: first.clone(), tries: 1 }]);
    put(&*queue, &again).await;
    assert_eq!(take(&*queue, 9, 10).await, [], "it is being sent");
    // For something else it is another, and once it is done with it can be asked for again.
    let other = OwedMail { purpose: mail(2, 0).purpose, ..mail(4, 2) };
    put(&*queue, &OwedMail { to: first.to.clone(), ..other }).await;
    assert_eq!(take(&*queue, 9, 10).await.len(), 1);
    assert!(settle(&*queue, &taken[0], MailSettlement::Done).await);
    put(&*queue, &again).await;
    assert_eq!(take(&*queue, 9, 10).await, [TakenMail { mail: again.clone(), tries: 1 }]);
    assert!(settle(&*queue, &TakenMail { mail: again, tries: 1 }, dead("no", 9)).await);
    put(&*queue, &OwedMail { id: Uuid::from_u64_pair(4, 5), ..first }).await;
    assert_eq!(take(&*queue, 9, 10).await.len(), 1, "what was given up does not wait");
}

pub async fn those_due_longest_are_taken_first_and_no_more_than_asked_for(queue: Arc<dyn MailQueue>) {
    for (n, second) in [(1, 3), (2, 1), (3, 2), (4, 100)] {
        put(&*queue, &mail(n, second)).await;
    }
    let ids = |taken: Vec<TakenMail>| taken.into_iter().map(|taken| taken.mail.id.as_u64_pair().1).collect::<BTreeSet<_>>();
    assert_eq!(ids(take(&*queue, 9, 2).await), [2, 3].into());
    assert_eq!(ids(take(&*queue, 9, 2).await), [1].into());
    assert_eq!(ids(take(&*queue, 9, 2).await), [].into(), "the last one is not due yet");
}

pub async fn what_one_has_taken_nobody_else_gets_until_its_time_is_over(queue: Arc<dyn MailQueue>) {
    put(&*queue, &mail(1, 0)).await;
    assert_eq!(take(&*queue, 0, 10).await.len(), 1);
    assert_eq!(take(&*queue, 59, 10).await, []);
    assert_eq!(take(&*queue, 60, 10).await, [TakenMail { mail: mail(1, 0), tries: 2 }]);
}

pub async fn of_many_who_take_at_once_each_mail_goes_to_one(queue: Arc<dyn MailQueue>) {
    for n in 0..20 {
        put(&*queue, &mail(n, 0)).await;
    }
    let taken = join_all((0..20).map(|_| take(&*queue, 0, 3))).await.concat();
    let mut ids: Vec<_> = taken.iter().map(|taken| taken.mail.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), taken.len()), (taken.len(), 20.min(taken.len())), "one was taken twice");
    // Those who came at the same time may have been given nothing, and what is left is there.
    assert_eq!(taken.len() + take(&*queue, 0, 20).await.len(), 20);
}

pub async fn what_is_done_is_gone(queue: Arc<dyn MailQueue>) {
    put(&*queue, &mail(1, 0)).await;
    put(&*queue, &mail(2, 1)).await;
    let taken = take(&*queue, 9, 1).await;
    assert!(settle(&*queue, &taken[0], MailSettlement::Done).await);
    assert!(!settle(&*queue, &taken[0], MailSettlement::Done).await, "once");
    assert_eq!(status(&*queue).await, MailQueueStatus { waiting: 1, oldest: Some(at(1)), dead: 0 });
    assert_eq!(take(&*queue, 1_000, 10).await, [TakenMail { mail: mail(2, 1), tries: 1 }]);
}

pub async fn what_failed_comes_again_when_it_is_due(queue: Arc<dyn MailQueue>) {
    put(&*queue, &mail(1, 0)).await;
    let taken = take(&*queue, 0, 1).await;
    assert!(settle(&*queue, &taken[0], MailSettlement::Retry { due_at: at(30) }).await);
    assert_eq!(take(&*queue, 29, 1).await, []);
    assert_eq!(take(&*queue, 30, 1).await, [TakenMail { mail: mail(1, 0), tries: 2 }]);
}

pub async fn whoever_was_too_slow_settles_nothing(queue: Arc<dyn MailQueue>) {
    put(&*queue, &mail(1, 0)).await;
    let slow = take(&*queue, 0, 1).await;
    let fast = take(&*queue, 60, 1).await;
    for came in [MailSettlement::Done, MailSettlement::Retry { due_at: at(0) }, dead("slow", 61)] {
        assert!(!settle(&*queue, &slow[0], came).await);
    }
    assert_eq!(take(&*queue, 61, 1).await, []);
    assert_eq!(status(&*queue).await.waiting, 1);
    assert!(settle(&*queue, &fast[0], MailSettlement::Done).await);
}

pub async fn what_was_given_up_is_shown_and_not_taken_again(queue: Arc<dyn MailQueue>) {
    for n in 1..=3 {
        put(&*queue, &mail(n, 0)).await;
    }
    for (n, taken) in (1..).zip(take(&*queue, 0, 2).await) {
        assert!(settle(&*queue, &taken, dead(&format!("it answered 55{n}"), n)).await);
        assert!(!settle(&*queue, &taken, MailSettlement::Done).await, "it was given up");
    }
    let taken = take(&*queue, 1_000, 10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(status(&*queue).await, MailQueueStatus { waiting: 1, oldest: Some(at(0)), dead: 2 });
    let shown = queue.dead(10).await.expect("shown");
    let reasons: Vec<_> = shown.iter().map(|dead| (dead.reason.as_str(), dead.died_at, dead.tries)).collect();
    assert_eq!(reasons, [("it answered 552", at(2), 1), ("it answered 551", at(1), 1)]);
    let DeadMail { id, purpose, queued_at, .. } = shown[0];
    let put_in = (1..=3).map(|n| mail(n, 0)).find(|mail| mail.id == id).expect("it was put in");
    assert_eq!((purpose, queued_at), (put_in.purpose, at(0)));
    assert_eq!(queue.dead(1).await.expect("shown"), shown[..1]);
}

pub async fn what_was_given_up_long_ago_is_forgotten(queue: Arc<dyn MailQueue>) {
    let kept = KEPT.num_seconds();
    for (n, second) in [(1, 0), (2, 1), (3, kept)] {
        put(&*queue, &mail(n, 0)).await;
        let taken = queue.take(at(second), at(second) + TimeDelta::minutes(1), 1).await.expect("given");
        assert!(settle(&*queue, &taken[0], dead("no", second)).await);
    }
    let left: Vec<_> = queue.dead(10).await.expect("shown").into_iter().map(|dead| dead.died_at).collect();
    assert_eq!(left, [at(kept), at(1)]);
}

pub async fn what_is_owed_to_an_address_is_forgotten_with_it(queue: Arc<dyn MailQueue>) {
    put(&*queue, &mail(1, 0)).await;
    let given_up = take(&*queue, 0, 1).await;
    assert!(settle(&*queue, &given_up[0], dead("no", 0)).await);
    let taken = OwedMail { id: Uuid::from_u64_pair(4, 5), ..mail(1, 0) };
    put(&*queue, &taken).await;
    let taken = take(&*queue, 0, 1).await;
    put(&*queue, &OwedMail { to: mail(1, 0).to, ..mail(2, 0) }).await;
    let other = mail(3, 0);
    put(&*queue, &other).await;
    assert_eq!(status(&*queue).await, MailQueueStatus { waiting: 3, oldest: Some(at(0)), dead: 1 });
    queue.remove(&Email::parse("ANN+1@example.ORG").expect("an address")).await.expect("it forgets");
    assert_eq!(status(&*queue).await, MailQueueStatus { waiting: 1, oldest: Some(at(0)), dead: 0 });
    assert!(!settle(&*queue, &taken[0], MailSettlement::Retry { due_at: at(0) }).await);
    assert_eq!(take(&*queue, 1_000, 10).await, [TakenMail { mail: other, tries: 1 }]);
}
