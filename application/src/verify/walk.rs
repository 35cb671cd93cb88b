//! The walk over a log, page by page, that checks everything there is to check.

use super::merkle::Frontier;
use super::page::Page;
use super::seal::{Seal, Sealable};
use crate::chain::{Broken, GENESIS, Verifier};
use crate::port::{EventLog, PortError};
use crate::recorded::{Hash, Head, Position};

/// What a walk takes for granted about what is before its first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestsOn {
    /// Nothing: it begins with the first event.
    Nothing,
    /// The hash that is stored with the event at this position.
    StoredHash(Position),
    /// That hash, and a seal that says the same.
    Seal(Position),
}

/// Where a log is not what was recorded, or not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// It contradicts itself.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It does not contradict itself, and is not what was sealed.
    #[error(
        "the event at position {sealed} is not the one that was sealed there: one from position {} on was altered, and every hash after it made to fit",
        agrees.next()
    )]
    Rewritten {
        /// The last position up to which the log is what was sealed.
        agrees: Position,
        /// The first sealed position at which it is not.
        sealed: Position,
    },
    /// It ends before what was sealed.
    #[error("the log ends at position {head}, and was sealed up to {sealed}: its end was cut off, or it is an old copy")]
    Shortened {
        /// Where it ends.
        head: Position,
        /// Where it ended when it was sealed last.
        sealed: Position,
    },
    /// It begins with another event than the log that was sealed.
    #[error("the log begins with another event than the one that was sealed: it is another log, or was rewritten from its beginning")]
    AnotherLog,
}

impl Finding {
    /// The first position that is bad; or can be, if nobody can tell more closely.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::Broken(broken) => broken.position(),
            Self::Rewritten { agrees, .. } => agrees.next(),
            Self::Shortened { head, .. } => head.next(),
            Self::AnotherLog => Position::START.next(),
        }
    }
}

/// A walk over a log that may be growing, up to the head it had at the beginning.
#[derive(Clone, Debug)]
pub struct Walk {
    verifier: Verifier,
    head: Head,
    upto: Position,
    rests_on: RestsOn,
    /// The tree over every event from the first on, if it is known where the walk begins.
    tree: Option<Frontier>,
    /// The hash of the first event.
    log: Hash,
    /// The seals ahead, the nearest last.
    ahead: Vec<Seal>,
    seals: usize,
    agrees: Position,
}

impl Walk {
    /// A walk from one position to another, or to the end, against these seals, all of which must have been good in themselves and read
    /// before this is called.
    ///
    /// # Errors
    /// The outer one is of the log, the inner one is what is found at once.
    pub async fn begin(
        log: &dyn EventLog,
        from: Position,
        upto: Option<Position>,
        mut seals: Vec<Seal>,
    ) -> Result<Result<Self, Finding>, PortError> {
        let head = log.head().await?;
        seals.sort_by_key(|seal| std::cmp::Reverse(seal.position));
        let before = Position(from.0.saturating_sub(1));
        let first = hash_at(log, Position(1)).await?;
        if let Some(sealed) = seals.first().map(|seal| seal.position).filter(|sealed| *sealed > head.position) {
            return Ok(Err(Finding::Shortened { head: head.position, sealed }));
        }
        if seals.iter().any(|seal| Some(seal.log) != first) {
            return Ok(Err(Finding::AnotherLog));
        }
        let Some(hash) = hash_at(log, before).await? else {
            return Ok(Err(Broken::Altered { position: before }.into()));
        };
        let upto = upto.unwrap_or(head.position).min(head.position);
        let mut walk = Self {
            verifier: Verifier::after(before, hash),
            head,
            upto,
            rests_on: if before == Position::START { RestsOn::Nothing } else { RestsOn::StoredHash(before) },
            tree: (before == Position::START).then(Frontier::default),
            log: first.unwrap_or(GENESIS),
            ahead: Vec::new(),
            seals: 0,
            agrees: before,
        };
        for seal in seals.into_iter().filter(|seal| seal.position >= before && seal.position <= upto) {
            if seal.position > before {
                walk.ahead.push(seal);
                continue;
            }
            if let Err(finding) = walk.compare(&seal) {
                return Ok(Err(finding));
            }
            walk.rests_on = RestsOn::Seal(before);
            walk.tree = seal.tree();
        }
        Ok(Ok(walk))
    }

    /// The last position that was found good.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.verifier.position()
    }

    /// Where it ends.
    #[must_use]
    pub const fn upto(&self) -> Position {
        self.upto
    }

    /// What it takes for granted.
    #[must_use]
    pub const fn rests_on(&self) -> RestsOn {
        self.rests_on
    }

    /// How many seals the log was found to agree with.
    #[must_use]
    pub const fn seals(&self) -> usize {
        self.seals
    }

    /// Up to where pages must bring their leaves, for the roots of seals to be compared.
    #[must_use]
    pub fn leaves_upto(&self) -> Position {
        let last = self.ahead.first().filter(|_| self.tree.is_some());
        last.map_or(Position::START, |seal| seal.position)
    }

    /// Checks the page that must come next.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn take(&mut self, page: &Page) -> Result<(), Finding> {
        let mut leaves = page.leaves.iter();
        for link in &page.links {
            self.verifier.check_link(link)?;
            if link.position == Position::START.next() {
                self.log = link.hash;
            }
            match (&mut self.tree, leaves.next()) {
                (Some(tree), Some(leaf)) => tree.push(*leaf),
                (Some(_), None) | (None, _) => self.tree = None,
            }
            while let Some(seal) = self.ahead.pop_if(|seal| seal.position == link.position) {
                self.compare(&seal)?;
            }
        }
        page.unreadable.map_or(Ok(()), |position| Err(Broken::Altered { position }.into()))
    }

    /// Compares a seal with the log where the walk is.
    fn compare(&mut self, seal: &Seal) -> Result<(), Finding> {
        let tree = self.tree.as_ref().is_none_or(|tree| tree.size() == 0 || tree.root() == seal.root);
        if seal.hash != self.verifier.hash() || !tree {
            return Err(Finding::Rewritten { agrees: self.agrees, sealed: seal.position });
        }
        self.agrees = seal.position;
        self.seals += 1;
        Ok(())
    }

    /// What can be sealed where the walk is; nothing if it did not come by the leaves of all events, or there are none.
    #[must_use]
    pub fn sealable(&self) -> Option<Sealable> {
        let tree = self.tree.clone().filter(|tree| tree.size() == self.position().0 && tree.size() > 0)?;
        Some(Sealable { log: self.log, position: self.position(), hash: self.verifier.hash(), tree })
    }

    /// Checks that the walk has come to its end, and the log ends where its head says.
    ///
    /// # Errors
    /// The outer one is of the log, the inner one is what is wrong.
    pub async fn finish(&self, log: &dyn EventLog) -> Result<Result<(), Finding>, PortError> {
        let (position, head) = (self.position(), self.head);
        let next = match log.read(position, 1).await {
            Err(PortError::Corrupt { .. }) => Some(position.next()),
            read => read?.first().map(|event| event.position),
        };
        if position < self.upto
            && let Some(found) = next
        {
            return Ok(Err(Broken::Gap { expected: position.next(), found }.into()));
        }
        if position < self.upto || position == head.position {
            // What comes after a head that has not moved was never recorded, and then the head may be what was altered.
            if let Some(end) = next
                && log.head().await? == head
            {
                return Ok(Err(Broken::Cut { end, head: head.position }.into()));
            }
            return Ok(self.verifier.finish(head).map_err(Finding::from));
        }
        Ok(Ok(()))
    }
}

/// The hash that is stored with an event, at the position before the first that of the beginning; nothing if there is no such event that can
/// be read.
///
/// # Errors
/// The log cannot be read.
pub async fn hash_at(log: &dyn EventLog, position: Position) -> Result<Option<Hash>, PortError> {
    let Some(before) = position.0.checked_sub(1) else { return Ok(Some(GENESIS)) };
    match log.read(Position(before), 1).await {
        Err(PortError::Corrupt { .. }) => Ok(None),
        read => Ok(read?.first().filter(|event| event.position == position).map(|event| event.hash)),
    }
}
