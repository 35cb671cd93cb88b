//! `posthaste relay`: who takes the log to the broker, and how far they are.

use std::path::Path;

use clap::Subcommand;
use posthaste_application::port::lease::RelayStatus;
use serde_json::json;

use super::Target;
use crate::compose::{self, Audit};

/// See how the relay is doing.
#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Who relays, since which epoch, and how many events the broker has not confirmed yet
    Status(Target),
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: &RelayCommand) -> anyhow::Result<()> {
    let RelayCommand::Status(target) = command;
    let Audit { log, relay, .. } = compose::audit(&target.load(file)?).await?;
    // In this order: what was confirmed by then is in the log by now.
    let RelayStatus { epoch, holder, checkpoint } = relay.status().await?;
    let head = log.head().await?.position;
    let unconfirmed = head.0.saturating_sub(checkpoint.0);
    if target.json {
        let beyond = checkpoint > head;
        let status = json!({
            "leader": holder, "epoch": epoch, "checkpoint": checkpoint, "head": head, "unconfirmed": unconfirmed, "beyond_head": beyond,
        });
        println!("{status}");
        return Ok(());
    }
    let leader = holder.map_or_else(|| "nobody relays".to_owned(), |holder| format!("{holder} relays"));
    println!("{leader}, in epoch {epoch}");
    if checkpoint > head {
        println!("the checkpoint {checkpoint} is beyond the log, which ends at {head}: the log was put back to an earlier state");
    } else {
        println!("the broker has confirmed everything up to position {checkpoint}; the log is at {head}, {unconfirmed} events further");
    }
    Ok(())
}
