//! `posthaste log`: what was recorded, and whether it is what was recorded.

mod diff;
mod export;
pub(crate) mod find;
mod import;
mod moment;
mod pages;
mod print;
mod prove;
mod replay;
mod seal;
mod show;
mod tail;
mod verify;
mod wanted;

use std::path::Path;

use clap::Subcommand;

pub(crate) use self::verify::check;
use super::Target;
use crate::compose::{self, Audit};

/// Events read at once.
const READ: usize = 4_096;

/// Look at the event log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show the newest events
    Tail(Box<tail::Tail>),
    /// Show events whole: what was recorded, what it is chained to, and to whom it was owed
    Show(Box<show::Show>),
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
        range: verify::Range,
        #[command(flatten)]
        target: Target,
    },
    /// Sign how the log is now, so that it can be seen if its end is cut off or all of it rewritten
    Seal {
        #[command(flatten)]
        sealing: seal::Sealing,
        #[command(flatten)]
        target: Target,
    },
    /// Prove to somebody who sees nothing else of the log that one event is in it
    Prove {
        #[command(flatten)]
        proving: prove::Proving,
        #[command(flatten)]
        target: Target,
    },
    /// Check such a proof; needs no log and no configuration
    CheckProof {
        #[command(flatten)]
        checking: prove::Checking,
    },
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: LogCommand) -> anyhow::Result<()> {
    // With a configuration, and the log that it means.
    let load = |target: &Target| {
        let config = target.load(file);
        async {
            let config = config?;
            anyhow::Ok((compose::log(&config).await?, config))
        }
    };
    // For those who only compare what is stored.
    let load_stored = |target: &Target| {
        let config = target.load(file);
        async {
            let config = config?;
            anyhow::Ok((compose::stored_log(&config).await?, config))
        }
    };
    match command {
        LogCommand::Tail(tail) => tail::run(&*load(&tail.target).await?.0, &tail).await,
        LogCommand::Show(show) => show::run(&*load(&show.target).await?.0, &show).await,
        LogCommand::Export(export) => export::run(&*load(&export.target).await?.0, &export).await,
        LogCommand::Import(import) => import::run(file, &import).await,
        LogCommand::Replay(replay) => {
            let Audit { log, cursors, .. } = compose::audit(&replay.target().load(file)?).await?;
            replay::run(&*log, &*cursors, &replay).await
        }
        LogCommand::Diff(diff) => diff::run(&*load(&diff.target).await?.0, &diff).await,
        LogCommand::Verify { range, target } => {
            let (log, config) = load_stored(&target).await?;
            verify::run(&log, &range, &config, target.json).await
        }
        LogCommand::Seal { sealing, target } => {
            if let Some(key) = &sealing.generate_key {
                return seal::generate(key, target.json);
            }
            let (log, config) = load_stored(&target).await?;
            seal::run(&log, &sealing, &config, target.json).await
        }
        LogCommand::Prove { proving, target } => {
            let (log, config) = load_stored(&target).await?;
            prove::run(&log, &proving, &config, target.json).await
        }
        LogCommand::CheckProof { checking } => prove::check(&checking),
    }
}
