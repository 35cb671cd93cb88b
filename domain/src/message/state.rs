//! A message that stands in its thread: what can be done with it, and what became of it.

use std::collections::{HashMap, HashSet};

use super::content::MessageContent;
use super::event::{Forwarded, MessageEvent};
use super::refusal::MessageRefusal;
use super::{EMOJI_LIMIT, MENTION_LIMIT};
use crate::event::Personal;
use crate::id::{MessageId, ThreadId, UserId};
use crate::text::Emoji;
use crate::thread::{PostPermit, ReactPermit};

/// A message that stands in its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Which message.
    pub message: MessageId,
    /// In which thread.
    pub thread: ThreadId,
    /// By whom.
    pub author: UserId,
    /// How many times it was written.
    pub revision: u32,
    /// Who is mentioned, each once.
    pub mentions: Vec<UserId>,
    /// What it says.
    pub content: Personal<MessageContent>,
    /// Where that comes from, while it is what was forwarded.
    pub forwarded: Option<Forwarded>,
    /// Who reacted with what; no emoji without anybody.
    pub reactions: HashMap<Emoji, HashSet<UserId>>,
}

impl Posted {
    /// Where its words come from: what another message repeats of it, it repeats of that.
    #[must_use]
    pub fn origin(&self) -> Forwarded {
        self.forwarded.unwrap_or(Forwarded { message: self.message, author: self.author })
    }

    /// Whether the user reacted with it.
    #[must_use]
    pub fn has_reaction(&self, user: UserId, emoji: &Emoji) -> bool {
        self.reactions.get(emoji).is_some_and(|users| users.contains(&user))
    }

    pub(super) fn edit(
        &self,
        permit: PostPermit,
        revision: Option<u32>,
        mentions: Vec<UserId>,
        content: MessageContent,
    ) -> Result<Option<MessageEvent>, MessageRefusal> {
        self.stands_in(permit.thread())?;
        if permit.author() != self.author {
            return Err(MessageRefusal::NotTheAuthor);
        }
        if revision.is_some_and(|revision| revision != self.revision) {
            return Err(MessageRefusal::RevisionMismatch);
        }
        let (mentions, content) = (mentioned(mentions)?, Personal::Known(content));
        let changed = mentions != self.mentions || content != self.content;
        Ok(changed.then(|| MessageEvent::Edited {
            message: self.message,
            thread: self.thread,
            author: self.author,
            revision: self.revision.saturating_add(1),
            mentions,
            content,
        }))
    }

    pub(super) fn react(&self, permit: ReactPermit, emoji: Emoji) -> Result<Option<MessageEvent>, MessageRefusal> {
        self.stands_in(permit.thread())?;
        if self.has_reaction(permit.user(), &emoji) {
            return Ok(None);
        }
        if !self.reactions.contains_key(&emoji) && self.reactions.len() >= EMOJI_LIMIT {
            return Err(MessageRefusal::TooManyReactions);
        }
        Ok(Some(MessageEvent::Reacted { message: self.message, thread: self.thread, user: permit.user(), emoji }))
    }

    pub(super) fn unreact(&self, permit: ReactPermit, emoji: Emoji) -> Result<Option<MessageEvent>, MessageRefusal> {
        self.stands_in(permit.thread())?;
        let (message, thread, user) = (self.message, self.thread, permit.user());
        Ok(self.has_reaction(user, &emoji).then_some(MessageEvent::Unreacted { message, thread, user, emoji }))
    }

    /// A permit for one thread says nothing about a message of another.
    fn stands_in(&self, thread: ThreadId) -> Result<(), MessageRefusal> {
        if self.thread == thread { Ok(()) } else { Err(MessageRefusal::NotFound) }
    }

    pub(super) fn is(&self, message: MessageId, thread: ThreadId) -> bool {
        self.message == message && self.thread == thread
    }

    pub(super) fn reacted(&mut self, user: UserId, emoji: &Emoji) {
        self.reactions.entry(emoji.clone()).or_default().insert(user);
    }

    pub(super) fn unreacted(&mut self, user: UserId, emoji: &Emoji) {
        if let Some(users) = self.reactions.get_mut(emoji) {
            users.remove(&user);
            if users.is_empty() {
                self.reactions.remove(emoji);
            }
        }
    }
}

/// Who is mentioned, each once, in the order of the first mention.
pub(super) fn mentioned(mut mentions: Vec<UserId>) -> Result<Vec<UserId>, MessageRefusal> {
    let mut seen = HashSet::new();
    mentions.retain(|user| seen.insert(*user));
    if mentions.len() > MENTION_LIMIT { Err(MessageRefusal::TooManyMentions) } else { Ok(mentions) }
}
