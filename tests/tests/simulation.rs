//! Thousands of schedules of the whole service, and each guarantee broken on purpose.
//!
//! `SIMULATION_SEED=n` plays one schedule and shows what happens in it (with `--nocapture`); `SIMULATION_SCHEDULES=n` plays so many, and
//! `SIMULATION_FIRST=n` begins with another than the first.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use posthaste_tests::simulation::{Fault, Guarantee, Outcome, run};
use tokio::runtime::{Builder, Runtime};

/// How many schedules are played unless told otherwise.
const SCHEDULES: u64 = 2_000;
/// Within how many schedules each fault must be found out.
const CAUGHT_WITHIN: u64 = 300;

/// What the stores' blocking calls run on.
fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{name} is not a number: {number}")))
}

fn play(seed: u64, fault: Option<Fault>, traced: bool) -> Outcome {
    run(seed, fault, traced).unwrap()
}

/// Plays these schedules on every core, until `look` has seen enough.
fn play_all(seeds: std::ops::Range<u64>, fault: Option<Fault>, look: impl Fn(Outcome) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let runtime = runtime();
        let _entered = runtime.enter();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || !look(play(seed, fault, false)) {
                next.fetch_max(seeds.end, Ordering::Relaxed);
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
}

#[test]
fn every_guarantee_holds_in_thousands_of_schedules() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let runtime = runtime();
        let _entered = runtime.enter();
        let outcome = play(seed, None, true);
        println!("{}", outcome.trace.join("\n"));
        assert!(outcome.findings.is_empty(), "seed {seed}: {:#?}", outcome.findings);
        return;
    }
    let (played, failed) = (Mutex::new((0, 0, 0, 0)), Mutex::new(Vec::new()));
    let first = number("SIMULATION_FIRST").unwrap_or_default();
    play_all(first..first + number("SIMULATION_SCHEDULES").unwrap_or(SCHEDULES), None, |outcome| {
        let mut played = played.lock().unwrap();
        played.0 += 1;
        played.1 += outcome.counts.events;
        played.2 += outcome.counts.pushed;
        played.3 += outcome.counts.retries;
        if !outcome.findings.is_empty() {
            failed.lock().unwrap().push((outcome.seed, outcome.findings));
        }
        failed.lock().unwrap().len() < 5
    });
    let (schedules, events, pushed, retries) = played.into_inner().unwrap();
    println!("{schedules} schedules: {events} events recorded, {pushed} pushed, {retries} commands sent again");
    let failed = failed.into_inner().unwrap();
    for (seed, findings) in &failed {
        println!("SIMULATION_SEED={seed} plays this again: {findings:#?}");
    }
    assert!(failed.is_empty(), "{} schedules of {schedules} failed", failed.len());
}

#[test]
fn a_seed_gives_the_same_schedule_again() {
    let runtime = runtime();
    let _entered = runtime.enter();
    for seed in 0..12 {
        let (one, other) = (play(seed, None, true), play(seed, None, true));
        let differs = one.trace.iter().zip(&other.trace).position(|(one, other)| one != other);
        if let Some(line) = differs {
            panic!("seed {seed}, line {line}:\n{}\n{}", one.trace[line], other.trace[line]);
        }
        assert_eq!(one, other, "seed {seed}");
        assert!(one.trace.len() > 100, "seed {seed} is about nothing: {:?}", one.trace);
    }
}

/// What each fault breaks.
fn broken_by(fault: Fault) -> &'static [Guarantee] {
    match fault {
        Fault::AnswerBeforeCommit => &[Guarantee::OkIsDurable],
        Fault::CursorAhead => &[Guarantee::NoLoss],
        Fault::SkipPosition => &[Guarantee::NoLoss, Guarantee::NoHole],
        Fault::PushTwice => &[Guarantee::Once],
        Fault::PushOutOfOrder => &[Guarantee::Order],
        Fault::RetryUnderNewId => &[Guarantee::UnknownOutcomeIsSafe],
        Fault::DeliverAfterRemoval => &[Guarantee::RemovedMeansRemoved],
        Fault::ViewSkipsEvent => &[Guarantee::RebuildEqualsLive],
        Fault::NoWindow | Fault::Hoard => &[Guarantee::BoundedMemory],
        Fault::TrustBroker => &[Guarantee::NoLoss, Guarantee::ComesToRest],
        Fault::PublishBeforeCommit | Fault::CheckpointAhead => &[Guarantee::BrokerIsNotTruth],
        Fault::BlindVerifier => &[Guarantee::VerifyFindsTampering],
    }
}

#[test]
fn each_guarantee_that_is_broken_on_purpose_is_seen_to_be() {
    for fault in Fault::ALL {
        let caught = Mutex::new(None);
        play_all(0..CAUGHT_WITHIN, Some(fault), |outcome| {
            let found = outcome.findings.iter().find(|finding| broken_by(fault).contains(&finding.guarantee));
            let mut caught = caught.lock().unwrap();
            if let Some(found) = found {
                caught.get_or_insert((outcome.seed, found.clone()));
            }
            caught.is_none()
        });
        let (seed, finding) =
            caught.into_inner().unwrap().unwrap_or_else(|| panic!("{fault:?} was not noticed in {CAUGHT_WITHIN} schedules"));
        println!("{fault:?}: seed {seed}: {finding:?}");
    }
}
