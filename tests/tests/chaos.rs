//! The promise, while everything happens to everything. `tests/chaos` does the same for as long as one likes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use anyhow::ensure;
use posthaste_tests::chaos::{Fault, Report, Setting, Turn, run, schedule};

/// How long the nemesis is at work, at least.
const SECONDS: u64 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_nothing_is_lost_doubled_reordered_or_made_up() -> anyhow::Result<()> {
    let setting = Setting { seed: 42, seconds: SECONDS, ..Setting::default() };
    eprintln!("{}", setting.replay());
    let report = run(setting).await?;
    println!("{report}");
    something_happened(&report)
}

/// What was proven was not nothing.
fn something_happened(report: &Report) -> anyhow::Result<()> {
    let faults = report.faults();
    let missing: Vec<_> = Fault::ALL.iter().filter(|fault| !faults.contains_key(fault)).collect();
    ensure!(missing.is_empty(), "these never happened: {missing:?}");
    let counts = &report.verdict.counts;
    ensure!(counts.ok == counts.sent && counts.sent > 500, "{counts}");
    ensure!(counts.retries > 0 && counts.duplicates > 0 && report.acks > 0, "nothing was ever cut off in the middle: {counts}");
    ensure!(report.unknown > 0 && report.answers_lost > 0, "no commit was ever cut off: {report}");
    ensure!(report.cuts > 0 && report.errands > 50, "{report}");
    Ok(())
}

#[test]
fn a_seed_decides_what_happens() {
    let turns = |seed| schedule(&Setting { seed, ..Setting::default() }).take(100).collect::<Vec<Turn>>();
    assert_eq!(turns(1), turns(1));
    assert_ne!(turns(1), turns(2));
}

#[test]
fn everything_happens_once_before_anything_happens_twice_or_with_something_else() {
    for seed in 0..100 {
        let turns: Vec<_> = schedule(&Setting { seed, ..Setting::default() }).take(Fault::ALL.len()).collect();
        assert!(turns.iter().all(|turn| turn.blows.len() == 1));
        let happened: BTreeSet<_> = turns.iter().map(|turn| turn.blows[0].fault).collect();
        assert_eq!(happened.len(), Fault::ALL.len());
    }
}

#[test]
fn later_two_different_things_happen_at_once() {
    let turns: Vec<_> = schedule(&Setting { seed: 7, ..Setting::default() }).skip(Fault::ALL.len()).take(200).collect();
    let two: Vec<_> = turns.iter().filter(|turn| turn.blows.len() == 2).collect();
    assert!(two.len() > 40 && two.len() < 120, "{} of 200", two.len());
    assert!(two.iter().all(|turn| turn.blows[0].fault != turn.blows[1].fault));
}
