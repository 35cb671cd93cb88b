//! `posthaste webhooks`: how they are doing. What they did not take is among the dead letters.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use posthaste_application::port::Webhooks;
use posthaste_application::port::webhooks::EndpointStatus;
use posthaste_application::webhooks::{NotEnabled, enable};
use serde_json::json;

use super::Target;
use crate::cli::out::say;
use crate::compose::console::{Operator, operator};

/// See how webhooks are doing, and go on with one that was disabled.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// How every endpoint is doing
    Status(Target),
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
    let (WebhooksCommand::Status(target) | WebhooksCommand::Enable { target, .. }) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let Operator { webhooks, console, .. } = operator(&config).await?;
    match command {
        WebhooksCommand::Status(_) => status(&*webhooks, json).await,
        WebhooksCommand::Enable { endpoint, .. } => {
            let position = match enable(&console.executor, &*webhooks, console.envelope(), &endpoint).await {
                Ok(executed) => Some(executed.position),
                Err(NotEnabled::NotDisabled) => None,
                Err(error @ NotEnabled::Unknown(_)) => bail!("{error}: `posthaste webhooks status` shows those that there are"),
                Err(error) => return Err(error.into()),
            };
            let plain = position.map_or_else(|| "it was not disabled".to_owned(), |at| format!("enabled, recorded at position {at}"));
            let said = json!({ "enabled": position.is_some(), "position": position });
            say!("{}", if json { said.to_string() } else { plain });
            Ok(())
        }
    }
}

async fn status(webhooks: &dyn Webhooks, json: bool) -> anyhow::Result<()> {
    let taken = webhooks.taken().await?;
    for status in webhooks.status().await? {
        if json {
            let mut line = serde_json::to_value(&status)?;
            line["taken"] = json!(taken);
            say!("{line}");
        } else {
            say!("{}", in_words(&status));
        }
    }
    Ok(())
}

fn in_words(status: &EndpointStatus) -> String {
    let EndpointStatus { endpoint, waiting, dead, aside, tries, .. } = status;
    let state = match (status.disabled_at, status.failing_since) {
        (Some(since), _) => format!("disabled since {}", time(since)),
        (None, Some(since)) => format!("failing since {}", time(since)),
        (None, None) => "well".to_owned(),
    };
    let oldest = status.oldest.map_or(String::new(), |oldest| format!(", the oldest at {oldest}, tried {tries} times"));
    format!("{endpoint}: {state}; {waiting} waiting{oldest}; {dead} dead letters with {aside} events behind them")
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
