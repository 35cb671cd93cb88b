//! What an operator does with a long log: verify it, build the views of it anew, start a server on it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_tests::generator::Generator;
use posthaste_tests::node::{posthaste_with, run as run_command};
use serde_json::json;

use crate::cli::Options;
use crate::machine::Look;
use crate::measure::shares;
use crate::report::{Figures, Report};
use crate::stand::{Ground, Stand};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// `posthaste log verify`: every link of the chain.
pub(super) async fn verify(ground: &Ground, options: &Options, events: u64) -> anyhow::Result<Report> {
    let mut report = Report::new("verify", ground.profile, vec![("events", json!(events))]);
    let stand = ground.stand().await?;
    let events = fill(&stand, events).await?;
    for _ in 0..options.runs {
        let (seconds, said) = command(&stand, &["log", "verify", "--json"]).await?;
        ensure!(said.contains(&format!("\"to\":{events}")), "of {events} events it said: {said}");
        let mut figures = Figures::default();
        figures.add("events_per_s", events as f64 / seconds);
        figures.add("verify_s", seconds);
        report.add(figures);
    }
    Ok(report)
}

/// The timeline anew. In the embedded profile, where it is built at every start: how long it takes until a server has all of it and is ready.
pub(super) async fn rebuild(ground: &Ground, options: &Options, events: u64) -> anyhow::Result<Report> {
    let mut report = Report::new("rebuild", ground.profile, vec![("events", json!(events))]);
    let mut stand = ground.stand().await?;
    let events = fill(&stand, events).await?;
    let is_stored = stand.data().is_none();
    // What is stored is brought to where the live one is, and all of it is relayed: only whoever starts first on a log does that as well.
    stand.start().await?;
    stand.ready(events, PATIENCE).await?;
    stand.relayed(events, PATIENCE).await?;
    stand.stop().await?;
    for _ in 0..options.runs {
        report.add(if is_stored { rebuilt(&stand, events).await? } else { start(&mut stand, events).await? });
    }
    Ok(report)
}

async fn rebuilt(stand: &Stand, events: u64) -> anyhow::Result<Figures> {
    let (seconds, said) = command(stand, &["views", "rebuild", "timeline", "--json"]).await?;
    ensure!(said.contains(&format!("\"position\":{events}")), "of {events} events it said: {said}");
    let mut figures = Figures::default();
    figures.add("events_per_s", events as f64 / seconds);
    figures.add("rebuild_s", seconds);
    Ok(figures)
}

/// Starts a server, and stops it when it has taken everything into every view.
async fn start(stand: &mut Stand, events: u64) -> anyhow::Result<Figures> {
    let (before, begun) = (Look::take(), Instant::now());
    stand.start().await?;
    stand.ready(events, PATIENCE).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut figures = Figures::default();
    figures.add("events_per_s", events as f64 / seconds);
    figures.add("cold_start_s", seconds);
    figures.extend(shares(&[before, Look::take()]));
    stand.stop().await?;
    Ok(figures)
}

/// Makes a log up, and gives how long it is.
pub(super) async fn fill(stand: &Stand, events: u64) -> anyhow::Result<u64> {
    stand
        .write(async |log| {
            let mut generator = Generator::new(1);
            generator.fill(log, events, |_| {}).await?;
            Ok(generator.events())
        })
        .await
}

/// Runs one of the binary's commands to its end; gives how long it took, and what it said.
async fn command(stand: &Stand, arguments: &[&str]) -> anyhow::Result<(f64, String)> {
    let mut command = posthaste_with(stand.settings(), arguments);
    command.args(stand.data().into_iter().flat_map(|data| ["--data".as_ref(), data.as_os_str()]));
    let begun = Instant::now();
    let output = run_command(command, PATIENCE).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8(output.stdout).context("it says text")?;
    ensure!(output.status.success(), "{arguments:?}, {}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok((seconds, said))
}
