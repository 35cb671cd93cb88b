//! `posthaste config`: what is in force.

use std::path::Path;

use clap::Subcommand;

use crate::compose;

/// Look at the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print what is in force, secrets hidden
    Print,
    /// Say whether it can be used as it stands; connects to nothing
    Check,
}

/// Does what is asked.
pub(crate) fn run(file: Option<&Path>, command: &ConfigCommand) -> anyhow::Result<()> {
    let config = super::load(file, None, None)?;
    match command {
        ConfigCommand::Print => print!("{}", toml::to_string(&config)?),
        ConfigCommand::Check => {
            compose::check(&config)?;
            println!("the configuration can be used");
        }
    }
    Ok(())
}
