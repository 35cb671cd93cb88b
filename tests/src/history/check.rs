//! The checker: one pass over the log, one over the commands, one over each device.

mod commands;
mod devices;

use posthaste_application::chain::Verifier;

use super::obligations::Obligations;
use super::{Counts, Entry, Log, Verdict, Violation};

/// Compares what clients saw with what the log holds. The log must be at rest, and the history finished.
#[must_use]
pub fn check(history: &[Entry], log: &Log) -> Verdict {
    let mut violations = Vec::new();
    let mut counts = Counts { events: log.events.len(), ..Counts::default() };
    check_log(log, &mut violations);
    let obligations = Obligations::of(&log.events, &mut violations);
    commands::check(history, &obligations, &mut violations, &mut counts);
    devices::check(history, &obligations, &mut violations, &mut counts);
    Verdict { violations, counts }
}

/// Dense from 1, every link of the chain, and the end where the log says it is. Behind the first break nothing can be proven.
fn check_log(log: &Log, violations: &mut Vec<Violation>) {
    let mut verifier = Verifier::default();
    let walked = log.events.iter().try_for_each(|event| verifier.check(event));
    if let Err(broken) = walked.and_then(|()| verifier.finish(log.head)) {
        violations.push(Violation::Log(broken));
    }
}
