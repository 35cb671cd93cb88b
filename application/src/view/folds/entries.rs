//! Messages and notices, as one user sees them.

use chrono::{DateTime, Utc};
use posthaste_domain::{MessageId, ThreadId, UserId};

use super::Folds;
use crate::recorded::Position;
use crate::view::keyed::Moment;
use crate::view::sight::Sight;
use crate::view::timeline::state::{Item, MessageState, What};
use crate::view::timeline::{Direction, Entry, MessageEntry, Quote, ReactionCount, TimelineEntry, TimelinePage, quoted};
use crate::view::{Page, Search};

/// A user who looks at a thread.
struct Looker<'a> {
    user: UserId,
    thread: ThreadId,
    sight: &'a Sight,
}

impl Folds<'_> {
    /// See [`Views::timeline`](crate::view::Views::timeline).
    #[must_use]
    pub fn timeline(&self, user: UserId, thread: ThreadId, page: TimelinePage) -> Vec<TimelineEntry> {
        let Some(stream) = self.timeline.stream(thread) else { return Vec::new() };
        let sight = &self.threads.sight(user, thread);
        let looker = Looker { user, thread, sight };
        match page.direction {
            Direction::Before(before) => {
                stream.seen(&sight.below(before)).rev().take(page.limit).map(|item| self.entry(&looker, item)).collect()
            }
            Direction::Since(since) => {
                let mut oldest: Vec<_> = stream.seen(&sight.above(since)).take(page.limit).map(|item| self.entry(&looker, item)).collect();
                oldest.reverse();
                oldest
            }
        }
    }

    /// See [`Views::position_at`](crate::view::Views::position_at).
    #[must_use]
    pub fn position_at(&self, user: UserId, thread: ThreadId, at: DateTime<Utc>) -> Option<Position> {
        self.timeline.stream(thread)?.first_at(&self.threads.sight(user, thread), at)
    }

    /// See [`Views::message`](crate::view::Views::message).
    #[must_use]
    pub fn message(&self, user: UserId, message: MessageId) -> Option<TimelineEntry> {
        let (thread, moment, state) = self.timeline.find(message)?;
        let sight = &self.threads.sight(user, thread);
        sight.sees(moment.position).then(|| self.posted(&Looker { user, thread, sight }, moment, state))
    }

    /// See [`Views::pins`](crate::view::Views::pins).
    #[must_use]
    pub fn pins(&self, user: UserId, thread: ThreadId, page: Page) -> Vec<(Position, TimelineEntry)> {
        let pins = self.timeline.stream(thread).into_iter().flat_map(|stream| stream.pins.before(page));
        let seen = pins.filter_map(|(pinned, message, ())| {
            let entry = self.message(user, *message).filter(|entry| entry.thread == thread)?;
            Some((pinned, entry))
        });
        seen.take(page.limit).collect()
    }

    /// See [`Views::search`](crate::view::Views::search).
    #[must_use]
    pub fn search(&self, user: UserId, thread: Option<ThreadId>, search: &Search, page: Page) -> Vec<TimelineEntry> {
        let threads: Vec<_> = thread.map_or_else(|| self.threads.of(user).collect(), |thread| vec![thread]);
        let mut found: Vec<_> = threads.into_iter().flat_map(|thread| self.search_in(user, thread, search, page)).collect();
        found.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        found.into_iter().take(page.limit).filter_map(|(_, message)| self.message(user, message)).collect()
    }

    /// The newest that match in one thread.
    fn search_in(&self, user: UserId, thread: ThreadId, search: &Search, page: Page) -> Vec<(Position, MessageId)> {
        let Some(stream) = self.timeline.stream(thread) else { return Vec::new() };
        let sight = self.threads.sight(user, thread).below(page.before);
        let text = |position| stream.message_at(position).and_then(MessageState::text);
        let found = stream.words().find(search, &sight, page.limit, text);
        found.into_iter().filter_map(|position| Some((position, stream.message_at(position)?.message))).collect()
    }

    fn entry(&self, looker: &Looker<'_>, item: &Item) -> TimelineEntry {
        match &item.what {
            What::Message(state) => self.posted(looker, item.moment, state),
            What::Notice(notice) => entry(looker, item.moment, Entry::Notice((**notice).clone())),
        }
    }

    fn posted(&self, looker: &Looker<'_>, moment: Moment, state: &MessageState) -> TimelineEntry {
        let pinned = self.timeline.stream(looker.thread).is_some_and(|stream| stream.pins.contains(&state.message));
        let rare = state.rare.as_deref();
        let message = MessageEntry {
            message: state.message,
            author: state.author,
            content: state.content.clone(),
            deleted: state.deleted,
            revision: state.revision,
            edited_at: rare.and_then(|rare| rare.edited_at),
            reply_to: rare.and_then(|rare| rare.reply_to).map(|answered| self.quote(looker, answered)),
            mentions: rare.map(|rare| rare.mentions.clone()).unwrap_or_default(),
            forwarded: rare.and_then(|rare| rare.forwarded),
            pinned,
            reactions: counts(state, looker.user),
        };
        entry(looker, moment, Entry::Message(Box::new(message)))
    }

    /// What is shown of the message that another one of the same thread answers.
    fn quote(&self, looker: &Looker<'_>, message: MessageId) -> Quote {
        let found = self.timeline.find(message);
        match found.filter(|(thread, moment, _)| *thread == looker.thread && looker.sight.sees(moment.position)) {
            Some((.., state)) => Quote { message, author: Some(state.author), text: state.text().map(quoted), deleted: state.deleted },
            None => Quote { message, author: None, text: None, deleted: false },
        }
    }
}

fn entry(looker: &Looker<'_>, Moment { position, at }: Moment, entry: Entry) -> TimelineEntry {
    TimelineEntry { position, thread: looker.thread, at, entry }
}

/// The reactions of a message by emoji, the one that was used first first.
fn counts(state: &MessageState, user: UserId) -> Vec<ReactionCount> {
    let mut counts: Vec<ReactionCount> = Vec::new();
    for (_, (by, emoji), _) in state.rare.iter().flat_map(|rare| rare.reactions.iter()) {
        let mine = *by == user;
        match counts.iter_mut().find(|count| count.emoji == *emoji) {
            Some(count) => {
                count.count += 1;
                count.mine |= mine;
            }
            None => counts.push(ReactionCount { emoji: emoji.clone(), count: 1, mine }),
        }
    }
    counts
}
