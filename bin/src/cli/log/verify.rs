//! `posthaste log verify`: whether the log is what was recorded.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use futures::StreamExt as _;
use indicatif::ProgressBar;
use posthaste_application::audit::time;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::Position;
use posthaste_application::verify::key::PublicKey;
use posthaste_application::verify::seal::{Seal, Seals};
use posthaste_application::verify::{Finding, RestsOn, Walk};
use serde_json::{Value, json};

use super::pages::pages;
use crate::cli::out::say;
use crate::cli::{Interrupted, progress};
use crate::compose;
use crate::config::Config;

/// What is to be verified.
#[derive(Debug, Args)]
pub(crate) struct Range {
    /// The first position; what is before it is taken for granted, as the stored hash of the event before says
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// The last position, instead of the end of the log
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Compare with the seals of this file; one for each node that has sealed
    #[arg(long, value_name = "FILE")]
    seals: Vec<PathBuf>,
    /// Whose signature of a seal counts; of the configured key if there is none
    #[arg(long, value_name = "FILE", requires = "seals")]
    public_key: Vec<PathBuf>,
}

/// Checks every link, and every seal that is given.
pub(super) async fn run(log: &Arc<dyn EventLog>, range: &Range, config: &Config, json: bool) -> anyhow::Result<()> {
    // Before the log is looked at: what was sealed is in it by then.
    let seals = match range.seals.as_slice() {
        [] => Vec::new(),
        files => read_seals(files, &trusted(&range.public_key, config)?).inspect_err(|error| {
            if json {
                say!("{}", json!({ "log": "unknown", "reason": format!("{error:#}") }));
            }
        })?,
    };
    let head = log.head().await?.position;
    let (from, to) = (Position(range.from), range.to.map(Position));
    ensure!(range.from >= 1, "positions begin with 1");
    ensure!(from <= head.next(), "the log ends at position {head}, before {from}");
    ensure!(to.is_none_or(|to| from <= to && to <= head), "--to is not between --from and the end of the log, which is at {head}");
    let last_seal = seals.iter().max_by_key(|seal| seal.position).cloned();
    let bar = progress::events("verify", to.unwrap_or(head).0 + 1 - from.0);
    let walked = tokio::select! {
        walked = walk(log, from, to, seals, &bar) => walked?,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            let next = from.0 + bar.position();
            bar.finish_and_clear();
            let said = format!("stopped: nothing was found up to position {}; go on with --from {next}", next - 1);
            return Err(Interrupted(said).into());
        }
    };
    bar.finish_and_clear();
    match walked {
        Ok(walk) => {
            if json {
                say!("{}", report(&walk, from, head));
            } else {
                say!("{}", sentence(&walk, from, last_seal.as_ref()));
            }
            Ok(())
        }
        Err(finding) => {
            let position = finding.position();
            if json {
                say!("{}", json!({ "log": "broken", "position": position, "reason": finding.to_string() }));
            }
            bail!("the log is not what was recorded: first bad position {position}: {finding}")
        }
    }
}

fn report(walk: &Walk, from: Position, head: Position) -> Value {
    let rests_on = match walk.rests_on() {
        RestsOn::Nothing => Value::Null,
        RestsOn::StoredHash(position) => json!({ "stored_hash_of": position }),
        RestsOn::Seal(position) => json!({ "seal_of": position }),
    };
    let head = head.max(walk.upto());
    json!({ "log": "verified", "head": head, "from": from, "to": walk.upto(), "rests_on": rests_on, "seals": walk.seals() })
}

fn sentence(walk: &Walk, from: Position, last_seal: Option<&Seal>) -> String {
    let (count, upto) = ((walk.upto().0 + 1).saturating_sub(from.0), walk.upto());
    let mut said = match walk.rests_on() {
        RestsOn::Nothing => format!("verified: {count} events, every one as it was recorded"),
        RestsOn::StoredHash(before) => format!(
            "verified: {count} events, {from} to {upto}, every one as it was recorded if the hash that is stored at position {before} is the one that was"
        ),
        RestsOn::Seal(before) => {
            format!("verified: {count} events, {from} to {upto}, every one as it was recorded, as position {before} was sealed")
        }
    };
    if let Some(seal) = last_seal {
        let (position, at) = (seal.position, time(seal.at));
        said += &format!("\nsealed:   {} seals agree; the log was sealed up to position {position} at {at}", walk.seals());
        if upto > position {
            said += &format!(", and nothing speaks for the end of it, from {} on, but the log itself", position.next());
        }
    }
    said
}

/// Checks the whole chain, and nothing but the chain; gives its end.
pub(crate) async fn check(log: &Arc<dyn EventLog>, bar: &ProgressBar) -> anyhow::Result<Result<Position, Finding>> {
    let walked = walk(log, Position(1), None, Vec::new(), bar).await?;
    Ok(walked.map(|walk| walk.upto()))
}

/// Walks a log that may be growing, up to the head it had at the beginning.
async fn walk(
    log: &Arc<dyn EventLog>,
    from: Position,
    to: Option<Position>,
    seals: Vec<Seal>,
    bar: &ProgressBar,
) -> anyhow::Result<Result<Walk, Finding>> {
    let mut walk = match Walk::begin(&**log, from, to, seals).await? {
        Ok(walk) => walk,
        Err(finding) => return Ok(Err(finding)),
    };
    let mut pages = pages(log, walk.position(), walk.upto(), walk.leaves_upto());
    while let Some(page) = pages.next().await {
        let page = page?;
        if let Err(finding) = walk.take(&page) {
            return Ok(Err(finding));
        }
        bar.inc(page.links.len() as u64);
    }
    Ok(walk.finish(&**log).await?.map(|()| walk))
}

/// The seals of these files, all of them good.
pub(super) fn read_seals(files: &[PathBuf], trusted: &[PublicKey]) -> anyhow::Result<Vec<Seal>> {
    let mut all = Vec::new();
    for file in files {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the seals in {name}"))?;
        let Seals { seals, torn } = Seals::read(&text, trusted).with_context(|| format!("the seals in {name} were tampered with"))?;
        if torn {
            eprintln!("posthaste: the last line of {name} has no end: it was being written when the server stopped, and does not count");
        }
        all.extend(seals);
    }
    ensure!(!all.is_empty(), "there are no seals to compare with");
    Ok(all)
}

/// Whose signatures count.
pub(super) fn trusted(files: &[PathBuf], config: &Config) -> anyhow::Result<Vec<PublicKey>> {
    match (files, &config.seals().key_file) {
        ([], Some(key)) => Ok(vec![compose::seal_key(key)?.public()]),
        ([], None) => bail!("whose seals are to be trusted? Give --public-key"),
        (files, _) => files.iter().map(|file| compose::public_key(file)).collect(),
    }
}
