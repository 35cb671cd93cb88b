//! The fold of the timeline.

use std::collections::{BTreeSet, HashMap};

use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Event, MessageId, ThreadId};

use super::state::{MessageState, Rare, Reactions, Stream, What};
use super::{Notice, Reaction};
use crate::codec::Undecodable;
use crate::recorded::Recorded;
use crate::view::compare::Part;
use crate::view::keyed::Moment;
use crate::view::{Page, View, ViewName};

/// The fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    threads: HashMap<ThreadId, Stream>,
    /// Where each message stands among the entries of its thread.
    places: HashMap<MessageId, (ThreadId, usize)>,
}

impl Timeline {
    pub(in crate::view) fn reactions(&self, message: MessageId, page: Page) -> Vec<Reaction> {
        let rare = self.find(message).and_then(|(.., state)| state.rare.as_ref());
        let reactions = rare.into_iter().flat_map(|rare| rare.reactions.before(page));
        let reaction = reactions.map(|(position, (user, emoji), at)| Reaction { position, user: *user, emoji: emoji.clone(), at: *at });
        reaction.take(page.limit).collect()
    }

    /// How many messages were posted, those that were deleted since included.
    pub(in crate::view) fn count(&self) -> u64 {
        self.places.len() as u64
    }

    pub(in crate::view) fn stream(&self, thread: ThreadId) -> Option<&Stream> {
        self.threads.get(&thread)
    }

    /// A message, in which thread it is, and where.
    pub(in crate::view) fn find(&self, message: MessageId) -> Option<(ThreadId, Moment, &MessageState)> {
        let (thread, place) = self.places.get(&message)?;
        let (moment, state) = self.threads.get(thread)?.message(*place)?;
        Some((*thread, moment, state))
    }

    /// The entries, by thread and position; only threads that differ are looked into.
    fn entries(&self, other: &Self) -> Part {
        let of = |fold: &Self| fold.threads.values().map(|stream| stream.items.len() as u64).sum();
        let mut part = Part { name: "entries", here: of(self), there: of(other), differing: Vec::new() };
        let none = Stream::default();
        let threads: BTreeSet<_> = self.threads.keys().chain(other.threads.keys()).copied().collect();
        for thread in threads {
            let [here, there] = [self, other].map(|fold| fold.threads.get(&thread).unwrap_or(&none));
            if here != there {
                let [here, there] = [here, there].map(|stream| stream.items.iter().map(|item| (item.moment.position, item)).collect());
                part.differing.extend(Part::of("entries", &here, &there, |position| format!("{thread} {position:0>12}")).differing);
            }
        }
        part
    }

    fn on_message(&mut self, event: &MessageEvent, now: Moment) {
        match event {
            MessageEvent::Posted { message, thread, author, reply_to, mentions, forwarded, content } => {
                let mut posted = MessageState {
                    message: *message,
                    author: *author,
                    content: content.known().cloned(),
                    deleted: false,
                    revision: 1,
                    rare: None,
                };
                if reply_to.is_some() || forwarded.is_some() || !mentions.is_empty() {
                    let rare = Rare { reply_to: *reply_to, mentions: mentions.clone(), forwarded: *forwarded, ..Rare::default() };
                    posted.rare = Some(Box::new(rare));
                }
                let place = self.threads.entry(*thread).or_default().push(now, What::Message(Box::new(posted)));
                self.places.insert(*message, (*thread, place));
            }
            MessageEvent::Edited { message, thread: _, author: _, revision, mentions, content } => self.rewrite(*message, |state| {
                state.content = content.known().cloned();
                state.revision = *revision;
                let rare = state.rare();
                rare.mentions.clone_from(mentions);
                rare.edited_at = Some(now.at);
            }),
            MessageEvent::Deleted { message, thread: _, by: _ } => self.delete(*message),
            MessageEvent::Reacted { message, thread: _, user, emoji } => self.react(*message, |reactions| {
                let key = (*user, emoji.clone());
                if !reactions.contains(&key) {
                    reactions.insert(now.position, key, now.at);
                }
            }),
            MessageEvent::Unreacted { message, thread: _, user, emoji } => {
                self.react(*message, |reactions| reactions.remove(&(*user, emoji.clone())));
            }
        }
    }

    fn on_thread(&mut self, event: &ThreadEvent, now: Moment) {
        match event {
            ThreadEvent::MessagePinned { thread, by: _, message } => {
                self.threads.entry(*thread).or_default().pins.insert(now.position, *message, ());
            }
            ThreadEvent::MessageUnpinned { thread, by: _, message } => {
                self.threads.entry(*thread).or_default().pins.remove(message);
            }
            ThreadEvent::MessagesDeleted { thread: _, by: _, messages } => messages.iter().for_each(|message| self.delete(*message)),
            ThreadEvent::Opened { .. }
            | ThreadEvent::Created { .. }
            | ThreadEvent::Updated { .. }
            | ThreadEvent::Deleted { .. }
            | ThreadEvent::MembersAdded { .. }
            | ThreadEvent::Joined { .. }
            | ThreadEvent::Left { .. }
            | ThreadEvent::MemberRemoved { .. }
            | ThreadEvent::RoleChanged { .. }
            | ThreadEvent::OwnershipTransferred { .. }
            | ThreadEvent::Banned { .. }
            | ThreadEvent::Unbanned { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. } => {}
        }
    }

    /// A message that is not deleted, and the entries among which it stands.
    fn standing(&mut self, message: MessageId) -> Option<(&mut Stream, usize)> {
        let (thread, place) = self.places.get(&message)?;
        let stream = self.threads.get_mut(thread)?;
        let stands = stream.message(*place).is_some_and(|(_, state)| !state.deleted);
        stands.then_some((stream, *place))
    }

    /// Changes what a message says, unless it is deleted.
    fn rewrite(&mut self, message: MessageId, rewrite: impl FnOnce(&mut MessageState)) {
        if let Some((stream, place)) = self.standing(message) {
            stream.rewrite(place, rewrite);
        }
    }

    /// Changes the reactions to a message, unless it is deleted.
    fn react(&mut self, message: MessageId, react: impl FnOnce(&mut Reactions)) {
        if let Some((stream, place)) = self.standing(message) {
            stream.react(place, react);
        }
    }

    /// Nothing of what a message said is kept.
    fn delete(&mut self, message: MessageId) {
        self.rewrite(message, |state| {
            state.deleted = true;
            state.content = None;
            if let Some(rare) = &mut state.rare {
                rare.mentions.clear();
                rare.reactions = Reactions::default();
            }
        });
        if let Some(stream) = self.places.get(&message).and_then(|(thread, _)| self.threads.get_mut(thread)) {
            stream.pins.remove(&message);
        }
    }
}

impl View for Timeline {
    const NAME: ViewName = ViewName::Timeline;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        if !Self::NAME.takes(recorded.stream.category) {
            return Ok(());
        }
        let event = recorded.event()?;
        let now = Moment::from(recorded);
        if let (Some(notice), Event::Thread(said)) = (Notice::of(event), event) {
            self.threads.entry(said.thread()).or_default().push(now, What::Notice(Box::new(notice)));
        }
        match event {
            Event::Thread(event) => self.on_thread(event, now),
            Event::Message(event) => self.on_message(event, now),
            Event::User(UserEvent::Erased { user }) => self.threads.values_mut().for_each(|stream| stream.erase(*user)),
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Subscription(_) | Event::Operation(_) => {}
        }
        Ok(())
    }

    fn compare(&self, other: &Self) -> Vec<Part> {
        vec![
            self.entries(other),
            Part::of("threads", &self.threads, &other.threads, ThreadId::to_string),
            Part::of("messages", &self.places, &other.places, MessageId::to_string),
        ]
    }
}
