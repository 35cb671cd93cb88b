//! `posthaste log`: what was recorded, and whether it is what was recorded.

mod pages;
mod print;
mod prove;
mod seal;
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
    match command {
        LogCommand::Tail { lines, follow, target } => {
            tail::run(&*compose::log(&target.load(file)?).await?, lines, follow, target.json).await
        }
        LogCommand::Verify { range, target } => {
            let config = target.load(file)?;
            verify::run(&compose::log(&config).await?, &range, &config, target.json).await
        }
        LogCommand::Seal { sealing, target } => {
            if let Some(key) = &sealing.generate_key {
                return seal::generate(key, target.json);
            }
            let config = target.load(file)?;
            seal::run(&compose::log(&config).await?, &sealing, &config, target.json).await
        }
        LogCommand::Prove { proving, target } => {
            let config = target.load(file)?;
            prove::run(&compose::log(&config).await?, &proving, &config, target.json).await
        }
        LogCommand::CheckProof { checking } => prove::check(&checking),
    }
}
