//! Events by what people call them.

use anyhow::{bail, ensure};
use posthaste_application::audit::trace::posting;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::{CommandId, MessageId};
use uuid::Uuid;

use super::READ;
use crate::cli::progress;

/// One event: by its position, by the message that was posted with it, or by its own id.
pub(crate) async fn one(log: &dyn EventLog, what: &str) -> anyhow::Result<Recorded> {
    let found = match what.parse::<Uuid>() {
        Err(_) => at(log, what).await?.pop(),
        Ok(id) => match posting(log, MessageId::new(id)).await? {
            Some(event) => Some(event),
            None => by_id(log, id).await?,
        },
    };
    match found {
        Some(event) => Ok(event),
        None => bail!("there is no message and no event {what}"),
    }
}

/// All of what is meant by a position, the id of a command, or the id of an event.
pub(super) async fn all(log: &dyn EventLog, what: &str) -> anyhow::Result<Vec<Recorded>> {
    let Ok(id) = what.parse::<Uuid>() else { return at(log, what).await };
    if let Some((_, appended)) = log.find_command(CommandId::new(id)).await? {
        return range(log, appended.first, appended.last).await;
    }
    match by_id(log, id).await? {
        Some(event) => Ok(vec![event]),
        None => bail!("no event and no command in the log has the id {id}"),
    }
}

async fn at(log: &dyn EventLog, position: &str) -> anyhow::Result<Vec<Recorded>> {
    let Ok(number) = position.parse() else { bail!("{position} is neither a position nor an id") };
    let (position, head) = (Position(number), log.head().await?.position);
    ensure!(position > Position::START && position <= head, "there is no position {position}: the log goes from 1 to {head}");
    range(log, position, position).await
}

async fn range(log: &dyn EventLog, first: Position, last: Position) -> anyhow::Result<Vec<Recorded>> {
    let mut events: Vec<Recorded> = Vec::new();
    let mut after = Position(first.0 - 1);
    while after < last {
        let wanted = usize::try_from(last.0 - after.0).unwrap_or(READ).min(READ);
        let read = log.read(after, wanted).await?;
        let Some(end) = read.last() else { bail!("there is no event at position {}", after.next()) };
        after = end.position;
        events.extend(read.into_iter().filter(|event| event.position <= last));
    }
    ensure!(!events.is_empty(), "there is no event at position {first}");
    Ok(events)
}

/// Ids of events are derived and not stored, so each is computed, the newest first.
async fn by_id(log: &dyn EventLog, id: Uuid) -> anyhow::Result<Option<Recorded>> {
    let mut upto = log.head().await?.position;
    let bar = progress::events("find", upto.0);
    while upto > Position::START {
        let after = Position(upto.0.saturating_sub(READ as u64));
        let events = log.read(after, READ).await?;
        if let Some(event) = events.into_iter().rev().find(|event| event.id() == id) {
            bar.finish_and_clear();
            return Ok(Some(event));
        }
        bar.inc(upto.0 - after.0);
        upto = after;
    }
    bar.finish_and_clear();
    Ok(None)
}
