//! The same pairs on one, two and three servers; the two of a pair are on different ones.

use anyhow::ensure;
use posthaste_tests::Profile;
use serde_json::json;

use super::talk::{Writers, cast_pairs, talk};
use crate::cli::Options;
use crate::report::Report;
use crate::stand::Ground;

pub(super) async fn nodes(ground: &Ground, options: &Options, most: usize, pairs: usize, window: u32) -> anyhow::Result<Vec<Report>> {
    ensure!(ground.profile == Profile::Distributed, "the embedded profile is one process");
    let mut reports = Vec::new();
    for nodes in 1..=most {
        let parameters =
            vec![("nodes", json!(nodes)), ("pairs", json!(pairs)), ("window", json!(window)), ("seconds", json!(options.seconds))];
        let mut stand = ground.stand().await?;
        for _ in 0..nodes {
            stand.start().await?;
        }
        let cast = cast_pairs(&mut stand, pairs, window, Writers::Both).await?;
        reports.push(talk(ground, options, Report::new("nodes", ground.profile, parameters), stand, cast).await?);
    }
    Ok(reports)
}
