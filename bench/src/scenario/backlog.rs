//! Nobody has relayed for a long time; then somebody does, while people go on writing.

use std::time::{Duration, Instant};

use anyhow::ensure;
use posthaste_application::recorded::Position;
use posthaste_tests::bulk;
use serde_json::json;
use tokio::time::sleep;

use super::talk::{TOGETHER, Writers, cast_pairs};
use crate::cli::Options;
use crate::counters::Counters;
use crate::measure::measure;
use crate::proof;
use crate::report::{Figures, Report};
use crate::stand::{Ground, Stand};

/// Appends of one transaction.
const BATCH: u64 = 500;
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) async fn backlog(ground: &Ground, options: &Options, events: u64, pairs: usize) -> anyhow::Result<Report> {
    let parameters = vec![("events", json!(events)), ("pairs", json!(pairs)), ("seconds", json!(options.seconds))];
    let mut report = Report::new("backlog", ground.profile, parameters);
    for _ in 0..options.runs {
        let mut stand = ground.served().await?;
        let mut cast = cast_pairs(&mut stand, pairs, 1, Writers::Both).await?;
        cast.act(|crowd| crowd.connect(TOGETHER)).await?;
        cast.act(|crowd| {
            crowd.cut();
            Ok(())
        })
        .await?;
        stand.stop().await?;
        fill(&stand, events).await?;
        let all = proof::head(&stand).await?;
        let begun = Instant::now();
        stand.start().await?;
        let address = stand.address(0)?;
        cast.act(move |crowd| {
            crowd.move_to(address);
            crowd.connect(TOGETHER)
        })
        .await?;
        // The crowd is measured while the relay catches up; how it does is looked at from beside.
        let watched = tokio::spawn(caught_up(stand.bases(), all, begun));
        let load = measure(&mut stand, &mut cast, options.load()).await?;
        let seconds = watched.await??;
        let mut figures = Figures::default();
        figures.add("caught_up_s", seconds);
        figures.add("relayed_per_s", events as f64 / seconds);
        figures.extend(load);
        report.add(figures);
    }
    Ok(report)
}

/// Waits until the broker has everything up to a position; gives how long that was from the beginning.
async fn caught_up(bases: Vec<String>, all: Position, begun: Instant) -> anyhow::Result<f64> {
    loop {
        let checkpoint = Counters::of(&bases).await?.get("relay_checkpoint");
        if checkpoint >= all.0 as f64 {
            return Ok(begun.elapsed().as_secs_f64());
        }
        ensure!(begun.elapsed() < PATIENCE, "the relay has come to {checkpoint} of {all}");
        sleep(LOOK).await;
    }
}

async fn fill(stand: &Stand, events: u64) -> anyhow::Result<()> {
    stand
        .write(async |log| {
            for opened in log.append(&bulk::threads()).await? {
                opened?;
            }
            let mut from = 0;
            while from < events {
                let count = BATCH.min(events - from);
                for posted in log.append(&bulk::messages(from, count)).await? {
                    posted?;
                }
                from += count;
            }
            Ok(())
        })
        .await
}
