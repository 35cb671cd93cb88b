//! `posthaste log replay`: how things stood.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use posthaste_application::audit::as_of::AsOf;
use posthaste_application::audit::replay::{self, MessageAsOf, ThreadAsOf, UserAsOf};
use posthaste_application::audit::time;
use posthaste_application::port::{Cursors, EventLog};
use posthaste_domain::{MessageId, ThreadId, UserId};
use serde::Serialize;

use super::Target;
use super::moment::moment;
use super::print::word;
use crate::cli::out::say;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A position, or a time (RFC 3339), which means the highest position that was recorded then or before
    #[arg(long, value_name = "POSITION|TIME")]
    as_of: AsOf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A thread: its settings, members and roles, bans, invitations, pins
    Thread {
        /// Which
        id: ThreadId,
        #[command(flatten)]
        target: Target,
    },
    /// A user: profile, privacy, threads, friends
    User {
        /// Which
        id: UserId,
        #[command(flatten)]
        target: Target,
    },
    /// A message: what it said, reactions, and how far it had come to whom
    Message {
        /// Which
        id: MessageId,
        #[command(flatten)]
        target: Target,
    },
}

impl Replay {
    pub(super) const fn target(&self) -> &Target {
        match &self.what {
            What::Thread { target, .. } | What::User { target, .. } | What::Message { target, .. } => target,
        }
    }
}

pub(super) async fn run(log: &dyn EventLog, cursors: &dyn Cursors, replay: &Replay) -> anyhow::Result<()> {
    let moment = moment(log, replay.as_of).await?;
    let json = replay.target().json;
    let found = match &replay.what {
        What::Thread { id, .. } => replay::thread(log, *id, moment).await?.map(|state| show(&state, json, thread)),
        What::User { id, .. } => replay::user(log, *id, moment).await?.map(|state| show(&state, json, user)),
        What::Message { id, .. } => replay::message(log, cursors, *id, moment).await?.map(|state| show(&state, json, message)),
    };
    match found {
        Some(shown) => say!("{}", shown.context("it cannot be written as JSON")?),
        None => bail!("there was nothing of this id as of position {}", moment.position),
    }
    Ok(())
}

fn show<T: Serialize>(state: &T, json: bool, in_words: impl Fn(&T) -> Vec<String>) -> serde_json::Result<String> {
    if json { serde_json::to_string(state) } else { Ok(in_words(state).join("\n")) }
}

fn thread(state: &ThreadAsOf) -> Vec<String> {
    let settings = &state.settings;
    let title = settings.appearance.as_ref().map_or("(no title)", |look| look.title.as_str());
    let mut lines = vec![
        format!("{} {title} ({})", word(state.kind), state.thread),
        format!("as of position {}", state.as_of),
        format!("created at position {} by {}", state.created.position, state.created.by),
    ];
    lines.extend(state.deleted.map(|act| format!("deleted at position {} by {}", act.position, act.by)));
    lines.extend(settings.appearance.as_ref().and_then(|look| look.description.as_ref()).map(|text| format!("about: {}", text.as_str())));
    let passcode = if settings.has_passcode { ", with a passcode" } else { "" };
    lines.push(format!("{}, history {}{passcode}, revision {}", word(settings.visibility), word(settings.history), settings.revision));
    lines.push(format!("{} members", state.members.len()));
    lines.extend(state.members.iter().map(|member| format!("  {} {} since position {}", member.user, word(member.role), member.joined)));
    lines.push(format!("{} bans", state.bans.len()));
    lines.extend(state.bans.iter().map(|ban| format!("  {} by {} since position {}", ban.user, ban.act.by, ban.act.position)));
    lines.push(format!("{} invitations", state.invites.len()));
    lines.extend(state.invites.iter().map(|invite| {
        let whom = invite.user.map_or_else(|| format!("by link, used {} times", invite.uses), |user| format!("for {user}"));
        format!("  {} {whom}, until {}", invite.invite, time(invite.expires_at))
    }));
    lines.push(format!("{} pinned messages", state.pins.len()));
    lines.extend(state.pins.iter().map(|message| format!("  {message}")));
    lines
}

fn user(state: &UserAsOf) -> Vec<String> {
    let name = |profile: &posthaste_domain::user::Profile| format!("{} (@{})", profile.display_name.as_str(), profile.username.as_str());
    let mut lines = vec![
        format!("{} {}", state.profile.as_ref().map_or_else(|| "(erased)".to_owned(), name), state.user),
        format!("as of position {}", state.as_of),
        format!("registered at position {}, {}", state.registered, time(state.registered_at)),
        format!(
            "shows presence to {}, last seen to {}, read receipts {}",
            word(state.presence),
            word(state.last_seen),
            if state.read_receipts { "yes" } else { "no" }
        ),
        format!("logs in with a password{}", if state.two_factor { " and a second factor" } else { "" }),
        format!("{} ended logins", state.revoked_sessions.len()),
        format!("in {} threads", state.threads.len()),
    ];
    lines.extend(state.leaving.map(|at| format!("has asked to be erased at {}", time(at))));
    lines.extend(state.threads.iter().map(|seat| format!("  {} since position {}", seat.thread, seat.joined)));
    lines.push(format!("{} people", state.friends.len()));
    lines.extend(state.friends.iter().map(|friend| format!("  {} {} since position {}", friend.user, friend.state, friend.since)));
    lines
}

fn message(state: &MessageAsOf) -> Vec<String> {
    let mut lines = vec![
        format!("message {} in thread {}", state.message, state.thread),
        format!("as of position {}", state.as_of),
        format!("posted at position {} by {}, {}", state.posted.position, state.posted.by, time(state.posted.at)),
    ];
    lines.extend(state.edited.map(|act| format!("edited at position {}, revision {}", act.position, state.revision)));
    lines.extend(state.deleted.map(|act| format!("deleted at position {} by {}", act.position, act.by)));
    let text = state.content.as_ref().and_then(|content| content.text());
    lines.extend(text.map(|text| format!("> {}", text.as_str())));
    lines.extend(state.content.iter().flat_map(|content| content.attachments()).map(|file| format!("file {}", file.name.as_str())));
    lines.extend(state.reactions.iter().map(|reaction| format!("{} by {} users", reaction.emoji.as_str(), reaction.users.len())));
    lines.push(format!("owed to {}", state.deliveries.len()));
    lines.extend(state.deliveries.iter().map(|delivery| {
        let when = delivery.read.or(delivery.delivered).or(delivery.sent).map_or_else(String::new, |at| format!(" at {}", time(at)));
        format!("  {} {}{when}", delivery.user, delivery.status)
    }));
    lines
}
