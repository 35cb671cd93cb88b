//! `posthaste`: the server and everything an operator does with it. This file only parses and matches.

mod cli;
mod client;
mod compose;
mod config;
mod demo;
mod log;
mod readiness;
mod roles;
mod serve;
mod webhooks;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command, ConfigCommand, LogCommand};

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let quiet = matches!(
        command,
        Command::Demo { .. } | Command::Log { .. } | Command::Webhooks { .. } | Command::Config { .. } | Command::Healthcheck
    );
    cli::init_logs(quiet);
    let done = match command {
        Command::Serve { roles, data, listen } => serve::serve(cli::load(config.as_deref(), data, listen), roles).await,
        Command::Migrate => compose::migrate(cli::load(config.as_deref(), None, None)).await,
        Command::Log { command: LogCommand::Tail { data, lines, follow, json } } => {
            log::tail(cli::load(config.as_deref(), data, None), lines, follow, json).await
        }
        Command::Log { command: LogCommand::Verify { data, json } } => log::verify(cli::load(config.as_deref(), data, None), json).await,
        Command::Webhooks { command } => webhooks::run(config.as_deref(), command).await,
        Command::Config { command: ConfigCommand::Print } => cli::print_config(cli::load(config.as_deref(), None, None)),
        Command::Demo { data, json } => demo::demo(data, json).await,
        Command::Healthcheck => client::healthcheck(cli::load(config.as_deref(), None, None)).await,
    };
    cli::exit(done)
}
