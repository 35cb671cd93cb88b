//! `posthaste log import`: an export becomes a log again.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use posthaste_application::audit::import::Import;
use posthaste_application::{audit, hex};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{READ, Target, verify};
use crate::cli::interrupt::on_ctrl_c;
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
    let mut session = store.begin().await?;
    loop {
        let (read, batch) = spawn_blocking(move || (import.next(READ), import)).await.map(|(batch, import)| (import, batch))?;
        import = read;
        let batch = batch.with_context(|| format!("nothing of {shown} was imported"))?;
        if batch.is_empty() {
            break;
        }
        session.record(batch).await.with_context(|| format!("nothing of {shown} was imported"))?;
        if stop.is_cancelled() {
            bar.finish_and_clear();
            // What was begun is undone before the program ends.
            drop(session);
            return Err(Interrupted("stopped: nothing was imported, and it can be started again".to_owned()).into());
        }
    }
    session.commit(head).await.with_context(|| format!("nothing of {shown} was imported"))?;
    drop(store);
    bar.finish_and_clear();
    if args.verify {
        let log = compose::log(&config).await?;
        ensure!(log.head().await? == head, "the log does not end where {shown} does");
        if let Err(broken) = verify::check(&log).await? {
            bail!("the log is not what was imported: first bad position {}: {broken}", broken.position());
        }
    }
    let said = json!({ "imported": head.position, "hash": hex::encode(&head.hash), "verified": args.verify });
    let plain = || format!("{} events, every one as it was recorded{}", head.position, if args.verify { ", and read back" } else { "" });
    println!("{}", if args.target.json { said.to_string() } else { plain() });
    Ok(())
}
