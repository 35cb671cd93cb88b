//! `posthaste keys`: what personal content is sealed by.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, IntoInnerError, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use posthaste_application::content::Keyring;
use posthaste_application::content::rotate::{rotate, wraps};
use posthaste_application::content::transfer::{self, Import, Transferred};
use serde_json::json;

use super::Target;
use crate::cli::out::{private_file, say};
use crate::compose::people::people;

/// See what the keys of content are wrapped by, and wrap them anew.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Count the keys by the master key that each is wrapped by
    Status(Target),
    /// Wrap every key by content.master_key that is wrapped by one of content.accepted_keys. Stopped anywhere, it can be run again
    Rotate(Target),
    /// Write the keys to a file, which must not be there yet, to go with an export of the log. They stay wrapped: the file is worth nothing
    /// without the master key
    Export(ExportArgs),
    /// Take the keys of such a file, before a server is started on the log that was imported. Their master key must be one of
    /// content.accepted_keys, or content.master_key
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `keys export` wrote
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Keys written at once.
const AT_ONCE: usize = 1_000;

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: KeysCommand) -> anyhow::Result<()> {
    let (KeysCommand::Status(target)
    | KeysCommand::Rotate(target)
    | KeysCommand::Export(ExportArgs { target, .. })
    | KeysCommand::Import(ImportArgs { target, .. })) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let keyring = people(&config, false).await?.keyring;
    match command {
        KeysCommand::Status(_) => {
            let (wraps, current) = (wraps(&keyring).await?, keyring.masters().name());
            for (by, keys) in &wraps.by {
                let (said, is_current) = (by.to_string(), *by == current);
                if json {
                    say!("{}", json!({ "master_key": said, "current": is_current, "keys": keys }));
                } else {
                    say!("{said}  {keys} keys{}", if is_current { ", by content.master_key" } else { "" });
                }
            }
            if json {
                say!("{}", json!({ "destroyed": wraps.destroyed }));
            } else {
                say!("{} keys were destroyed", wraps.destroyed);
            }
        }
        KeysCommand::Rotate(_) => {
            let (rotated, by) = (rotate(&keyring).await?, keyring.masters().name().to_string());
            if json {
                say!("{}", json!({ "rotated": rotated, "master_key": by }));
            } else {
                say!("{rotated} keys were wrapped anew: all are wrapped by {by}");
            }
        }
        KeysCommand::Export(ExportArgs { output, .. }) => {
            let exported = export(&keyring, &output).await?;
            if json {
                say!("{}", json!({ "exported": exported }));
            } else {
                say!("{exported} keys, or that they were destroyed, are in {}", output.display());
            }
        }
        KeysCommand::Import(ImportArgs { file, .. }) => {
            let Transferred { kept, destroyed, known } = import(&keyring, &file).await?;
            if json {
                say!("{}", json!({ "kept": kept, "destroyed": destroyed, "known": known }));
            } else {
                say!("{kept} keys were taken, {destroyed} are destroyed here as well, {known} were known");
            }
        }
    }
    Ok(())
}

async fn export(keyring: &Keyring, path: &Path) -> anyhow::Result<u64> {
    let shown = || format!("{} cannot be written", path.display());
    let file = private_file(path).with_context(shown)?;
    let (mut file, mut exported, mut after) = (BufWriter::new(file), 0, None);
    loop {
        let (lines, last) = transfer::export(keyring, after).await?;
        exported += lines.len();
        lines.iter().try_for_each(|line| writeln!(file, "{line}")).with_context(shown)?;
        after = last;
        if after.is_none() {
            break;
        }
    }
    file.into_inner().map_err(IntoInnerError::into_error).and_then(|file| file.sync_all()).with_context(shown)?;
    Ok(exported as u64)
}

async fn import(keyring: &Keyring, path: &Path) -> anyhow::Result<Transferred> {
    let shown = || format!("{} cannot be read", path.display());
    let mut lines = BufReader::new(File::open(path).with_context(shown)?).lines();
    let mut import = Import::new(keyring);
    loop {
        let some = lines.by_ref().take(AT_ONCE).collect::<Result<Vec<_>, _>>().with_context(shown)?;
        if some.is_empty() {
            return Ok(import.transferred());
        }
        import.take(&some).await?;
    }
}
