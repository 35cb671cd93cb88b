//! `posthaste log show`: one event, whole.

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use posthaste_application::deliver::{audience, recipients};
use posthaste_application::hex;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::verify::hash_at;
use posthaste_domain::{CommandId, MembershipChange, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::print::to_json;
use super::{READ, Target};
use crate::cli::progress;

/// Recipients that are named in words; JSON has all of them.
const NAMED: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A position, the id of a command (all its events), or the id of an event (looked for from the end of the log)
    what: String,
    /// With personal content: what a message says, how a user is called
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    pub(super) target: Target,
}

pub(super) async fn run(log: &dyn EventLog, show: &Show) -> anyhow::Result<()> {
    for event in find(log, &show.what).await? {
        let whole = whole(log, &event, show.content).await?;
        if show.target.json {
            println!("{whole}");
        } else {
            print(&whole);
        }
    }
    Ok(())
}

async fn find(log: &dyn EventLog, what: &str) -> anyhow::Result<Vec<Recorded>> {
    if let Ok(position) = what.parse() {
        let position = Position(position);
        let head = log.head().await?.position;
        ensure!(position > Position::START && position <= head, "there is no position {position}: the log goes from 1 to {head}");
        return range(log, position, position).await;
    }
    let Ok(id) = what.parse::<Uuid>() else { bail!("{what} is neither a position nor the id of an event or a command") };
    if let Some((_, appended)) = log.find_command(CommandId::new(id)).await? {
        return range(log, appended.first, appended.last).await;
    }
    match by_id(log, id).await? {
        Some(event) => Ok(vec![event]),
        None => bail!("no event and no command in the log has the id {id}"),
    }
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
    let bar = progress::events("show", upto.0);
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

/// The event, what it is chained to, and to whom it was owed.
async fn whole(log: &dyn EventLog, event: &Recorded, content: bool) -> anyhow::Result<Value> {
    let mut shown = event.clone();
    if !content {
        shown.content = None;
    }
    let mut whole = to_json(&shown);
    whole["ordinal"] = json!(event.ordinal);
    whole["fingerprint"] = json!(hex::encode(&event.fingerprint));
    let previous = hash_at(log, Position(event.position.0.saturating_sub(1))).await?;
    let previous =
        previous.with_context(|| format!("the event before position {} is gone: `posthaste log verify` says more", event.position))?;
    whole["previous"] = json!(hex::encode(&previous));
    whole["content"] = match (&event.content, content) {
        (None, _) => json!("none"),
        (Some(_), true) => json!("shown"),
        (Some(bytes), false) => json!(format!("{} bytes, shown with --content", bytes.len())),
    };
    let audience = audience(log, event).await?;
    let named = audience.users.iter().map(|addressee| {
        let change = addressee.change.map(|change| match change {
            MembershipChange::Joined => "joined",
            MembershipChange::Left => "left",
        });
        json!({ "user": addressee.user, "membership": change })
    });
    let users: Vec<UserId> = recipients(log, event, None, usize::MAX).await?;
    whole["audience"] = json!({ "thread": audience.thread, "named": named.collect::<Vec<_>>(), "recipients": users });
    Ok(whole)
}

fn print(whole: &Value) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    for key in [
        "position",
        "id",
        "type",
        "schema",
        "stream",
        "version",
        "thread",
        "actor",
        "command",
        "ordinal",
        "fingerprint",
        "correlation",
        "causation",
        "at",
        "previous",
        "hash",
        "content",
    ] {
        println!("{key:>12}  {}", text(&whole[key]));
    }
    let audience = &whole["audience"];
    let recipients: Vec<_> = audience["recipients"].as_array().into_iter().flatten().map(text).collect();
    let more = recipients.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more (--json has all of them)") } else { String::new() };
    println!(
        "{:>12}  {} recipients: {}{more}",
        "owed to",
        recipients.len(),
        recipients.into_iter().take(NAMED).collect::<Vec<_>>().join(", ")
    );
    for named in audience["named"].as_array().into_iter().flatten() {
        let change = named["membership"].as_str().map_or_else(String::new, |change| format!(", who {change} with it"));
        println!("{:>12}  {}{change}", "named", text(&named["user"]));
    }
    println!("{:>12}  {:#}", "body", whole["body"]);
}
