//! What the fold keeps of the entries of one thread.

use std::ops::Range;

use chrono::{DateTime, Utc};
use posthaste_domain::message::{Forwarded, MessageContent};
use posthaste_domain::text::Emoji;
use posthaste_domain::{MessageId, UserId};

use super::Notice;
use super::words::{Index, Words};
use crate::recorded::Position;
use crate::view::keyed::{Keyed, Moment};
use crate::view::sight::Sight;

/// The entries of a thread. None is ever taken out: what was deleted keeps its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::view) struct Stream {
    /// In the order of their positions.
    pub(super) items: Vec<Item>,
    /// Which of the items are messages.
    messages: Vec<usize>,
    pub(in crate::view) pins: Keyed<MessageId, ()>,
    words: Index,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::view) struct Item {
    pub(in crate::view) moment: Moment,
    /// The latest time of this entry and of those before it. The clock of the log can go back; this cannot, so it can be searched.
    latest: DateTime<Utc>,
    pub(in crate::view) what: What,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::view) enum What {
    Message(Box<MessageState>),
    Notice(Box<Notice>),
}

/// Who reacted with what, and when.
pub(in crate::view) type Reactions = Keyed<(UserId, Emoji), DateTime<Utc>>;

/// A message, whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::view) struct MessageState {
    pub(in crate::view) message: MessageId,
    pub(in crate::view) author: UserId,
    pub(in crate::view) content: Option<MessageContent>,
    pub(in crate::view) deleted: bool,
    pub(in crate::view) revision: u32,
    /// Apart, for most messages have nothing of it, and there are many messages.
    pub(in crate::view) rare: Option<Box<Rare>>,
}

/// What few messages have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::view) struct Rare {
    pub(in crate::view) edited_at: Option<DateTime<Utc>>,
    pub(in crate::view) reply_to: Option<MessageId>,
    pub(in crate::view) mentions: Vec<UserId>,
    pub(in crate::view) forwarded: Option<Forwarded>,
    pub(in crate::view) reactions: Reactions,
}

impl MessageState {
    /// Whose words it says: what was forwarded stays its author's, until it is edited.
    fn speaker(&self) -> UserId {
        let forwarded = self.rare.as_ref().and_then(|rare| rare.forwarded);
        forwarded.filter(|_| self.revision == 1).map_or(self.author, |forwarded| forwarded.author)
    }

    /// To change something of what few messages have.
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its words.
    pub(in crate::view) fn text(&self) -> Option<&str> {
        Some(self.content.as_ref()?.text()?.as_str())
    }
}

impl Stream {
    /// Puts an entry at the end, and gives its place.
    pub(super) fn push(&mut self, moment: Moment, what: What) -> usize {
        let place = self.items.len();
        match &what {
            What::Message(message) => {
                if let (Some(words), Some(text)) = (self.words.kept(), message.text()) {
                    words.add(moment.position, text);
                }
                self.messages.push(place);
            }
            What::Notice(_) => {}
        }
        let latest = self.items.last().map_or(moment.at, |before| before.latest.max(moment.at));
        self.items.push(Item { moment, latest, what });
        place
    }

    /// The message at a place.
    pub(in crate::view) fn message(&self, place: usize) -> Option<(Moment, &MessageState)> {
        match self.items.get(place) {
            Some(Item { moment, what: What::Message(message), .. }) => Some((*moment, message)),
            Some(Item { what: What::Notice(_), .. }) | None => None,
        }
    }

    /// Changes what the message at a place says.
    pub(super) fn rewrite(&mut self, place: usize, rewrite: impl FnOnce(&mut MessageState)) {
        let Some(Item { moment, what: What::Message(message), .. }) = self.items.get_mut(place) else { return };
        let Some(words) = self.words.kept() else { return rewrite(message) };
        if let Some(text) = message.text() {
            words.remove(moment.position, text);
        }
        rewrite(message);
        if let Some(text) = message.text() {
            words.add(moment.position, text);
        }
    }

    /// Takes out whatever is in the words of a user.
    pub(super) fn erase(&mut self, user: UserId) {
        for place in self.messages.clone() {
            if self.message(place).is_some_and(|(_, message)| message.speaker() == user) {
                self.rewrite(place, |message| message.content = None);
            }
        }
    }

    /// Changes the reactions to the message at a place.
    pub(super) fn react(&mut self, place: usize, react: impl FnOnce(&mut Reactions)) {
        match self.items.get_mut(place) {
            Some(Item { what: What::Message(message), .. }) => react(&mut message.rare().reactions),
            Some(Item { what: What::Notice(_), .. }) | None => {}
        }
    }

    /// The words of its messages.
    pub(in crate::view) fn words(&self) -> &Words {
        let messages = self.messages.iter().filter_map(|place| self.message(*place));
        self.words.of(messages.filter_map(|(moment, message)| Some((moment.position, message.text()?))))
    }

    /// The message at a position.
    pub(in crate::view) fn message_at(&self, position: Position) -> Option<&MessageState> {
        let place = self.items.partition_point(|item| item.moment.position < position);
        self.message(place).filter(|(moment, _)| moment.position == position).map(|(_, message)| message)
    }

    /// The entries that are seen, lowest position first.
    pub(in crate::view) fn seen<'a>(&'a self, sight: &'a Sight) -> impl DoubleEndedIterator<Item = &'a Item> {
        sight.ranges().flat_map(|range| &self.items[self.between(range)])
    }

    /// The messages that are seen, lowest position first.
    pub(in crate::view) fn messages_seen<'a>(&'a self, sight: &'a Sight) -> impl DoubleEndedIterator<Item = (Moment, &'a MessageState)> {
        let places = sight.ranges().flat_map(|(from, until)| {
            let first = self.messages.partition_point(|place| self.items[*place].moment.position < from);
            let end = self.messages.partition_point(|place| self.items[*place].moment.position <= until);
            &self.messages[first..end]
        });
        places.filter_map(|place| self.message(*place))
    }

    /// The newest message that is not above a position.
    pub(in crate::view) fn last_message(&self, bound: Position) -> Option<(Moment, &MessageState)> {
        let end = self.messages.partition_point(|place| self.items[*place].moment.position <= bound);
        self.message(*self.messages[..end].last()?)
    }

    /// The first entry that is seen and was recorded at or after a time.
    pub(in crate::view) fn first_at(&self, sight: &Sight, at: DateTime<Utc>) -> Option<Position> {
        // Everything before it is earlier, whatever the clock did.
        let first = self.items.partition_point(|item| item.latest < at);
        let later = sight.within(self.items.get(first)?.moment.position, Position(u64::MAX));
        self.seen(&later).find(|item| item.moment.at >= at).map(|item| item.moment.position)
    }

    fn between(&self, (from, until): (Position, Position)) -> Range<usize> {
        let first = self.items.partition_point(|item| item.moment.position < from);
        let end = self.items.partition_point(|item| item.moment.position <= until);
        first..end
    }
}
