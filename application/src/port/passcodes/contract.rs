//! What every passcode store does, as tests that any adapter runs; see [`crate::passcodes_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use posthaste_domain::{CommandId, PasscodeId, ThreadId, UserId};
use uuid::Uuid;

use super::{Attempt, Passcodes};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Passcodes>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! passcodes_contract {
    ($fresh:path) => {
        $crate::passcodes_contract! { $fresh =>
            a_passcode_that_was_kept_is_found_and_stays
            tries_are_counted_for_each_user_and_thread
            a_try_that_is_repeated_counts_once
            tries_of_long_ago_do_not_count
            tries_can_be_forgotten
            tries_at_once_are_all_counted
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (passcodes, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::passcodes::contract::$behaviour(passcodes).await;
            }
        )+
    };
}

fn passcode(n: u64) -> PasscodeId {
    PasscodeId::new(Uuid::from_u64_pair(3, n))
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(1, n))
}

fn thread(n: u64) -> ThreadId {
    ThreadId::new(Uuid::from_u64_pair(2, n))
}

fn minute(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(n)
}

/// Counts a try of the user at the thread, since minute 0.
async fn attempt(passcodes: &dyn Passcodes, who: u64, at: u64, command: u64) -> u32 {
    let command = CommandId::new(Uuid::from_u64_pair(4, command));
    let attempt = Attempt { user: user(who), thread: thread(at), command, at: minute(1) };
    passcodes.attempt(&attempt, minute(0)).await.expect("the store counts")
}

pub async fn a_passcode_that_was_kept_is_found_and_stays(passcodes: Arc<dyn Passcodes>) {
    assert_eq!(passcodes.find(passcode(1)).await.expect("the store can be read"), None);
    for hash in ["$first", "$second"] {
        passcodes.keep(passcode(1), hash).await.expect("the store takes it");
    }
    assert_eq!(passcodes.find(passcode(1)).await.expect("the store can be read").as_deref(), Some("$first"));
    assert_eq!(passcodes.find(passcode(2)).await.expect("the store can be read"), None);
}

pub async fn tries_are_counted_for_each_user_and_thread(passcodes: Arc<dyn Passcodes>) {
    assert_eq!(attempt(&*passcodes, 1, 1, 1).await, 1);
    assert_eq!(attempt(&*passcodes, 1, 1, 2).await, 2);
    assert_eq!(attempt(&*passcodes, 2, 1, 3).await, 1);
    assert_eq!(attempt(&*passcodes, 1, 2, 4).await, 1);
}

pub async fn a_try_that_is_repeated_counts_once(passcodes: Arc<dyn Passcodes>) {
    for _ in 0..3 {
        assert_eq!(attempt(&*passcodes, 1, 1, 1).await, 1);
    }
}

pub async fn tries_of_long_ago_do_not_count(passcodes: Arc<dyn Passcodes>) {
    attempt(&*passcodes, 1, 1, 1).await;
    let late = Attempt { user: user(1), thread: thread(1), command: CommandId::new(Uuid::from_u128(9)), at: minute(20) };
    assert_eq!(passcodes.attempt(&late, minute(10)).await.expect("the store counts"), 1);
}

pub async fn tries_can_be_forgotten(passcodes: Arc<dyn Passcodes>) {
    for command in 1..=4 {
        attempt(&*passcodes, 1, 1, command).await;
    }
    attempt(&*passcodes, 1, 2, 5).await;
    passcodes.forget_attempts(user(1), thread(1)).await.expect("the store forgets");
    assert_eq!(attempt(&*passcodes, 1, 1, 6).await, 1);
    assert_eq!(attempt(&*passcodes, 1, 2, 7).await, 2);
}

pub async fn tries_at_once_are_all_counted(passcodes: Arc<dyn Passcodes>) {
    let mut counts = join_all((1..=20).map(|command| attempt(&*passcodes, 1, 1, command))).await;
    counts.sort_unstable();
    assert_eq!(counts.last(), Some(&20), "{counts:?}");
    assert!(attempt(&*passcodes, 1, 1, 21).await == 21);
}
