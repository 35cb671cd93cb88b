//! `posthaste healthcheck`: whether the configured server is alive.

use serde_json::json;

use crate::cli::out::say;
use crate::client;
use crate::config::Config;

/// Asks it; fails when it is not.
pub(crate) async fn run(config: anyhow::Result<Config>, json: bool) -> anyhow::Result<()> {
    let alive = client::healthcheck(config).await;
    if json {
        let reason = alive.as_ref().err().map(|error| format!("{error:#}"));
        say!("{}", json!({ "alive": alive.is_ok(), "reason": reason }));
    }
    alive
}
