//! What may happen to messages.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_domain::message::MessageEvent;
use posthaste_domain::text::Emoji;
use posthaste_domain::thread::Role;
use posthaste_domain::{MessageId, ThreadId, UserId};

use super::World;
use super::threads::Kind;

/// A message.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) thread: ThreadId,
    author: UserId,
    at: Position,
    /// Whose words these are, while they are those of another message.
    repeats: Option<MessageId>,
    pub(super) deleted: bool,
    revision: u32,
    reactions: HashSet<(UserId, Emoji)>,
}

impl World {
    pub(super) fn message(&mut self, event: MessageEvent, acts: impl Fn(UserId) -> anyhow::Result<()>) -> anyhow::Result<()> {
        match event {
            MessageEvent::Posted { message, thread, author, reply_to, mentions, forwarded, .. } => {
                let (at, reactions) = (self.at, HashSet::new());
                let repeats = forwarded.map(|source| source.message);
                let note = Note { thread, author, at, repeats, deleted: false, revision: 1, reactions };
                ensure!(self.messages.insert(message, note).is_none(), "posted twice");
                acts(author)?;
                self.may_post(thread, author)?;
                if let Some(answered) = reply_to {
                    self.sees(author, answered).context("the message that it answers")?;
                    ensure!(self.messages[&answered].thread == thread, "it answers a message of another thread");
                }
                if let Some(source) = forwarded {
                    self.sees_words(author, source.message).context("the message that it repeats")?;
                    ensure!(self.messages[&source.message].author == source.author, "it names another author than the source has");
                }
                let different: HashSet<_> = mentions.iter().collect();
                ensure!(mentions.len() <= 50 && different.len() == mentions.len(), "it mentions too many, or somebody twice");
            }
            MessageEvent::Edited { message, thread, author, revision, .. } => {
                acts(author)?;
                self.may_post(thread, author)?;
                self.sees(author, message)?;
                let note = self.note(message, thread)?;
                ensure!(note.author == author, "somebody else wrote it");
                note.repeats = None;
                note.revision += 1;
                ensure!(note.revision == revision, "the revision is {}", note.revision);
            }
            MessageEvent::Deleted { message, thread, by } => {
                acts(by)?;
                self.sees(by, message)?;
                self.deletes(message, thread, by)?;
            }
            MessageEvent::Reacted { message, thread, user, emoji } => {
                acts(user)?;
                self.sees(user, message)?;
                let note = self.note(message, thread)?;
                ensure!(note.reactions.insert((user, emoji)), "they had reacted so already");
                let different: HashSet<_> = note.reactions.iter().map(|(_, emoji)| emoji).collect();
                ensure!(different.len() <= 50, "{} different reactions", different.len());
            }
            MessageEvent::Unreacted { message, thread, user, emoji } => {
                acts(user)?;
                self.sees(user, message)?;
                ensure!(self.note(message, thread)?.reactions.remove(&(user, emoji)), "they had not reacted so");
            }
        }
        Ok(())
    }

    fn note(&mut self, message: MessageId, thread: ThreadId) -> anyhow::Result<&mut Note> {
        let note = self.messages.get_mut(&message).context("there is no such message")?;
        ensure!(note.thread == thread, "the message is in another thread");
        Ok(note)
    }

    /// A member whose role allows it; in a direct thread, a friend.
    fn may_post(&mut self, thread: ThreadId, author: UserId) -> anyhow::Result<()> {
        let room = self.room(thread)?;
        let rank = room.rank(author)?;
        match room.kind {
            Kind::Group => Ok(()),
            Kind::Channel => {
                ensure!(rank >= Role::Admin, "only the owner and admins post in a channel");
                Ok(())
            }
            Kind::Direct(pair) => {
                let between = self.friendships.entry(pair).or_default();
                ensure!(between.blocks.is_empty(), "one of the two has blocked the other");
                ensure!(between.friends, "the two are not friends");
                Ok(())
            }
        }
    }

    /// The message stands, in a thread the user is in, and within what the thread lets them see.
    pub(super) fn sees(&mut self, user: UserId, message: MessageId) -> anyhow::Result<()> {
        let note = self.messages.get(&message).context("there is no such message")?;
        ensure!(!note.deleted, "the message was deleted");
        let (thread, at) = (note.thread, note.at);
        let room = self.room(thread)?;
        room.rank(user)?;
        ensure!(room.shows(user, at), "it was written while {user} was not a member, and the thread shows no more than that");
        Ok(())
    }

    /// The words of a message stand where somebody sees them: there, or in another message that repeats them.
    fn sees_words(&mut self, user: UserId, message: MessageId) -> anyhow::Result<()> {
        let (there, now) = (self.sees(user, message), self.at);
        let repeating = |(id, note): (&MessageId, &Note)| (note.repeats == Some(message) && note.at < now).then_some(*id);
        let copies: Vec<_> = self.messages.iter().filter_map(repeating).collect();
        if copies.into_iter().any(|copy| self.sees(user, copy).is_ok()) { Ok(()) } else { there }
    }

    /// Deletes a message that stands, if it is one's own or the role allows it.
    pub(super) fn deletes(&mut self, message: MessageId, thread: ThreadId, by: UserId) -> anyhow::Result<()> {
        let moderates = self.room(thread)?.moderates(by)?;
        let note = self.note(message, thread)?;
        ensure!(!note.deleted, "it was deleted already");
        note.deleted = true;
        ensure!(note.author == by || moderates, "{by} neither wrote it nor moderates the thread");
        Ok(())
    }
}
