//! `posthaste log show`: events, whole.

use anyhow::Context as _;
use clap::Args;
use posthaste_application::deliver::{audience, recipients};
use posthaste_application::hex;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::verify::hash_at;
use posthaste_domain::{MembershipChange, UserId};
use serde_json::{Value, json};

use super::print::to_json;
use super::wanted::Wanted;
use super::{READ, Target, find};
use crate::cli::out::say;

/// Recipients that are named in words; JSON has all of them.
const NAMED: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A position, the id of a command (all its events), or the id of an event (looked for from the end of the log); else all that fit
    #[arg(required_unless_present_any = Wanted::ANY)]
    what: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    /// With personal content: what a message says, how a user is called
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    pub(super) target: Target,
}

pub(super) async fn run(log: &dyn EventLog, show: &Show) -> anyhow::Result<()> {
    let filter = show.wanted.filter();
    if let Some(what) = &show.what {
        let found = find::all(log, what).await?;
        for event in found.iter().filter(|event| show.wanted.has(event.position) && filter.wants(event)) {
            tell(log, event, show).await?;
        }
        return Ok(());
    }
    let (mut position, upto) = show.wanted.range(log.head().await?.position);
    while position < upto {
        let events = log.read(position, READ).await?;
        let Some(last) = events.last() else { break };
        position = last.position;
        for event in events.iter().filter(|event| event.position <= upto && filter.wants(event)) {
            tell(log, event, show).await?;
        }
    }
    Ok(())
}

async fn tell(log: &dyn EventLog, event: &Recorded, show: &Show) -> anyhow::Result<()> {
    let whole = whole(log, event, show.content).await?;
    if show.target.json {
        say!("{whole}");
    } else {
        print(&whole);
    }
    Ok(())
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
        (Some(_), true) => json!(if event.content().is_some() { "shown" } else { "erased" }),
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
        say!("{key:>12}  {}", text(&whole[key]));
    }
    let audience = &whole["audience"];
    let recipients: Vec<_> = audience["recipients"].as_array().into_iter().flatten().map(text).collect();
    let more = recipients.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more (--json has all of them)") } else { String::new() };
    say!("{:>12}  {} recipients: {}{more}", "owed to", recipients.len(), recipients.into_iter().take(NAMED).collect::<Vec<_>>().join(", "));
    for named in audience["named"].as_array().into_iter().flatten() {
        let change = named["membership"].as_str().map_or_else(String::new, |change| format!(", who {change} with it"));
        say!("{:>12}  {}{change}", "named", text(&named["user"]));
    }
    say!("{:>12}  {:#}", "body", whole["body"]);
}
