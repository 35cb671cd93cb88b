//! The same pairs on longer and longer logs: what a message costs must not depend on what was said before.

use std::time::Duration;

use serde_json::json;

use super::log::fill;
use super::talk::{Writers, cast_pairs, talk};
use crate::cli::Options;
use crate::report::Report;
use crate::stand::Ground;

/// How long a server may take until its views have all of a log.
const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) async fn growth(ground: &Ground, options: &Options, lengths: &[u64], pairs: usize, window: u32) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for events in lengths.iter().copied() {
        let parameters =
            vec![("events", json!(events)), ("pairs", json!(pairs)), ("window", json!(window)), ("seconds", json!(options.seconds))];
        let mut stand = ground.stand().await?;
        let events = fill(&stand, events).await?;
        stand.start().await?;
        stand.ready(events, PATIENCE).await?;
        let cast = cast_pairs(&mut stand, pairs, window, Writers::Both).await?;
        reports.push(talk(ground, options, Report::new("growth", ground.profile, parameters), stand, cast).await?);
    }
    Ok(reports)
}
