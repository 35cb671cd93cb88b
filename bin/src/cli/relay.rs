//! `posthaste relay`: who takes the log to the broker, and how far they are.

use std::path::Path;

use clap::Subcommand;
use posthaste_application::port::lease::RelayStatus;
use serde_json::json;

use super::Target;
use crate::cli::out::say;
use crate::compose::{self, Audit};

/// See how the relay is doing.
#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Who relays, since which epoch, and how far behind the log they are
    Status(Target),
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: &RelayCommand) -> anyhow::Result<()> {
    let RelayCommand::Status(target) = command;
    let Audit { log, relay, .. } = compose::audit(&target.load(file)?).await?;
    // In this order: what was confirmed by then is in the log by now.
    let RelayStatus { epoch, holder, checkpoint } = relay.status().await?;
    let head = log.head().await?.position;
    let lag = head.0.saturating_sub(checkpoint.0);
    if target.json {
        // What is published and not confirmed is in the relay's memory: of what is behind the checkpoint it may be all, and nothing else.
        let status = json!({
            "leader": holder, "epoch": epoch, "checkpoint": checkpoint, "head": head, "lag": lag, "unconfirmed_at_most": lag,
            "beyond_head": checkpoint > head,
        });
        say!("{status}");
        return Ok(());
    }
    let leader = holder.map_or_else(|| "nobody relays".to_owned(), |holder| format!("{holder} relays"));
    say!("{leader}, in epoch {epoch}");
    if checkpoint > head {
        say!("the checkpoint {checkpoint} is beyond the log, which ends at {head}: the log was put back to an earlier state");
        return Ok(());
    }
    say!("the broker has confirmed everything up to position {checkpoint}; the log is at {head}, {lag} events further");
    if lag > 0 {
        say!(
            "how many of those are published, and only not confirmed yet, is known to the relay alone: posthaste_relay_unconfirmed \
             on its /metrics"
        );
    }
    Ok(())
}
