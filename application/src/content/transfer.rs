//! The keys as lines of a file, to go where a log goes: an export of the log has none in it. They stay wrapped, so the file is worth nothing
//! without the master key.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use posthaste_domain::OwnerId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Keyring;
use super::master::NotUnwrapped;
use crate::port::PortError;
use crate::port::keys::Kept;

/// A line.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    owner: Uuid,
    /// In Base64; null if it was destroyed.
    wrapped: Option<String>,
}

/// What became of the keys of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// How many there are now that were not there.
    pub kept: u64,
    /// How many were destroyed, as they had been where they come from.
    pub destroyed: u64,
    /// How many were there already, or had been destroyed here.
    pub known: u64,
}

/// Why the keys of a file are not taken. What stood in the lines before has been taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTransferred {
    /// The line is none.
    #[error("line {line} is no key of an export")]
    Line {
        /// Which, from 1.
        line: u64,
    },
    /// Another key is kept here for its owner.
    #[error("another key is kept here for the owner of the key in line {line}")]
    Another {
        /// Which, from 1.
        line: u64,
    },
    /// The master keys do not open it.
    #[error("the key in line {line} cannot be taken")]
    Key {
        /// Which, from 1.
        line: u64,
        /// Why.
        #[source]
        source: NotUnwrapped,
    },
    /// The keys cannot be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The lines behind an owner, up to some number of them, and the last owner if there may be more.
///
/// # Errors
/// The keys cannot be read.
pub async fn export(keyring: &Keyring, after: Option<OwnerId>) -> Result<(Vec<String>, Option<OwnerId>), PortError> {
    let (kept, last) = keyring.page(after).await?;
    let lines = kept.iter().map(|(owner, kept)| {
        let wrapped = match kept {
            Kept::Wrapped(wrapped) => Some(BASE64_STANDARD.encode(wrapped)),
            Kept::Destroyed => None,
        };
        serde_json::to_string(&Line { owner: owner.uuid(), wrapped }).map_err(|error| PortError::corrupt("a key", error))
    });
    Ok((lines.collect::<Result<_, _>>()?, last))
}

/// Takes the keys of a file, some lines at a time. Can be done again: what was destroyed, here or there, stays so, and what is kept here stays as
/// it is.
pub struct Import<'a> {
    keyring: &'a Keyring,
    line: u64,
    last: Option<OwnerId>,
    transferred: Transferred,
}

impl<'a> Import<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(keyring: &'a Keyring) -> Self {
        Self { keyring, line: 0, last: None, transferred: Transferred::default() }
    }

    /// What has become of them so far.
    #[must_use]
    pub const fn transferred(&self) -> Transferred {
        self.transferred
    }

    /// The next lines.
    ///
    /// # Errors
    /// See [`NotTransferred`].
    pub async fn take(&mut self, lines: &[String]) -> Result<(), NotTransferred> {
        let keys = self.keyring.keys();
        let read = lines.iter().map(|line| self.read(line)).collect::<Result<Vec<_>, _>>()?;
        let owners: Vec<_> = read.iter().map(|(_, owner, _)| *owner).collect();
        let known: HashMap<_, _> = keys.find(&owners).await?.into_iter().collect();
        let mut new = Vec::new();
        for (line, owner, theirs) in read {
            let reveal =
                |wrapped: &[u8]| self.keyring.masters().reveal(owner, wrapped).map_err(|source| NotTransferred::Key { line, source });
            match (theirs, known.get(&owner)) {
                (_, Some(Kept::Destroyed)) => self.transferred.known += 1,
                (Kept::Destroyed, Some(Kept::Wrapped(_)) | None) => {
                    keys.destroy(owner).await?;
                    self.transferred.destroyed += 1;
                }
                (Kept::Wrapped(theirs), Some(Kept::Wrapped(ours))) => {
                    if reveal(&theirs)? != reveal(ours)? {
                        return Err(NotTransferred::Another { line });
                    }
                    self.transferred.known += 1;
                }
                (Kept::Wrapped(theirs), None) => {
                    reveal(&theirs)?;
                    new.push((owner, theirs));
                }
            }
        }
        self.transferred.kept += new.len() as u64;
        Ok(keys.keep(&new).await?)
    }

    /// An owner's key, and the line that it is in. They are in the order of their owners, so none is there twice.
    fn read(&mut self, line: &str) -> Result<(u64, OwnerId, Kept), NotTransferred> {
        self.line += 1;
        let (owner, kept) = parse(line).filter(|(owner, _)| Some(*owner) > self.last).ok_or(NotTransferred::Line { line: self.line })?;
        self.last = Some(owner);
        Ok((self.line, owner, kept))
    }
}

fn parse(line: &str) -> Option<(OwnerId, Kept)> {
    let Line { owner, wrapped } = serde_json::from_str(line).ok()?;
    let kept = wrapped.map_or(Some(Kept::Destroyed), |wrapped| BASE64_STANDARD.decode(wrapped).ok().map(Kept::Wrapped))?;
    Some((OwnerId::new(owner), kept))
}
