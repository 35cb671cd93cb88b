//! `posthaste`: the server and everything an operator does with it. This file only parses and matches.

#![deny(clippy::print_stdout, reason = "whoever reads may go: `say!` knows that")]

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

/// Small things are made and let go of all the time, on every thread: see "What made it faster" in `docs/BENCHMARKS.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let quiet = matches!(
        command,
        Command::Demo { .. }
            | Command::Log { .. }
            | Command::Views { .. }
            | Command::Trace(_)
            | Command::Users { .. }
            | Command::Keys { .. }
            | Command::Relay { .. }
            | Command::Dead { .. }
            | Command::Webhooks { .. }
            | Command::Config { .. }
            | Command::Doctor { .. }
            | Command::Healthcheck { .. }
    );
    // A server knows only from its configuration where spans go.
    if !matches!(command, Command::Serve { .. }) {
        cli::init_logs(quiet, None);
    }
    let done = match command {
        Command::Serve { roles, data, listen } => serve::serve(cli::load(config.as_deref(), data, listen), roles).await,
        Command::Migrate { json } => cli::migrate::run(cli::load(config.as_deref(), None, None), json).await,
        Command::Log { command } => cli::log::run(config.as_deref(), command).await,
        Command::Views { command } => cli::views::run(config.as_deref(), command).await,
        Command::Trace(trace) => cli::trace::run(config.as_deref(), trace).await,
        Command::Users { command } => cli::users::run(config.as_deref(), command).await,
        Command::Keys { command } => cli::keys::run(config.as_deref(), command).await,
        Command::Relay { command } => cli::relay::run(config.as_deref(), &command).await,
        Command::Dead { command } => cli::dead::run(config.as_deref(), command).await,
        Command::Webhooks { command } => cli::webhooks::run(config.as_deref(), command).await,
        Command::Config { command } => cli::config::run(config.as_deref(), &command),
        Command::Doctor { target } => cli::doctor::run(config.as_deref(), &target).await,
        Command::Demo { data, json } => demo::demo(data, json).await,
        Command::Healthcheck { json } => cli::healthcheck::run(cli::load(config.as_deref(), None, None), json).await,
    };
    cli::exit(done)
}
