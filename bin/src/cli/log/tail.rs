//! `posthaste log tail`: the newest events, and those that come.

use std::time::Duration;

use posthaste_application::port::EventLog;
use posthaste_application::recorded::Position;
use tokio::time::timeout;

use super::READ;
use super::print::{to_json, to_line};

/// How often a followed log is looked at when nothing wakes us.
const POLL: Duration = Duration::from_millis(500);

/// Shows the newest events, and those that come if asked to.
pub(super) async fn run(log: &dyn EventLog, lines: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    let mut position = Position(log.head().await?.position.0.saturating_sub(lines));
    loop {
        let events = log.read(position, READ).await?;
        for event in &events {
            println!("{}", if json { to_json(event).to_string() } else { to_line(event) });
            position = event.position;
        }
        if events.len() < READ {
            if !follow {
                return Ok(());
            }
            tokio::select! {
                _ = timeout(POLL, log.grown(position)) => {}
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
            }
        }
    }
}
