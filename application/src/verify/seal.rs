//! Seals: signed statements of how a log was, kept where whoever can rewrite the log cannot follow.
//!
//! The hash chain alone proves nothing against somebody who rewrites an event and every hash after it, cuts the tail off together with
//! the head, or puts an old copy in its place. A seal says, under a signature: the log that begins with this event had, at this
//! position, this hash. Seals of a file follow on one another, so that none can be taken out or put in between. What was sealed last
//! can be cut off the file without a trace, so a copy of it belongs where the server cannot write.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::key::{PublicKey, SealKey};
use super::merkle::Frontier;
use crate::hex;
use crate::recorded::{Hash, Position};

/// What the first seal of a file follows on.
pub const NOTHING: Hash = [0; 32];
/// What is signed begins with this, so that no signature of this key can mean anything else.
const CONTEXT: &[u8] = b"posthaste seal v1\0";

/// What a seal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Its place among the seals of its file, from 1.
    pub number: u64,
    /// Which log: the hash of its first event.
    #[serde(with = "hex")]
    pub log: Hash,
    /// The last event that is sealed; every one before it is, too.
    pub position: Position,
    /// The hash of that event.
    #[serde(with = "hex")]
    pub hash: Hash,
    /// The root of the tree over all events up to that one; see [`super::merkle`] and [`super::leaf`].
    #[serde(with = "hex")]
    pub root: Hash,
    /// When, by the clock of the sealer, in whole microseconds.
    pub at: DateTime<Utc>,
    /// The [`Seal::digest`] of the seal before it in its file; see [`NOTHING`].
    #[serde(with = "hex")]
    pub previous: Hash,
    /// The public key it is signed under.
    #[serde(with = "hex")]
    pub key: [u8; 32],
    /// By Ed25519, over all of the above.
    #[serde(with = "hex")]
    pub signature: [u8; 64],
    /// The roots of the perfect trees that make up the tree: with them it can go on growing without the events before. They are not
    /// signed, because the root leaves no choice of them.
    #[serde(with = "hex::list")]
    pub peaks: Vec<Hash>,
}

/// What is sealed: a log up to a position, all of which was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealable {
    /// See [`Seal::log`].
    pub log: Hash,
    /// See [`Seal::position`].
    pub position: Position,
    /// See [`Seal::hash`].
    pub hash: Hash,
    /// The tree, with a leaf for each event.
    pub tree: Frontier,
}

impl Seal {
    /// Seals it, as the one after `last`.
    #[must_use]
    pub fn new(sealable: &Sealable, last: Option<&Self>, at: DateTime<Utc>, key: &SealKey) -> Self {
        let at = DateTime::from_timestamp_micros(at.timestamp_micros()).expect("a time that was one before");
        let mut seal = Self {
            number: last.map_or(0, |last| last.number) + 1,
            log: sealable.log,
            position: sealable.position,
            hash: sealable.hash,
            root: sealable.tree.root(),
            at,
            previous: last.map_or(NOTHING, Self::digest),
            key: key.public().bytes(),
            signature: [0; 64],
            peaks: sealable.tree.peaks().to_vec(),
        };
        seal.signature = key.sign(&seal.statement());
        seal
    }

    /// Every field of fixed length, in one order, numbers big-endian.
    fn statement(&self) -> Vec<u8> {
        [
            CONTEXT,
            &self.number.to_be_bytes(),
            &self.log,
            &self.position.0.to_be_bytes(),
            &self.hash,
            &self.root,
            &self.at.timestamp_micros().to_be_bytes(),
            &self.previous,
            &self.key,
        ]
        .concat()
    }

    /// What the seal after it follows on.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Sha256::digest(self.statement()).into()
    }

    /// The tree as it was; nothing if the seal's root is not the root of it.
    #[must_use]
    pub fn tree(&self) -> Option<Frontier> {
        Frontier::of(self.position.0, self.peaks.clone()).filter(|tree| tree.root() == self.root)
    }

    /// As it stands in a file, without the end of its line.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts can be written")
    }

    /// Whether it says what somebody has signed who is trusted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, trusted: &[PublicKey]) -> Result<(), BadSeal> {
        let key = trusted.iter().find(|key| key.bytes() == self.key).ok_or(BadSeal::Stranger { number: self.number })?;
        if !key.has_signed(&self.statement(), &self.signature) {
            return Err(BadSeal::Unsigned { number: self.number });
        }
        self.tree().map(drop).ok_or(BadSeal::Tree { number: self.number })
    }
}

/// Why seals prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadSeal {
    /// A line is no seal.
    #[error("line {line} is not a seal")]
    Unreadable {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// It is signed under a key that nobody named as trusted.
    #[error("seal {number} is signed under a key that is not trusted")]
    Stranger {
        /// Which.
        number: u64,
    },
    /// It was altered, or never signed.
    #[error("seal {number} does not say what was signed")]
    Unsigned {
        /// Which.
        number: u64,
    },
    /// Its perfect trees are not those of its root.
    #[error("seal {number} has another tree than its root")]
    Tree {
        /// Which.
        number: u64,
    },
    /// A seal was removed, added or moved.
    #[error("seal {number}, on line {line}, does not follow on the seal before it: seals were removed, added or reordered")]
    Unlinked {
        /// Which.
        number: u64,
        /// Where it is, from 1.
        line: usize,
    },
    /// It is about another log, or about less of it, than the one before.
    #[error("seal {number} contradicts the seal before it")]
    Contradiction {
        /// Which.
        number: u64,
    },
}

/// The seals of one file, all of them good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// In their order.
    pub seals: Vec<Seal>,
    /// The last line has no end: it was being written when its writer stopped, and does not count.
    pub torn: bool,
}

impl Seals {
    /// Reads a file, and checks every signature and that each seal follows on the one before.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(text: &str, trusted: &[PublicKey]) -> Result<Self, BadSeal> {
        let (whole, rest) = text.rsplit_once('\n').unwrap_or(("", text));
        let mut seals = Vec::<Seal>::new();
        for (line, seal) in (1..).zip(whole.lines()) {
            let seal: Seal = serde_json::from_str(seal).map_err(|source| BadSeal::Unreadable { line, source })?;
            seal.check(trusted)?;
            let last = seals.last();
            let number = seal.number;
            if number != last.map_or(0, |last| last.number) + 1 || seal.previous != last.map_or(NOTHING, Seal::digest) {
                return Err(BadSeal::Unlinked { number, line });
            }
            if last.is_some_and(|last| last.log != seal.log || last.position > seal.position) {
                return Err(BadSeal::Contradiction { number });
            }
            seals.push(seal);
        }
        Ok(Self { seals, torn: !rest.is_empty() })
    }
}

#[cfg(test)]
mod tests;
