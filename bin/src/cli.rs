//! The command line. Each group of commands has a file: what it takes, and what it does.

pub(crate) mod config;
pub(crate) mod dead;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod interrupt;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod migrate;
pub(crate) mod out;
pub(crate) mod progress;
pub(crate) mod relay;
pub(crate) mod trace;
pub(crate) mod users;
pub(crate) mod views;
pub(crate) mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use posthaste_infrastructure::otlp::Otlp;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::Config;
use crate::roles::Role;

/// A chat backend whose promise is delivery.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// A configuration file; POSTHASTE_* variables win over it
    #[arg(long, global = true, env = "POSTHASTE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve people. Without any configuration: the embedded profile, data in ./posthaste-data, on 127.0.0.1:8080
    Serve {
        /// What this process does, separated by commas
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = Role::ALL)]
        roles: Vec<Role>,
        /// The data folder of the embedded profile
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
    },
    /// Bring the PostgreSQL schema up to date, as its owner
    Migrate {
        /// One JSON object: the version of the schema, and what was applied now
        #[arg(long)]
        json: bool,
    },
    /// Look at the event log
    Log {
        #[command(subcommand)]
        command: log::LogCommand,
    },
    /// See how far the views are, whether they are right, and rebuild them
    Views {
        #[command(subcommand)]
        command: views::ViewsCommand,
    },
    /// Follow one message, or any event: command, commit, broker, every device, every reader
    Trace(trace::TraceArgs),
    /// See who there is, and say who may do what
    Users {
        #[command(subcommand)]
        command: users::UsersCommand,
    },
    /// See what personal content is sealed by, and wrap its keys anew
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// See how the relay is doing
    Relay {
        #[command(subcommand)]
        command: relay::RelayCommand,
    },
    /// See what views and webhooks could not take, have it tried again, or drop it
    Dead {
        #[command(subcommand)]
        command: dead::DeadCommand,
    },
    /// See how webhooks are doing, and go on with one that was disabled
    Webhooks {
        #[command(subcommand)]
        command: webhooks::WebhooksCommand,
    },
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: config::ConfigCommand,
    },
    /// Look whether everything is as it must be, and say what to do if not; exits with 1 if something must be done
    Doctor {
        #[command(flatten)]
        target: Target,
    },
    /// See it work: two people, ten messages, a cut socket, and the proof that nothing was lost
    Demo {
        /// Keep the data here instead of a temporary folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// End with one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask the server at the configured address whether it is alive; for container health checks
    Healthcheck {
        /// One JSON object, also when it is not
        #[arg(long)]
        json: bool,
    },
}

/// What every command takes that looks at a profile.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The data folder of the embedded profile
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Target {
    /// The configuration it means.
    pub(crate) fn load(&self, file: Option<&Path>) -> anyhow::Result<Config> {
        load(file, self.data.clone(), None)
    }
}

/// The configuration in force. A data folder means the embedded profile, whatever the environment says.
pub(crate) fn load(file: Option<&Path>, data: Option<PathBuf>, listen: Option<SocketAddr>) -> anyhow::Result<Config> {
    let mut config = Config::load(file)?;
    if let Some(data) = data {
        match &mut config {
            Config::Embedded(config) => config.embedded.data = data,
            Config::Distributed(_) => bail!("--data is for the embedded profile, and the configuration selects the distributed one"),
        }
    }
    if let Some(listen) = listen {
        config.server_mut().listen = listen;
    }
    Ok(config)
}

/// Logs go to standard error, as JSON when nobody watches; `POSTHASTE_LOG` filters them. Spans go to a collector, if there is one.
pub(crate) fn init_logs(quiet: bool, collector: Option<&Otlp>) {
    let default = if quiet { "error" } else { "info,lapin=error" };
    let filter = EnvFilter::try_from_env("POSTHASTE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    subscriber(filter, collector).init();
}

fn subscriber(filter: EnvFilter, collector: Option<&Otlp>) -> impl Subscriber + Send + Sync {
    // Whatever is asked for: below that it logs the parameters of statements, which are what people said.
    let said = |line: &Metadata<'_>| line.target().starts_with("tokio_postgres") && *line.level() > Level::INFO;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if std::io::IsTerminal::is_terminal(&std::io::stderr()) { lines.boxed() } else { lines.json().boxed() };
    // Told to the libraries as well, some of which have a line for every frame: without it each is made, and then looked at.
    let most = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let unsaid = filter_fn(move |line| *line.level() <= most && !said(line)).with_max_level_hint(most);
    let lines = lines.with_filter(filter).with_filter(unsaid);
    tracing_subscriber::registry().with(lines).with(collector.map(Otlp::layer))
}

/// Somebody pressed Ctrl-C; with what that means for what was begun.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// The exit code, with the reason and its causes on standard error. What was interrupted exits with 130, as a shell has it.
pub(crate) fn exit(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("posthaste: {error}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("posthaste: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_which_lines_nobody_wants() {
        for (asked, told) in
            [("info,lapin=error", LevelFilter::INFO), ("error", LevelFilter::ERROR), ("info,posthaste=debug", LevelFilter::DEBUG)]
        {
            assert_eq!(subscriber(EnvFilter::new(asked), None).max_level_hint(), Some(told), "{asked}");
        }
    }
}
