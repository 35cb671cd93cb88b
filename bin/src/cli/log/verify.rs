//! `posthaste log verify`: whether the log is what was recorded.

use anyhow::bail;
use posthaste_application::chain::{Broken, Verifier};
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::Position;
use serde_json::json;

use super::READ;

/// Checks the whole chain.
pub(super) async fn run(log: &dyn EventLog, json: bool) -> anyhow::Result<()> {
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
