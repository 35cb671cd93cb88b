//! The proof that one event is in a sealed log, for somebody who has neither the log nor any other event of it, only a public key.
//!
//! It holds the event, a path of hashes from its leaf to the root of the tree, and the seal that signs the root. The event can be shown
//! without its personal content: its facts are in the leaf under a digest of their own, and the content only in the event's hash, which
//! then stands for itself.

use chrono::{DateTime, Utc};
use posthaste_domain::{CommandId, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::key::PublicKey;
use super::leaf_of;
use super::merkle::{PathBuilder, above, root_by_path};
use super::page::Page;
use super::seal::{BadSeal, Seal};
use crate::chain::{Link, link};
use crate::hex;
use crate::recorded::{Decoded, Hash, Position, Recorded, StreamId};

/// What a proof is called in its file.
const KIND: &str = "posthaste inclusion proof v1";

/// That one event is in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// What this is.
    pub proof: String,
    /// The event, without what may stay hidden.
    pub event: Shown,
    /// Its hash in the chain.
    #[serde(with = "hex")]
    pub hash: Hash,
    /// The rest of it, if it is not hidden.
    pub rest: Option<Rest>,
    /// From the leaf to the root, nearest first.
    #[serde(with = "hex::list")]
    pub path: Vec<Hash>,
    /// What signs the root.
    pub seal: Seal,
}

/// All of an event but its content, and what would help to guess that. The names are those of [`Recorded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Recorded")]
pub struct Shown {
    pub position: Position,
    pub stream: StreamId,
    pub version: u64,
    #[serde(rename = "type")]
    pub event_type: String,
    pub schema: u16,
    /// The exact text that is stored.
    pub facts: String,
    /// Whether there is any, shown or not.
    pub has_content: bool,
    pub thread: Option<ThreadId>,
    pub actor: Option<UserId>,
    pub command: CommandId,
    pub ordinal: u16,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// What the hash of an event covers beside that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// The personal content as it is stored; nothing if the event has none.
    pub content: Option<Content>,
    /// The digest of its command.
    #[serde(with = "hex")]
    pub fingerprint: Hash,
    /// The hash of the event before it.
    #[serde(with = "hex")]
    pub before: Hash,
}

/// Bytes, readable if they can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// They are text.
    Text(String),
    /// They are not, as when they are sealed under a user's key.
    #[serde(with = "hex::any")]
    Hex(Vec<u8>),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Hex(error.into_bytes()), Self::Text)
    }
}

impl From<Content> for Vec<u8> {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => text.into_bytes(),
            Content::Hex(bytes) => bytes,
        }
    }
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// It is something else.
    #[error("not a {KIND}")]
    AnotherKind,
    /// Its seal is not one.
    #[error("the seal of the proof is not good")]
    Seal(#[from] BadSeal),
    /// Content or fingerprint are not those of the event.
    #[error("the content or what comes with it is not that of the event")]
    Rest,
    /// The event is not in the tree that was sealed.
    #[error("the event is not among those that were sealed, or not as it is shown, or not at this position")]
    NotIncluded,
}

impl Proof {
    /// Whether it proves that the event is in the sealed log, as it is shown.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, trusted: &[PublicKey]) -> Result<(), Unproven> {
        if self.proof != KIND {
            return Err(Unproven::AnotherKind);
        }
        self.seal.check(trusted)?;
        let shown = self.event.recorded(self.hash, self.rest.as_ref());
        if let Some(rest) = &self.rest {
            let whole = Link::from(&shown);
            if rest.content.is_some() != self.event.has_content || link(&rest.before, &whole.digest, whole.position, whole.at) != self.hash
            {
                return Err(Unproven::Rest);
            }
        }
        let index = self.event.position.0.checked_sub(1).ok_or(Unproven::NotIncluded)?;
        let root = root_by_path(leaf_of(&self.hash, &shown), index, self.seal.position.0, &self.path);
        if root == Some(self.seal.root) { Ok(()) } else { Err(Unproven::NotIncluded) }
    }
}

impl Shown {
    fn of(event: &Recorded) -> Self {
        Self {
            position: event.position,
            stream: event.stream,
            version: event.version,
            event_type: event.event_type.clone(),
            schema: event.schema,
            facts: event.facts.clone(),
            has_content: event.content.is_some(),
            thread: event.thread,
            actor: event.actor,
            command: event.command,
            ordinal: event.ordinal,
            correlation: event.correlation,
            causation: event.causation,
            at: event.at,
        }
    }

    /// The event, with nothing where something is hidden.
    fn recorded(&self, hash: Hash, rest: Option<&Rest>) -> Recorded {
        let content = rest.and_then(|rest| rest.content.clone()).map(Vec::from);
        Recorded {
            position: self.position,
            stream: self.stream,
            version: self.version,
            event_type: self.event_type.clone(),
            schema: self.schema,
            facts: self.facts.clone(),
            content: self.has_content.then(|| content.unwrap_or_default()),
            thread: self.thread,
            actor: self.actor,
            command: self.command,
            ordinal: self.ordinal,
            fingerprint: rest.map_or([0; 32], |rest| rest.fingerprint),
            correlation: self.correlation,
            causation: self.causation,
            at: self.at,
            hash,
            decoded: Decoded::default(),
        }
    }
}

/// A proof in the making. It needs the leaves of one perfect tree of the seal, the one that the event is in, and neither the events
/// before nor those after it.
#[derive(Debug)]
pub struct Prover {
    seal: Seal,
    tree: usize,
    first: Position,
    last: Position,
    builder: PathBuilder,
}

/// The log is not what the seal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the events from {from} to {to} are not those that were sealed: run `posthaste log verify --seals`")]
pub struct NotWhatWasSealed {
    /// The first of them.
    pub from: Position,
    /// The last of them.
    pub to: Position,
}

impl Prover {
    /// For an event and a seal that is good; nothing if the seal does not cover it.
    #[must_use]
    pub fn new(position: Position, seal: Seal) -> Option<Self> {
        let index = position.0.checked_sub(1)?;
        let (tree, first, width) = seal.tree()?.tree_of(index)?;
        let builder = PathBuilder::new(index - first);
        Some(Self { seal, tree, first: Position(first + 1), last: Position(first + width), builder })
    }

    /// The events that it needs, from one position to another.
    #[must_use]
    pub const fn needs(&self) -> (Position, Position) {
        (self.first, self.last)
    }

    /// Takes the next page of them.
    pub fn take(&mut self, page: &Page) {
        page.leaves.iter().for_each(|leaf| self.builder.push(*leaf));
    }

    /// The proof that the event is there. `before` is the hash of the event before it; with none, its content stays hidden.
    ///
    /// # Errors
    /// The events that it took are not those that were sealed.
    pub fn finish(self, event: &Recorded, before: Option<Hash>) -> Result<Proof, NotWhatWasSealed> {
        let refused = NotWhatWasSealed { from: self.first, to: self.last };
        let (within, peak) = self.builder.finish();
        let whole = self.seal.tree().ok_or(refused)?;
        if whole.peaks().get(self.tree) != Some(&peak) {
            return Err(refused);
        }
        let rest = before.map(|before| Rest { content: event.content.clone().map(Content::from), fingerprint: event.fingerprint, before });
        let path = above(&whole, self.tree, within);
        Ok(Proof { proof: KIND.to_owned(), event: Shown::of(event), hash: event.hash, rest, path, seal: self.seal })
    }
}

#[cfg(test)]
mod tests;
