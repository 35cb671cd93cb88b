//! The hash chain: `hash = sha256(hash before ‖ digest ‖ position ‖ time)`.
//!
//! The digest covers the exact stored bytes of an event and all metadata the appender knows. It is computed
//! outside the log's lock; only the short link is hashed under it, where position and time become known.
//! Numbers are big-endian; every field of unknown length is preceded by its length, so no two events share an encoding.

use chrono::{DateTime, Utc};
use posthaste_domain::{CommandId, ThreadId, UserId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::recorded::{Append, Hash, NewEvent, Position, Recorded, StreamId};

/// The hash before the first event.
pub const GENESIS: Hash = [0; 32];

/// Everything the digest covers.
struct Covered<'a> {
    stream: StreamId,
    version: u64,
    event_type: &'a str,
    schema: u16,
    facts: &'a [u8],
    content: Option<&'a [u8]>,
    thread: Option<ThreadId>,
    actor: Option<UserId>,
    command: CommandId,
    ordinal: u16,
    fingerprint: &'a Hash,
    correlation: Uuid,
    causation: Option<Uuid>,
}

/// What a digest is to cover.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Every byte.
    Whole,
    /// Neither the personal content nor the fingerprint, from which content could be guessed; only whether there is content.
    Facts,
}

/// As many bytes as there are at most beside facts and content, unless a type has a very long name.
const AROUND: usize = 400;

/// The bytes of an id, or none.
fn optional(id: &Option<Uuid>) -> &[u8] {
    id.as_ref().map_or(&[], |id| id.as_bytes())
}

impl Covered<'_> {
    fn digest(&self) -> Hash {
        let mut covered = Vec::with_capacity(self.facts.len() + self.content.map_or(0, <[u8]>::len) + AROUND);
        self.write(&mut covered, Extent::Whole);
        Sha256::digest(covered).into()
    }

    /// Everything in a row: to hash it at once costs less than each of its small fields alone.
    fn write(&self, covered: &mut Vec<u8>, extent: Extent) {
        let mut bytes = |field: &[u8]| {
            covered.extend_from_slice(&(field.len() as u64).to_be_bytes());
            covered.extend_from_slice(field);
        };
        bytes(self.stream.category.as_str().as_bytes());
        bytes(self.stream.id.as_bytes());
        bytes(&self.version.to_be_bytes());
        bytes(self.event_type.as_bytes());
        bytes(&self.schema.to_be_bytes());
        bytes(self.facts);
        bytes(&[u8::from(self.content.is_some())]);
        if extent == Extent::Whole {
            bytes(self.content.unwrap_or_default());
        }
        bytes(optional(&self.thread.map(ThreadId::uuid)));
        bytes(optional(&self.actor.map(UserId::uuid)));
        bytes(self.command.uuid().as_bytes());
        bytes(&self.ordinal.to_be_bytes());
        if extent == Extent::Whole {
            bytes(self.fingerprint);
        }
        bytes(self.correlation.as_bytes());
        bytes(optional(&self.causation));
    }
}

impl<'a> From<&'a Recorded> for Covered<'a> {
    fn from(event: &'a Recorded) -> Self {
        Self {
            stream: event.stream,
            version: event.version,
            event_type: &event.event_type,
            schema: event.schema,
            facts: event.facts.as_bytes(),
            content: event.content.as_deref(),
            thread: event.thread,
            actor: event.actor,
            command: event.command,
            ordinal: event.ordinal,
            fingerprint: &event.fingerprint,
            correlation: event.correlation,
            causation: event.causation,
        }
    }
}

/// The digest of an event that is about to be recorded, the `ordinal`-th of its append.
#[must_use]
pub fn digest(append: &Append, ordinal: u16, event: &NewEvent) -> Hash {
    Covered {
        stream: event.stream,
        version: event.version,
        event_type: &event.event_type,
        schema: event.schema,
        facts: event.facts.as_bytes(),
        content: event.content.as_deref(),
        thread: event.thread,
        actor: append.actor,
        command: append.command,
        ordinal,
        fingerprint: &append.fingerprint,
        correlation: append.correlation,
        causation: append.causation,
    }
    .digest()
}

/// The digest of all that can be shown of an event without its personal content: where and when it stands, its facts and metadata, and
/// whether it has content. Starts with a word, which no encoding of [`digest`] does.
#[must_use]
pub fn facts_digest(event: &Recorded) -> Hash {
    let mut covered = b"posthaste facts\0".to_vec();
    covered.extend_from_slice(&event.position.0.to_be_bytes());
    covered.extend_from_slice(&event.at.timestamp_micros().to_be_bytes());
    Covered::from(event).write(&mut covered, Extent::Facts);
    Sha256::digest(covered).into()
}

/// What the chain needs to know of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it stands.
    pub position: Position,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The digest of its bytes as they are stored now.
    pub digest: Hash,
    /// The hash that is stored with it.
    pub hash: Hash,
}

impl From<&Recorded> for Link {
    /// The costly part of checking an event, which needs no other event.
    fn from(event: &Recorded) -> Self {
        Self { position: event.position, at: event.at, digest: Covered::from(event).digest(), hash: event.hash }
    }
}

/// The hash that ties an event of this digest to the one before it.
#[must_use]
pub fn link(before: &Hash, digest: &Hash, position: Position, at: DateTime<Utc>) -> Hash {
    let mut sha = Sha256::new();
    sha.update(before);
    sha.update(digest);
    sha.update(position.0.to_be_bytes());
    sha.update(at.timestamp_micros().to_be_bytes());
    sha.finalize().into()
}

/// The hash that an event has after one of this hash, whatever it says itself.
#[must_use]
pub fn hash(before: &Hash, event: &Recorded) -> Hash {
    link(before, &Covered::from(event).digest(), event.position, event.at)
}

/// Where a log is not what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A position is missing or repeated.
    #[error("position {expected} is missing: found {found} in its place")]
    Gap {
        /// What had to come.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// The event is not what was recorded, or not after what it was recorded after.
    #[error("the event at position {position} was altered")]
    Altered {
        /// Where.
        position: Position,
    },
    /// The log ends before the head it remembers, or after it.
    #[error("the log ends at position {end}, its head says {head}")]
    Cut {
        /// The last event found.
        end: Position,
        /// What the head row says.
        head: Position,
    },
}

impl Broken {
    /// The first position that is bad.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::Gap { expected, .. } => *expected,
            Self::Altered { position } => *position,
            Self::Cut { end, head } => {
                if end.0 < head.0 {
                    end.next()
                } else {
                    head.next()
                }
            }
        }
    }
}

/// Walks a log and checks every link.
#[derive(Clone, Debug)]
pub struct Verifier {
    position: Position,
    hash: Hash,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { position: Position::START, hash: GENESIS }
    }
}

impl Verifier {
    /// One that goes on after an event whose hash is taken for granted.
    #[must_use]
    pub const fn after(position: Position, hash: Hash) -> Self {
        Self { position, hash }
    }

    /// The hash of the last event that was found good.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The last position that was found good.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Checks the event that must come next.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check(&mut self, event: &Recorded) -> Result<(), Broken> {
        self.check_link(&Link::from(event))
    }

    /// Checks the event that must come next, of which the digest is known.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check_link(&mut self, next: &Link) -> Result<(), Broken> {
        let expected = self.position.next();
        if next.position != expected {
            return Err(Broken::Gap { expected, found: next.position });
        }
        if link(&self.hash, &next.digest, next.position, next.at) != next.hash {
            return Err(Broken::Altered { position: next.position });
        }
        self.position = next.position;
        self.hash = next.hash;
        Ok(())
    }

    /// Checks that the log ends where its head says.
    ///
    /// # Errors
    /// [`Broken::Cut`] or, when only the hash differs, [`Broken::Altered`].
    pub fn finish(&self, head: crate::recorded::Head) -> Result<(), Broken> {
        if head.position != self.position {
            Err(Broken::Cut { end: self.position, head: head.position })
        } else if head.hash != self.hash {
            Err(Broken::Altered { position: self.position })
        } else {
            Ok(())
        }
    }
}
