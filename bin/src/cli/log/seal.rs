//! `posthaste log seal`: signs how the log is now, and makes the key for that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::StreamExt as _;
use posthaste_application::port::EventLog;
use posthaste_application::verify::key::SealKey;
use posthaste_application::verify::seal::Seal;
use posthaste_application::verify::{Finding, Walk, resume};
use serde_json::json;

use super::pages::pages;
use crate::cli::out::say;
use crate::cli::{Interrupted, progress};
use crate::compose;
use crate::config::Config;

/// What is to be sealed with what.
#[derive(Debug, Args)]
pub(crate) struct Sealing {
    /// The file to add the seal to, instead of the configured one
    #[arg(long, value_name = "FILE")]
    seals: Option<PathBuf>,
    /// The private key to sign with, instead of the configured one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Make a key instead: the private one into this file, the public one into FILE.pub
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seals", "key"])]
    pub(super) generate_key: Option<PathBuf>,
}

/// Makes a key.
pub(super) fn generate(file: &Path, json: bool) -> anyhow::Result<()> {
    let public = compose::generate_seal_key(file)?;
    if json {
        say!("{}", json!({ "key_file": file, "public_key": public }));
    } else {
        say!("made {}, which signs seals: the server alone may read it", file.display());
        say!("and  {}, which seals are checked with: keep it where the server cannot write", public.display());
    }
    Ok(())
}

/// Checks what was not sealed yet, and seals it.
pub(super) async fn run(log: &Arc<dyn EventLog>, sealing: &Sealing, config: &Config, json: bool) -> anyhow::Result<()> {
    let configured = config.seals();
    let file = sealing.seals.as_deref().or(configured.file.as_deref()).context("where to? Give --seals, or configure seals.file")?;
    let key =
        sealing.key.as_deref().or(configured.key_file.as_deref()).context("with which key? Give --key, or configure seals.key_file")?;
    let key = compose::seal_key(key)?;
    let sealed = tokio::select! {
        sealed = seal(log, file, &key) => sealed?,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            return Err(Interrupted("stopped: nothing was sealed".to_owned()).into());
        }
    };
    match sealed {
        Ok(seal) if json => say!("{}", seal.to_line()),
        Ok(seal) => say!("sealed: {} events, seal {} of {}", seal.position, seal.number, file.display()),
        Err(finding) => {
            let position = finding.position();
            if json {
                say!("{}", json!({ "log": "broken", "position": position, "reason": finding.to_string() }));
            }
            bail!("the log is not what was recorded or sealed, and was not sealed: first bad position {position}: {finding}")
        }
    }
    Ok(())
}

async fn seal(log: &Arc<dyn EventLog>, file: &Path, key: &SealKey) -> anyhow::Result<Result<Seal, Finding>> {
    let store = compose::seal_store(file);
    // Again whenever the server has sealed meanwhile; it does so every few seconds at most.
    loop {
        let last = store.last().await?;
        let walk = match resume(&**log, last.as_ref(), key).await? {
            Ok(walk) => check(log, walk).await?,
            Err(finding) => Err(finding),
        };
        let walk = match walk {
            Ok(walk) => walk,
            Err(finding) => return Ok(Err(finding)),
        };
        let sealable = walk.sealable().context("the log is empty: there is nothing to seal")?;
        let seal = Seal::new(&sealable, last.as_ref(), compose::clock().now(), key);
        if store.append(&seal).await?.is_ok() {
            return Ok(Ok(seal));
        }
    }
}

async fn check(log: &Arc<dyn EventLog>, mut walk: Walk) -> anyhow::Result<Result<Walk, Finding>> {
    let bar = progress::events("seal", walk.upto().0.saturating_sub(walk.position().0));
    let mut pages = pages(log, walk.position(), walk.upto(), walk.upto());
    while let Some(page) = pages.next().await {
        let page = page?;
        bar.inc(page.links.len() as u64);
        if let Err(finding) = walk.take(&page) {
            return Ok(Err(finding));
        }
    }
    bar.finish_and_clear();
    Ok(walk.finish(&**log).await?.map(|()| walk))
}
