//! `posthaste log diff`: what became of a thread.

use anyhow::bail;
use clap::Args;
use posthaste_application::audit::as_of::AsOf;
use posthaste_application::audit::diff::{MessageChange, ThreadDiff, diff_telling};
use posthaste_application::port::EventLog;
use posthaste_domain::ThreadId;

use super::Target;
use super::moment::{interruptible, moment};
use super::print::word;
use crate::cli::out::say;
use crate::cli::progress;

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The earlier position or time
    from: AsOf,
    /// The later position or time
    to: AsOf,
    /// Of which thread
    #[arg(long)]
    thread: ThreadId,
    #[command(flatten)]
    pub(super) target: Target,
}

pub(super) async fn run(log: &dyn EventLog, args: &Diff) -> anyhow::Result<()> {
    let (from, to) = (moment(log, args.from).await?, moment(log, args.to).await?);
    if from.position > to.position {
        bail!("position {} is after position {}: give the earlier one first", from.position, to.position);
    }
    let bar = progress::events("diff", to.position.0 - from.position.0);
    let looked_at = |events| bar.inc(events);
    let compared = interruptible(diff_telling(log, args.thread, from, to, &looked_at)).await;
    bar.finish_and_clear();
    let Some(diff) = compared?? else { bail!("there is no thread {} as of position {}", args.thread, to.position) };
    if args.target.json {
        say!("{}", serde_json::to_string(&diff)?);
    } else {
        for line in in_words(&diff) {
            say!("{line}");
        }
    }
    Ok(())
}

fn in_words(diff: &ThreadDiff) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(diff.created.map(|act| format!("+ created at position {} by {}", act.position, act.by)));
    lines.extend(diff.deleted.map(|act| format!("- deleted at position {} by {}", act.position, act.by)));
    lines.extend(diff.settings.iter().map(|change| format!("~ {}: {} -> {}", change.setting, change.before, change.after)));
    lines
        .extend(diff.joined.iter().map(|member| format!("+ member {} ({}) at position {}", member.user, word(member.role), member.joined)));
    lines.extend(diff.left.iter().map(|member| format!("- member {}", member.user)));
    lines.extend(diff.roles.iter().map(|change| format!("~ role of {}: {} -> {}", change.user, word(change.before), word(change.after))));
    lines.extend(diff.banned.iter().map(|ban| format!("+ ban of {} by {}", ban.user, ban.act.by)));
    lines.extend(diff.unbanned.iter().map(|user| format!("- ban of {user}")));
    lines.extend(diff.invited.iter().map(|invite| format!("+ invitation {}", invite.invite)));
    lines.extend(diff.uninvited.iter().map(|invite| format!("- invitation {invite}")));
    lines.extend(diff.pinned.iter().map(|message| format!("+ pin of {message}")));
    lines.extend(diff.unpinned.iter().map(|message| format!("- pin of {message}")));
    lines.extend(diff.posted.iter().map(|change| of_message("+", change)));
    lines.extend(diff.edited.iter().map(|change| of_message("~", change)));
    lines.extend(diff.deleted_messages.iter().map(|change| of_message("-", change)));
    if lines.is_empty() {
        lines.push("nothing changed".to_owned());
    }
    lines
}

fn of_message(sign: &str, change: &MessageChange) -> String {
    let revision = change.revision.map_or_else(String::new, |revision| format!(", revision {revision}"));
    format!("{sign} message {} by {} at position {}{revision}", change.message, change.act.by, change.act.position)
}
