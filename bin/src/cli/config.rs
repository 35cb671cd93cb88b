//! `posthaste config`: what is in force.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use crate::cli::out::say;
use crate::compose;

/// Look at the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print what is in force, secrets hidden
    Print {
        /// JSON instead of TOML
        #[arg(long)]
        json: bool,
    },
    /// Say whether it can be used as it stands; connects to nothing
    Check {
        /// One JSON object, also when it cannot
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
pub(crate) fn run(file: Option<&Path>, command: &ConfigCommand) -> anyhow::Result<()> {
    let config = super::load(file, None, None);
    match command {
        ConfigCommand::Print { json: true } => say!("{}", serde_json::to_string(&config?)?),
        ConfigCommand::Print { json: false } => say!("{}", toml::to_string(&config?)?.trim_end()),
        ConfigCommand::Check { json } => {
            let checked = config.and_then(|config| compose::check(&config));
            if *json {
                let reason = checked.as_ref().err().map(|error| format!("{error:#}"));
                say!("{}", json!({ "usable": checked.is_ok(), "reason": reason }));
            }
            checked?;
            if !json {
                say!("the configuration can be used");
            }
        }
    }
    Ok(())
}
