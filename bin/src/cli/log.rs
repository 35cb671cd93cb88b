//! `posthaste log`: what was recorded, and whether it is what was recorded.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use chrono::SecondsFormat;
use clap::Subcommand;
use posthaste_application::chain::{Broken, Verifier};
use posthaste_application::codec;
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Position, Recorded};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Target;
use crate::compose;

/// Events read at once.
const READ: usize = 4_096;
/// How often a followed log is looked at when nothing wakes us.
const POLL: Duration = Duration::from_millis(500);

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
        LogCommand::Tail { lines, follow, .. } => tail(&*log, lines, follow, json).await,
        LogCommand::Verify { .. } => verify(&*log, json).await,
    }
}

/// Shows the newest events, and those that come if asked to.
async fn tail(log: &dyn EventLog, lines: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    let mut position = Position(log.head().await?.position.0.saturating_sub(lines));
    loop {
        let events = log.read(position, READ).await?;
        for event in &events {
            println!("{}", if json { to_json(event).to_string() } else { to_line(event) });
            position = event.position;
        }
        if events.len() < READ {
            if !follow {
                return Ok(());
            }
            tokio::select! {
                _ = timeout(POLL, log.grown(position)) => {}
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
            }
        }
    }
}

/// Checks the whole chain.
async fn verify(log: &dyn EventLog, json: bool) -> anyhow::Result<()> {
    let verdict = check(log).await?;
    let report = match &verdict {
        Ok(head) => json!({ "log": "verified", "head": head }),
        Err(broken) => json!({ "log": "broken", "position": broken.position(), "reason": broken.to_string() }),
    };
    match (&verdict, json) {
        (_, true) => println!("{report}"),
        (Ok(head), false) => println!("verified: {head} events, every one as it was recorded"),
        (Err(_), false) => {}
    }
    match verdict {
        Ok(_) => Ok(()),
        Err(broken) => bail!("the log is not what was recorded: first bad position {}: {broken}", broken.position()),
    }
}

/// Walks a log that may be growing, up to the head it had at the beginning.
pub(crate) async fn check(log: &dyn EventLog) -> anyhow::Result<Result<Position, Broken>> {
    let head = log.head().await?;
    let mut verifier = Verifier::default();
    let mut limit = READ;
    while verifier.position() < head.position {
        let mut events = match log.read(verifier.position(), limit).await {
            // One of these is no event any more: which of them is found one by one.
            Err(PortError::Corrupt { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(PortError::Corrupt { .. }) => return Ok(Err(Broken::Altered { position: verifier.position().next() })),
            read => read?,
        };
        events.retain(|event| event.position <= head.position);
        if events.is_empty() {
            break;
        }
        for event in &events {
            if let Err(broken) = verifier.check(event) {
                return Ok(Err(broken));
            }
        }
    }
    // What comes after a head that has not moved was never recorded, and then the head may be what was altered.
    let beyond = match log.read(head.position, 1).await {
        Err(PortError::Corrupt { .. }) => Some(head.position.next()),
        read => read?.first().map(|event| event.position),
    };
    match beyond {
        Some(end) if verifier.position() == head.position && log.head().await? == head => Ok(Err(Broken::Cut { end, head: head.position })),
        Some(_) | None => Ok(verifier.finish(head).map(|()| head.position)),
    }
}

fn to_json(event: &Recorded) -> Value {
    json!({
        "position": event.position,
        "id": event.id(),
        "type": event.event_type,
        "schema": event.schema,
        "stream": event.stream.to_string(),
        "version": event.version,
        "thread": event.thread,
        "actor": event.actor,
        "command": event.command,
        "correlation": event.correlation,
        "causation": event.causation,
        "at": event.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "hash": hex(&event.hash),
        "body": serde_json::from_str::<Value>(&codec::body(event)).unwrap_or(Value::Null),
    })
}

fn to_line(event: &Recorded) -> String {
    let at = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let actor = event.actor.map_or_else(|| "-".to_owned(), |actor| actor.to_string());
    format!("{:>8}  {at}  {:<20}  {}@{}  by {actor}", event.position, event.event_type, event.stream, event.version)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
