//! Whether a log is what was recorded, and the proof of it.
//!
//! - [`Page`] is a stretch of the log, read and hashed: the costly part, of which any number can go on at once.
//! - [`Walk`] takes pages in their order, checks every link and every seal that it comes by, and names the first bad position.
//! - [`seal`] says what a seal is; [`Sealer`] writes them while the server runs.
//! - [`merkle`] is the tree over all events that a seal commits to; [`proof`] shows by it that one event is among them.

pub mod key;
pub mod merkle;
mod page;
pub mod proof;
pub mod seal;
mod sealer;
mod walk;

pub use self::page::Page;
pub use self::sealer::{SealError, SealStep, Sealer, SealerTiming, resume};
pub use self::walk::{Finding, RestsOn, Walk, hash_at};

use crate::chain;
use crate::recorded::{Hash, Recorded};

/// The leaf of the tree for an event: of its hash, which covers every byte of it and of all before it, and of the digest of its facts, so
/// that those can be shown to be what was sealed while its content stays hidden.
#[must_use]
pub fn leaf(event: &Recorded) -> Hash {
    leaf_of(&event.hash, event)
}

fn leaf_of(hash: &Hash, shown: &Recorded) -> Hash {
    merkle::leaf(&[*hash, chain::facts_digest(shown)].concat())
}

#[cfg(test)]
mod tests;
