//! `posthaste log prove` and `check-proof`: that one event is in the log, to somebody who sees nothing else of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use futures::StreamExt as _;
use posthaste_application::audit::time;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Hash, Position, Recorded};
use posthaste_application::verify::hash_at;
use posthaste_application::verify::proof::{Content, Proof, Prover};
use serde_json::json;

use super::pages::pages;
use super::verify::{read_seals, trusted};
use crate::cli::out::say;
use crate::cli::{Interrupted, progress};
use crate::compose;
use crate::config::Config;

/// What is to be proven by what.
#[derive(Debug, Args)]
pub(crate) struct Proving {
    /// The position of the event
    position: u64,
    /// The files of seals, instead of the configured one
    #[arg(long, value_name = "FILE")]
    seals: Vec<PathBuf>,
    /// Whose signature of a seal counts; of the configured key if there is none
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// By the seal of this position, instead of the first that covers the event
    #[arg(long, value_name = "POSITION")]
    upto: Option<u64>,
    /// Keep what people wrote to yourself: the proof shows that there is content, and not which
    #[arg(long)]
    without_content: bool,
    /// Where to write the proof, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the proof.
pub(super) async fn run(log: &Arc<dyn EventLog>, proving: &Proving, config: &Config, json: bool) -> anyhow::Result<()> {
    let configured: Vec<_> = config.seals().file.iter().cloned().collect();
    let files = if proving.seals.is_empty() { &configured } else { &proving.seals };
    ensure!(!files.is_empty(), "by which seals? Give --seals, or configure seals.file");
    let position = Position(proving.position);
    let seals = read_seals(files, &trusted(&proving.public_key, config)?)?;
    let covers = |sealed: Position| proving.upto.map_or(sealed >= position, |upto| sealed == Position(upto));
    let seal = seals.into_iter().filter(|seal| covers(seal.position)).min_by_key(|seal| seal.position);
    let seal = seal.context("no seal covers that: `posthaste log seal` writes one")?;
    let sealed = seal.position;
    let mut prover =
        Prover::new(position, seal).with_context(|| format!("the seal of position {sealed} does not cover position {position}"))?;
    let proof = tokio::select! {
        done = read(log, &mut prover) => {
            done?;
            let (event, before) = event(log, position).await?;
            prover.finish(&event, (!proving.without_content).then_some(before))?
        }
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            return Err(Interrupted("stopped: no proof was written".to_owned()).into());
        }
    };
    let text = serde_json::to_string_pretty(&proof)? + "\n";
    let Some(output) = &proving.output else {
        say!("{}", text.trim_end());
        return Ok(());
    };
    std::fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))?;
    if json {
        say!("{}", json!({ "position": position, "sealed": sealed, "path": proof.path.len(), "file": output }));
    } else {
        say!("proven: position {position}, by {} hashes and the seal of position {sealed}: {}", proof.path.len(), output.display());
    }
    Ok(())
}

/// Gives the prover the leaves that it needs.
async fn read(log: &Arc<dyn EventLog>, prover: &mut Prover) -> anyhow::Result<()> {
    let (first, last) = prover.needs();
    let before = Position(first.0 - 1);
    let bar = progress::events("prove", last.0 - before.0);
    let mut pages = pages(log, before, last, last);
    while let Some(page) = pages.next().await {
        let page = page?;
        bar.inc(page.links.len() as u64);
        prover.take(&page);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The event at a position, and the hash before it.
async fn event(log: &Arc<dyn EventLog>, position: Position) -> anyhow::Result<(Recorded, Hash)> {
    let missing = || format!("there is no event at position {position}");
    let before = Position(position.0.saturating_sub(1));
    let event = log.read(before, 1).await?.pop().filter(|event| event.position == position).with_context(missing)?;
    Ok((event, hash_at(&**log, before).await?.with_context(missing)?))
}

/// A proof that somebody was given.
#[derive(Debug, Args)]
pub(crate) struct Checking {
    /// The proof
    proof: PathBuf,
    /// Whose signature of the seal counts
    #[arg(long, value_name = "FILE", required = true)]
    public_key: Vec<PathBuf>,
    /// JSON, one object
    #[arg(long)]
    json: bool,
}

/// Checks a proof. Needs no log.
pub(super) fn check(checking: &Checking) -> anyhow::Result<()> {
    let keys = checking.public_key.iter().map(|file| compose::public_key(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let proof = parse(&checking.proof)?;
    if let Err(unproven) = proof.check(&keys) {
        if checking.json {
            say!("{}", json!({ "proof": "refused", "reason": unproven.to_string() }));
        }
        return Err(anyhow::Error::from(unproven).context("this proves nothing"));
    }
    let (event, seal) = (&proof.event, &proof.seal);
    if checking.json {
        let content = proof.rest.is_some();
        say!(
            "{}",
            json!({ "proof": "good", "event": event, "content_shown": content, "sealed": seal.position, "sealed_at": time(seal.at) })
        );
        return Ok(());
    }
    say!(
        "proven: {} of {}@{}, at position {}, recorded at {}",
        event.event_type,
        event.stream,
        event.version,
        event.position,
        time(event.at)
    );
    say!("        by {}", event.actor.map_or_else(|| "the server".to_owned(), |actor| actor.to_string()));
    say!("facts   {}", event.facts);
    match &proof.rest {
        Some(rest) => match &rest.content {
            Some(Content::Text(text)) => say!("content {text}"),
            Some(Content::Hex(bytes)) => say!("content {} bytes that are no text", bytes.len()),
            None => say!("content none"),
        },
        None if event.has_content => say!("content not shown, and so not proven"),
        None => say!("content none"),
    }
    say!("sealed  with the log up to position {}, at {}", seal.position, time(seal.at));
    Ok(())
}

fn parse(file: &Path) -> anyhow::Result<Proof> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a proof", file.display()))
}
