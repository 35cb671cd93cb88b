//! `posthaste trace`: what became of one event, such as a message, from the command to everybody's devices.

use std::path::Path;

use clap::Args;
use posthaste_application::audit::time;
use posthaste_application::audit::trace::{OnDevice, Recipient, Trace, trace};
use posthaste_application::hex;

use super::Target;
use super::log::find;
use crate::cli::out::say;
use crate::compose::{self, Audit};

/// Which event, and where.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// A message, or any event by its position or its id (looked for from the end of the log)
    event: String,
    #[command(flatten)]
    target: Target,
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, TraceArgs { event, target }: TraceArgs) -> anyhow::Result<()> {
    let Audit { log, cursors, relay } = compose::audit(&target.load(file)?).await?;
    let event = find::one(&*log, &event).await?;
    let traced = trace(&*log, &*cursors, &*relay, &event).await?;
    say!("{}", if target.json { serde_json::to_string(&traced)? } else { in_words(&traced) });
    Ok(())
}

fn in_words(Trace { event, event_type, message, thread, command, commit, relay, recipients }: &Trace) -> String {
    let thread = thread.map_or_else(String::new, |thread| format!(" in thread {thread}"));
    let by = command.by.map_or_else(|| "the server".to_owned(), |by| by.to_string());
    let linked = if commit.linked { "which fits" } else { "which DOES NOT FIT: see `posthaste log verify`" };
    let confirmed = match (relay.confirmed, relay.at) {
        (true, Some(at)) => format!("confirmed by the broker by {}", time(at)),
        (true, None) => "confirmed by the broker".to_owned(),
        (false, _) => "not confirmed by the broker yet".to_owned(),
    };
    let mut lines = vec![
        message.map_or_else(|| format!("event      {event}{thread}"), |message| format!("message    {message}{thread}")),
        format!("what       {event_type}"),
        format!("asked      by {by}, command {}, correlation {}", command.id, command.correlation),
        format!("committed  {} at position {}, hash {}, {linked}", time(commit.at), commit.position, hex::encode(&commit.hash)),
        format!("published  {confirmed}, which has everything up to position {}", relay.checkpoint),
        format!("owed to    {} users", recipients.len()),
    ];
    lines.extend(recipients.iter().flat_map(of_recipient));
    lines.join("\n")
}

fn of_recipient(Recipient { user, status, devices, read }: &Recipient) -> Vec<String> {
    let read = read.map_or_else(String::new, |read| format!(" {}", time(read)));
    let mut lines = vec![format!("  {user}  {status}{read}")];
    lines.extend(devices.iter().map(|OnDevice { device, sent, acknowledged }| {
        let sent = sent.map_or_else(String::new, |at| format!("  sent by {}", time(at)));
        let acknowledged = acknowledged.map_or_else(|| "  not acknowledged".to_owned(), |at| format!("  acknowledged {}", time(at)));
        format!("    device {device}{sent}{acknowledged}")
    }));
    lines
}
