//! `posthaste log`: what was recorded, and whether it is what was recorded.

mod diff;
mod export;
mod import;
mod print;
mod replay;
mod show;
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
    /// Show one event whole: what was recorded, what it is chained to, and to whom it was owed
    Show(show::Show),
    /// Write the log, or a part of it, to a file, as it is now; goes on with a file that was not finished
    Export(Box<export::ExportArgs>),
    /// Make a log of an export, in a store that has none: every event as it was recorded, checked on the way, all or nothing
    Import(import::ImportArgs),
    /// Show how a thread, a user or a message stood at a position or a time
    Replay(replay::Replay),
    /// Show what became of a thread between two positions or times
    Diff(diff::Diff),
    /// Check every link of the hash chain; exits with 1 and the first bad position when the log was tampered with
    Verify {
        #[command(flatten)]
        target: Target,
    },
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: LogCommand) -> anyhow::Result<()> {
    let log = |target: &Target| {
        let config = target.load(file);
        async { compose::log(&config?).await }
    };
    match command {
        LogCommand::Tail { lines, follow, target } => tail::run(&*log(&target).await?, lines, follow, target.json).await,
        LogCommand::Show(show) => show::run(&*log(&show.target).await?, &show).await,
        LogCommand::Export(export) => export::run(&*log(&export.target).await?, &export).await,
        LogCommand::Import(import) => import::run(file, &import).await,
        LogCommand::Replay(replay) => {
            let (log, cursors) = compose::audit(&replay.target().load(file)?).await?;
            replay::run(&*log, &*cursors, &replay).await
        }
        LogCommand::Diff(diff) => diff::run(&*log(&diff.target).await?, &diff).await,
        LogCommand::Verify { target } => verify::run(&*log(&target).await?, target.json).await,
    }
}
