//! `posthaste migrate`: brings the schema up to date.

use serde_json::json;

use crate::cli::out::say;
use crate::compose;
use crate::config::Config;

/// Brings it up to date, and says what was done to it.
pub(crate) async fn run(config: anyhow::Result<Config>, json: bool) -> anyhow::Result<()> {
    let migrated = compose::migrate(config).await?;
    if json {
        say!("{}", json!({ "schema": migrated.schema, "applied": migrated.applied }));
    }
    Ok(())
}
