//! `posthaste log import`: an export becomes a log again.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use posthaste_application::audit::import::Import;
use posthaste_application::port::PortError;
use posthaste_application::port::import::Importing;
use posthaste_application::recorded::Head;
use posthaste_application::{audit, hex};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{READ, Target, verify};
use crate::cli::interrupt::on_ctrl_c;
use crate::cli::out::say;
use crate::cli::{Interrupted, progress};
use crate::compose;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `log export` wrote: lines of all of a log, with content, compressed or not
    file: PathBuf,
    /// Afterwards, read all of it back and check every link again
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    pub(super) target: Target,
}

pub(super) async fn run(configuration: Option<&Path>, args: &ImportArgs) -> anyhow::Result<()> {
    let stop = on_ctrl_c();
    let config = args.target.load(configuration)?;
    let shown = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("{shown} cannot be read"))?;
    let bar = progress::bytes("import", file.metadata()?.len());
    let source = BufReader::with_capacity(1 << 20, bar.wrap_read(file));
    let begin = move || -> anyhow::Result<Import<Box<dyn BufRead + Send>>> { Ok(Import::begin(audit::open(source)?)?) };
    let mut import = spawn_blocking(begin).await?.with_context(|| format!("{shown} is not imported"))?;
    let head = import.head();

    let store = compose::log_import(&config).await?;
    let stopped = || {
        bar.finish_and_clear();
        Err(Interrupted("stopped: nothing was imported, and it can be started again".to_owned()).into())
    };
    let nothing = || format!("nothing of {shown} was imported");
    let Some(session) = stop.run_until_cancelled(store.begin()).await else { return stopped() };
    let mut session = session?;
    loop {
        let (batch, rest) = spawn_blocking(move || (import.next(READ), import)).await?;
        import = rest;
        let batch = batch.with_context(nothing)?;
        if batch.is_empty() {
            break;
        }
        // What was begun is undone before the program ends.
        let Some(recorded) = stop.run_until_cancelled(session.record(batch)).await else { return stopped() };
        recorded.with_context(nothing)?;
    }
    if stop.is_cancelled() {
        return stopped();
    }
    bar.set_message("  (committing)");
    commit(session, head, &stop).await.with_context(nothing)?;
    drop(store);
    bar.finish_and_clear();
    if args.verify {
        let log = compose::stored_log(&config).await?;
        ensure!(log.head().await? == head, "the log does not end where {shown} does");
        let bar = progress::events("verify", head.position.0);
        let checked = stop.run_until_cancelled(verify::check(&log, &bar)).await;
        bar.finish_and_clear();
        let Some(checked) = checked else {
            let said = "stopped: all of it was imported, and not yet read back; `posthaste log verify` does that";
            return Err(Interrupted(said.to_owned()).into());
        };
        if let Err(broken) = checked? {
            bail!("the log is not what was imported: first bad position {}: {broken}", broken.position());
        }
    }
    let said = json!({ "imported": head.position, "hash": hex::encode(&head.hash), "verified": args.verify });
    let plain = || format!("{} events, every one as it was recorded{}", head.position, if args.verify { ", and read back" } else { "" });
    say!("{}", if args.target.json { said.to_string() } else { plain() });
    Ok(())
}

/// A commit ends one way or the other, and the only way to know which is to wait for it.
async fn commit(session: Box<dyn Importing>, head: Head, stop: &CancellationToken) -> Result<(), PortError> {
    let mut commit = session.commit(head);
    tokio::select! {
        committed = &mut commit => return committed,
        () = stop.cancelled() => eprintln!("posthaste: it is being committed, which is waited for; press Ctrl-C again to leave without knowing"),
    }
    commit.await
}
