//! The checker finds what it is there to find: a history that keeps every promise passes, and each way of breaking one is caught as that.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a fixture that is not as it should be may well panic")]

#[path = "history_checker/commands.rs"]
mod commands;
#[path = "history_checker/devices.rs"]
mod devices;
#[path = "history_checker/good.rs"]
mod good;
#[path = "history_checker/log.rs"]
mod log;

use good::{LAPTOPS, Run};
use posthaste_tests::history::{Counts, Verdict};

#[test]
fn a_history_that_keeps_every_promise_passes_and_is_counted() {
    let counts = Counts {
        sent: 4,
        retries: 2,
        ok: 4,
        refused: 0,
        unanswered: 0,
        pushed: 26,
        duplicates: 2,
        owed: 24,
        devices: 3,
        connections: 4,
        events: 12,
    };
    assert_eq!(Run::good().check(), Verdict { violations: Vec::new(), counts });
}

#[test]
fn a_verdict_with_violations_is_an_error_that_names_them() {
    let mut run = Run::good();
    run.leave_out(LAPTOPS, 12);
    let error = run.check().clean().unwrap_err().to_string();
    assert!(error.contains("never received 12"), "{error}");
}
