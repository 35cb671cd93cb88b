//! `posthaste webhooks`: how they are doing, and what they did not take.

use std::path::Path;

use anyhow::ensure;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use posthaste_application::port::Webhooks;
use posthaste_application::port::webhooks::{DeadLetter, EndpointStatus};
use posthaste_application::recorded::Position;
use serde_json::json;

use super::Target;
use crate::compose;

/// Dead letters read at once.
const READ: usize = 1_000;

/// See how webhooks are doing, and give them what they did not take.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// How every endpoint is doing
    Status(Target),
    /// The events that an endpoint did not take and that are not sent any more, oldest first
    Dead {
        /// The name of the endpoint
        endpoint: String,
        #[command(flatten)]
        target: Target,
    },
    /// Send dead letters again, before anything newer
    Replay {
        /// The name of the endpoint
        endpoint: String,
        /// Only the event at this position
        #[arg(long)]
        position: Option<u64>,
        #[command(flatten)]
        target: Target,
    },
    /// Go on sending to an endpoint that was disabled
    Enable {
        /// The name of the endpoint
        endpoint: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: WebhooksCommand) -> anyhow::Result<()> {
    let (WebhooksCommand::Status(target)
    | WebhooksCommand::Dead { target, .. }
    | WebhooksCommand::Replay { target, .. }
    | WebhooksCommand::Enable { target, .. }) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let webhooks = compose::webhooks(&config).await?;
    match command {
        WebhooksCommand::Status(_) => status(&*webhooks, json).await,
        WebhooksCommand::Dead { endpoint, .. } => dead(&*webhooks, &endpoint, json).await,
        WebhooksCommand::Replay { endpoint, position, .. } => {
            known(&*webhooks, &endpoint).await?;
            let replayed = webhooks.replay(&endpoint, position.map(Position)).await?;
            let said = if json { json!({ "replayed": replayed }).to_string() } else { format!("{replayed} dead letters are sent again") };
            println!("{said}");
            Ok(())
        }
        WebhooksCommand::Enable { endpoint, .. } => {
            known(&*webhooks, &endpoint).await?;
            let enabled = webhooks.enable(&endpoint).await?;
            let plain = if enabled { "enabled" } else { "it was not disabled" };
            println!("{}", if json { json!({ "enabled": enabled }).to_string() } else { plain.to_owned() });
            Ok(())
        }
    }
}

async fn known(webhooks: &dyn Webhooks, endpoint: &str) -> anyhow::Result<()> {
    let known = webhooks.status().await?.iter().any(|status| status.endpoint == endpoint);
    ensure!(known, "there is no webhook {endpoint}: `posthaste webhooks status` shows those that there are");
    Ok(())
}

async fn status(webhooks: &dyn Webhooks, json: bool) -> anyhow::Result<()> {
    let taken = webhooks.taken().await?;
    for status in webhooks.status().await? {
        if json {
            let mut line = serde_json::to_value(&status)?;
            line["taken"] = json!(taken);
            println!("{line}");
        } else {
            println!("{}", in_words(&status));
        }
    }
    Ok(())
}

fn in_words(status: &EndpointStatus) -> String {
    let EndpointStatus { endpoint, waiting, dead, tries, .. } = status;
    let state = match (status.disabled_at, status.failing_since) {
        (Some(since), _) => format!("disabled since {}", time(since)),
        (None, Some(since)) => format!("failing since {}", time(since)),
        (None, None) => "well".to_owned(),
    };
    let oldest = status.oldest.map_or(String::new(), |oldest| format!(", the oldest at {oldest}, tried {tries} times"));
    format!("{endpoint}: {state}; {waiting} waiting{oldest}; {dead} dead letters")
}

async fn dead(webhooks: &dyn Webhooks, endpoint: &str, json: bool) -> anyhow::Result<()> {
    known(webhooks, endpoint).await?;
    let mut after = Position::START;
    loop {
        let letters = webhooks.dead(endpoint, after, READ).await?;
        for letter in &letters {
            let DeadLetter { position, tries, reason, died_at } = letter;
            let plain = || format!("{position:>8}  {}  after {tries} tries: {reason}", time(*died_at));
            println!("{}", if json { serde_json::to_string(letter)? } else { plain() });
        }
        match letters.last() {
            Some(last) if letters.len() == READ => after = last.position,
            Some(_) | None => return Ok(()),
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
