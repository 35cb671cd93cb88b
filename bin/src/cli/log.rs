//! `posthaste log`: what was recorded, and whether it is what was recorded.

mod print;
mod tail;
mod verify;

use std::path::Path;

use clap::Subcommand;

pub(crate) use self::verify::check;
use super::Target;
use crate::compose;

/// Events read at once.
const READ: usize = 4_096;

/// Look at the event log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show the newest events
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 10)]
        lines: u64,
        /// Go on as events come
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Check every link of the hash chain; exits with 1 and the first bad position when the log was tampered with
    Verify {
        #[command(flatten)]
        target: Target,
    },
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: LogCommand) -> anyhow::Result<()> {
    let (LogCommand::Tail { target, .. } | LogCommand::Verify { target }) = &command;
    let (log, json) = (compose::log(&target.load(file)?).await?, target.json);
    match command {
        LogCommand::Tail { lines, follow, .. } => tail::run(&*log, lines, follow, json).await,
        LogCommand::Verify { .. } => verify::run(&*log, json).await,
    }
}
