//! The end of every run: what was sent is in the log and has been delivered, to every device, in order, once; and the store knows that it was
//! acknowledged.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::Position;
use posthaste_domain::CommandId;
use tokio::time::sleep;

use crate::crowd::{Crowd, Message};
use crate::people::Person;
use crate::stand::{Look, Stand};
use crate::wire;

/// Events read at once.
const PAGE: usize = 4_096;
/// How long acknowledgements may take to be written.
const ACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Compares what the devices of a crowd have with the log, from a position on. That they have all the same of each thread, in order and once,
/// the crowd has seen by itself. Gives how many messages that were.
pub(crate) async fn prove(stand: &Stand, crowd: &Crowd, number: u16, people: &[Person], after: Position) -> anyhow::Result<u64> {
    let look = stand.look().await?;
    let recorded = recorded(&look, number, after).await?;
    let sent = crowd.sent_after(after.0);
    compare(sent, &recorded, &crowd.ledger().after(after.0))?;
    acknowledged(&look, crowd, people).await?;
    Ok(u64::try_from(sent)?)
}

/// Sent = in the log = delivered; the same ones, at the same positions.
fn compare(sent: usize, recorded: &[Message], arrived: &[Message]) -> anyhow::Result<()> {
    let differs = recorded.iter().zip(arrived).find(|(recorded, arrived)| recorded != arrived);
    ensure!(differs.is_none(), "the log and the devices differ, first in {differs:?}");
    let (logged, delivered) = (recorded.len(), arrived.len());
    ensure!(logged == delivered, "{logged} messages are in the log, and {delivered} have arrived");
    ensure!(sent == logged, "{sent} messages were answered, and {logged} are in the log");
    Ok(())
}

/// The messages of a crowd in the log.
async fn recorded(look: &Look, number: u16, mut after: Position) -> anyhow::Result<Vec<Message>> {
    let mut messages = Vec::new();
    let ours = |command: CommandId| wire::read_key(command.uuid(), number);
    loop {
        let page = look.log.read(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(messages) };
        let dense = page.iter().zip(after.0 + 1..).all(|(event, position)| event.position.0 == position);
        ensure!(dense, "the log has a hole after {after}");
        after = last.position;
        let posted = page.iter().filter(|event| event.event_type == "message.posted");
        let message = |event: &posthaste_application::recorded::Recorded| {
            ours(event.command).map(|(poster, seq)| Message { position: event.position.0, poster, seq })
        };
        messages.extend(posted.filter_map(message));
    }
}

/// Waits until the store has the cursor of every device where the device itself is.
pub(crate) async fn acknowledged(look: &Look, crowd: &Crowd, people: &[Person]) -> anyhow::Result<()> {
    let deadline = Instant::now() + ACKNOWLEDGED;
    let mut standing: BTreeMap<u64, Vec<&Person>> = BTreeMap::new();
    for (person, position) in people.iter().zip(crowd.cursors()).filter(|(_, position)| *position > 0) {
        standing.entry(position).or_default().push(person);
    }
    for (position, people) in standing {
        let users: Vec<_> = people.iter().map(|person| person.user).collect();
        loop {
            let receipts = look.cursors.receipts(&users, Position(position)).await?;
            let have: HashSet<_> = receipts.into_iter().map(|receipt| receipt.device).collect();
            let lacking = people.iter().find(|person| !have.contains(&Device { user: person.user, device: person.device }));
            let Some(person) = lacking else { break };
            ensure!(Instant::now() < deadline, "the store does not know that the device of {} has {position}", person.user);
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// The end of the log.
pub(crate) async fn head(stand: &Stand) -> anyhow::Result<Position> {
    Ok(stand.look().await?.log.head().await.context("the end of the log")?.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_anywhere_or_is_another_is_noticed() {
        let message = |position, seq| Message { position, poster: 0, seq };
        let all = [message(5, 0), message(7, 1)];
        compare(2, &all, &all).unwrap();
        assert!(compare(2, &all[..1], &all).is_err(), "not in the log");
        assert!(compare(2, &all, &all[..1]).is_err(), "not delivered");
        assert!(compare(3, &all, &all).is_err(), "answered and nowhere");
        assert!(compare(1, &all, &all).is_err(), "recorded and never answered");
        assert!(compare(2, &all, &[message(5, 0), message(8, 1)]).is_err(), "at another position");
        assert!(compare(2, &all, &[message(5, 1), message(7, 0)]).is_err(), "the other way round");
    }
}
