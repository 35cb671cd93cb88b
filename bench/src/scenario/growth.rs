//! More and more of one thing, while as many messages are on their way: what a message costs must depend neither on what was said before, nor
//! on how many others talk.

use std::time::Duration;

use serde_json::json;

use super::log::fill;
use super::talk::{self, Writers, cast_pairs, talk};
use crate::cli::Options;
use crate::report::Report;
use crate::stand::Ground;

/// How long a server may take until its views have all of a log.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// Pairs that write on a log that is already long.
const PAIRS: u32 = 100;
/// How many are in a room.
const MEMBERS: usize = 20;
/// Most people there are; if rooms would have more, everybody is in several.
const PEOPLE: usize = 10_000;

/// The same pairs on longer and longer logs.
pub(super) async fn logs(ground: &Ground, options: &Options, lengths: &[u64], on_their_way: u32) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    let window = on_their_way / PAIRS;
    for events in lengths.iter().copied() {
        let parameters =
            vec![("events", json!(events)), ("pairs", json!(PAIRS)), ("window", json!(window)), ("seconds", json!(options.seconds))];
        let mut stand = ground.stand().await?;
        let events = fill(&stand, events).await?;
        stand.start().await?;
        stand.ready(events, PATIENCE).await?;
        let cast = cast_pairs(&mut stand, PAIRS as usize, window, Writers::One).await?;
        reports.push(talk(ground, options, Report::new("growth", ground.profile, parameters), stand, cast).await?);
    }
    Ok(reports)
}

/// More and more pairs, with a narrower and narrower window.
pub(super) async fn pairs(ground: &Ground, options: &Options, counts: &[usize], on_their_way: u32) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for pairs in counts.iter().copied() {
        reports.push(talk::pairs(ground, options, pairs, each(on_their_way, pairs)?, Writers::One).await?);
    }
    Ok(reports)
}

/// More and more rooms, and as many more people.
pub(super) async fn rooms(ground: &Ground, options: &Options, counts: &[usize], on_their_way: u32) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for rooms in counts.iter().copied() {
        let people = (rooms * MEMBERS).min(PEOPLE);
        reports.push(talk::rooms(ground, options, (rooms, MEMBERS, people), each(on_their_way, rooms)?).await?);
    }
    Ok(reports)
}

/// How many of the messages on their way are whose of so many.
fn each(on_their_way: u32, count: usize) -> anyhow::Result<u32> {
    Ok((on_their_way / u32::try_from(count)?).max(1))
}
