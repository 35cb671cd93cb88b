//! `posthaste views`: how far the views are, whether they are what the log says, and how they become so again.
//!
//! With PostgreSQL, a view is built beside the live one and compared with it, or put in its place. In the embedded profile the views are in the
//! memory of the server, folded from the log at every start: a server that runs is asked to do it, through its file. Without one there is
//! nothing that could be wrong; then `verify` shows that the log can be folded, and always to the same.

mod compare;
mod desk;
mod memory;
mod rebuild;
mod status;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use posthaste_application::port::EventLog;
use posthaste_application::rebuild::BATCH;
use posthaste_application::view::ViewName;
use serde_json::json;

use super::Target;
use crate::cli::out::say;
use crate::compose::{self, Kept};
use crate::config::Config;

/// See how far the views are, whether they are right, and make them so.
#[derive(Debug, Subcommand)]
pub(crate) enum ViewsCommand {
    /// The views there are
    List(Target),
    /// How far each view is, how fast it goes, and whether it is being rebuilt
    Status {
        /// How long to look, to tell how fast it goes
        #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
        over: f64,
        #[command(flatten)]
        target: Target,
    },
    /// Build a view anew beside the live one, while the server goes on, and put it in its place. What was interrupted goes on where it was
    Rebuild {
        /// Which view
        #[arg(value_enum)]
        name: Which,
        /// Most events in one transaction: what is lost when it is killed
        #[arg(long, value_name = "EVENTS", default_value_t = BATCH, value_parser = batch)]
        batch: usize,
        #[command(flatten)]
        target: Target,
    },
    /// Prove that a view is what the log says, at one exact position; exits with 1 and the rows that differ when it is not
    Verify {
        /// Which view
        #[arg(value_enum)]
        name: Which,
        #[command(flatten)]
        target: Target,
    },
    /// Show the rows of a view that are not what the log says: as they are, and as they should be; exits with 1 when there are any
    Diff {
        /// Which view
        #[arg(value_enum)]
        name: Which,
        /// Most rows to show
        #[arg(short = 'n', long, default_value_t = 1_000)]
        rows: usize,
        #[command(flatten)]
        target: Target,
    },
}

/// A view, or all of them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Which {
    /// Threads, members, invitations, and what users keep about a thread.
    Threads,
    /// Messages, pins, reactions, search.
    Timeline,
    /// Profiles, friendships, the directory.
    People,
    /// One after the other.
    All,
}

impl Which {
    fn names(self) -> Vec<ViewName> {
        match self {
            Self::Threads => vec![ViewName::Threads],
            Self::Timeline => vec![ViewName::Timeline],
            Self::People => vec![ViewName::People],
            Self::All => ViewName::ALL.to_vec(),
        }
    }
}

const fn contents(view: ViewName) -> &'static str {
    match view {
        ViewName::Threads => "threads, members, bans, invitations, and what users keep about a thread",
        ViewName::Timeline => "messages and notices, pins, reactions, search",
        ViewName::People => "profiles, privacy, friendships, the directory",
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 3600 seconds".to_owned()) }
}

fn batch(text: &str) -> Result<usize, String> {
    let events: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1..=65_536).contains(&events) { Ok(events) } else { Err("from 1 to 65536 events".to_owned()) }
}

/// What the commands work on.
struct Stores {
    config: Config,
    log: Arc<dyn EventLog>,
    kept: Kept,
    json: bool,
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: ViewsCommand) -> anyhow::Result<()> {
    let (ViewsCommand::List(target)
    | ViewsCommand::Status { target, .. }
    | ViewsCommand::Rebuild { target, .. }
    | ViewsCommand::Verify { target, .. }
    | ViewsCommand::Diff { target, .. }) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let (log, kept) = compose::views(&config).await?;
    let stores = Stores { config, log, kept, json };
    match command {
        ViewsCommand::List(_) => {
            list(&stores);
            Ok(())
        }
        ViewsCommand::Status { over, .. } => status::status(&stores, Duration::from_secs_f64(over)).await,
        ViewsCommand::Rebuild { name, batch, .. } => rebuild::rebuild(&stores, &name.names(), batch).await,
        ViewsCommand::Verify { name, .. } => compare::verify(&stores, &name.names()).await,
        ViewsCommand::Diff { name, rows, .. } => compare::diff(&stores, &name.names(), rows).await,
    }
}

fn list(stores: &Stores) {
    let kept = match stores.kept {
        Kept::Stored(_) => "postgresql",
        Kept::InMemory(_) | Kept::Nowhere => "memory of the server",
    };
    for view in ViewName::ALL {
        if stores.json {
            say!("{}", json!({ "view": view.as_str(), "contents": contents(view), "kept": kept }));
        } else {
            say!("{:<10}{} (kept in {kept})", view.as_str(), contents(view));
        }
    }
}
