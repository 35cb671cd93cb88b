//! `posthaste log tail`: the newest events, and those that come.

use std::time::Duration;

use clap::Args;
use posthaste_application::audit::filter::Filter;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, Recorded};
use tokio::time::timeout;

use super::print::{to_json, to_line};
use super::wanted::Wanted;
use super::{READ, Target};
use crate::cli::out::say;
use crate::cli::progress;

/// How often a followed log is looked at when nothing wakes us.
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// How many, of those that are wanted
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: u64,
    /// Go on as events come
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    pub(super) target: Target,
}

/// Shows the newest events, and those that come if asked to.
pub(super) async fn run(log: &dyn EventLog, tail: &Tail) -> anyhow::Result<()> {
    let (filter, head) = (tail.wanted.filter(), log.head().await?.position);
    let (first, last) = tail.wanted.range(head);
    let mut position = begin(log, &filter, first, last, tail.lines).await?;
    // What comes is wanted as far as it was said, and else to no end.
    let end = tail.wanted.to.map(Position).or_else(|| (!tail.follow).then_some(head));
    loop {
        let events = log.read(position, READ).await?;
        for event in &events {
            position = event.position;
            if end.is_none_or(|end| position <= end) && filter.wants(event) {
                show(event, tail.target.json);
            }
        }
        if end.is_some_and(|end| position >= end) || (events.len() < READ && !tail.follow) {
            return Ok(());
        }
        if events.len() < READ {
            tokio::select! {
                _ = timeout(POLL, log.grown(position)) => {}
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
            }
        }
    }
}

fn show(event: &Recorded, json: bool) {
    if json { say!("{}", to_json(event)) } else { say!("{}", to_line(event)) }
}

/// After which position the last so many of those that are wanted are.
async fn begin(log: &dyn EventLog, filter: &Filter, first: Position, last: Position, mut lines: u64) -> anyhow::Result<Position> {
    if filter.is_everything() {
        return Ok(first.max(Position(last.0.saturating_sub(lines))));
    }
    let bar = progress::events("find", last.0.saturating_sub(first.0));
    let mut upto = last;
    while lines > 0 && upto > first {
        let after = first.max(Position(upto.0.saturating_sub(READ as u64)));
        let events = log.read(after, usize::try_from(upto.0 - after.0).unwrap_or(READ)).await?;
        bar.inc(upto.0 - after.0);
        for event in events.iter().rev().filter(|event| filter.wants(event)) {
            lines -= 1;
            if lines == 0 {
                bar.finish_and_clear();
                return Ok(Position(event.position.0 - 1));
            }
        }
        upto = after;
    }
    bar.finish_and_clear();
    Ok(if lines == 0 { last } else { first })
}
