//! Another master key takes over: every key is wrapped anew. What is sealed stays as it is.

use std::collections::BTreeMap;

use super::Keyring;
use super::master::{self, MasterName};
use crate::port::PortError;
use crate::port::keys::Kept;

/// How the keys are wrapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wraps {
    /// How many by which master key.
    pub by: BTreeMap<MasterName, u64>,
    /// How many were destroyed.
    pub destroyed: u64,
}

/// Counts the keys by what they are wrapped by.
///
/// # Errors
/// They cannot be read, or one of them is none.
pub async fn wraps(keyring: &Keyring) -> Result<Wraps, PortError> {
    let (mut wraps, mut after) = (Wraps::default(), None);
    loop {
        let (kept, last) = keyring.page(after).await?;
        for (owner, kept) in &kept {
            match kept {
                Kept::Destroyed => wraps.destroyed += 1,
                Kept::Wrapped(wrapped) => {
                    let by =
                        master::wrapped_by(wrapped).map_err(|error| PortError::corrupt(format!("the content key of {owner}"), error))?;
                    *wraps.by.entry(by).or_default() += 1;
                }
            }
        }
        if last.is_none() {
            return Ok(wraps);
        }
        after = last;
    }
}

/// Wraps every key by the current master key that is wrapped by another one, and gives how many. Can be stopped and begun again at any time.
///
/// # Errors
/// The keys cannot be read or written, or one is wrapped by a master key that is not known.
pub async fn rotate(keyring: &Keyring) -> Result<u64, PortError> {
    let (mut rotated, mut after) = (0, None);
    loop {
        let (kept, last) = keyring.page(after).await?;
        for (owner, kept) in &kept {
            let Kept::Wrapped(before) = kept else { continue };
            let anew = keyring.masters().rewrap(*owner, before, keyring.randomness());
            let anew = anew.map_err(|error| PortError::corrupt(format!("the content key of {owner}"), error))?;
            // If it has changed meanwhile, it was destroyed, or another has wrapped it anew.
            if let Some(after) = anew
                && keyring.keys().rewrap(*owner, before, &after).await?
            {
                rotated += 1;
            }
        }
        if last.is_none() {
            return Ok(rotated);
        }
        after = last;
    }
}
