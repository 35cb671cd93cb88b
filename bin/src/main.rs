//! `posthaste`: the server and everything an operator does with it. This file only parses and matches.

mod cli;
mod client;
mod compose;
mod config;
mod demo;
mod readiness;
mod roles;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let quiet = matches!(
        command,
        Command::Demo { .. }
            | Command::Log { .. }
            | Command::Views { .. }
            | Command::Trace(_)
            | Command::Relay { .. }
            | Command::Webhooks { .. }
            | Command::Config { .. }
            | Command::Doctor { .. }
            | Command::Healthcheck
    );
    cli::init_logs(quiet);
    let done = match command {
        Command::Serve { roles, data, listen } => serve::serve(cli::load(config.as_deref(), data, listen), roles).await,
        Command::Migrate => compose::migrate(cli::load(config.as_deref(), None, None)).await,
        Command::Log { command } => cli::log::run(config.as_deref(), command).await,
        Command::Views { command } => cli::views::run(config.as_deref(), command).await,
        Command::Trace(trace) => cli::trace::run(config.as_deref(), trace).await,
        Command::Relay { command } => cli::relay::run(config.as_deref(), &command).await,
        Command::Webhooks { command } => cli::webhooks::run(config.as_deref(), command).await,
        Command::Config { command } => cli::config::run(config.as_deref(), &command),
        Command::Doctor { target } => cli::doctor::run(config.as_deref(), &target).await,
        Command::Demo { data, json } => demo::demo(data, json).await,
        Command::Healthcheck => client::healthcheck(cli::load(config.as_deref(), None, None)).await,
    };
    cli::exit(done)
}
