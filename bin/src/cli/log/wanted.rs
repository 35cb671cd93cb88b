//! Which events are wanted: the same for whoever exports, shows or follows the log.

use chrono::{DateTime, Utc};
use clap::Args;
use posthaste_application::audit::filter::Filter;
use posthaste_application::recorded::{Position, StreamId};
use posthaste_domain::{Category, Event, ThreadId, UserId};

/// Of each filter several can be given, and one of them must fit.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only events of this category: user, claim, friendship, thread, message, subscription, operation
    #[arg(long, value_parser = category)]
    category: Vec<Category>,
    /// Only this stream, such as `message-<id>`. One alone is exported without reading the rest of the log
    #[arg(long)]
    stream: Vec<StreamId>,
    /// Only this thread: what happened to it, and in it
    #[arg(long)]
    thread: Vec<ThreadId>,
    /// Only what this user did
    #[arg(long)]
    actor: Vec<UserId>,
    /// Only this type, such as `message.posted`; also one that a newer version has recorded
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    types: Vec<String>,
    /// From this position on
    #[arg(long)]
    pub(super) from: Option<u64>,
    /// Up to this position
    #[arg(long)]
    pub(super) to: Option<u64>,
    /// Only what was recorded at this time or later (RFC 3339)
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Only what was recorded before this time (RFC 3339)
    #[arg(long)]
    until: Option<DateTime<Utc>>,
}

impl Wanted {
    /// Every argument there is.
    pub(super) const ANY: [&'static str; 9] = ["category", "stream", "thread", "actor", "types", "from", "to", "since", "until"];

    pub(super) fn filter(&self) -> Filter {
        Filter {
            categories: self.category.clone(),
            streams: self.stream.clone(),
            threads: self.thread.clone(),
            actors: self.actor.clone(),
            types: self.types.clone(),
            since: self.since,
            until: self.until,
        }
    }

    /// After which position, and up to which, in a log that ends here.
    pub(super) fn range(&self, head: Position) -> (Position, Position) {
        (Position(self.from.unwrap_or(1).saturating_sub(1)), self.to.map_or(head, Position).min(head))
    }

    /// Whether this position is wanted.
    pub(super) fn has(&self, position: Position) -> bool {
        self.from.is_none_or(|from| position.0 >= from) && self.to.is_none_or(|to| position.0 <= to)
    }
}

fn category(name: &str) -> Result<Category, String> {
    let known = Category::ALL.into_iter().find(|category| category.as_str() == name);
    known.ok_or_else(|| format!("the categories are {}", Category::ALL.map(|category| category.to_string()).join(", ")))
}

/// Any that there could be. Of one that this program does not know that is said, for it may be a slip.
fn event_type(name: &str) -> Result<String, String> {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match name.split_once('.') {
        Some((category, what)) if is_word(category) && is_word(what) => {
            if !Event::TYPES.contains(&name) {
                eprintln!("posthaste: {name} is no type that this version knows");
            }
            Ok(name.to_owned())
        }
        Some(_) | None => Err("a type is a category and what happened, such as message.posted".to_owned()),
    }
}
