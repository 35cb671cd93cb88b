//! Keys in memory, for tests of what is done with them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::OwnerId;

use super::{ContentKeys, Kept, Wrapped};
use crate::port::PortError;

/// Remembers keys.
#[derive(Debug, Default)]
pub struct MemoryKeys(Mutex<BTreeMap<OwnerId, Kept>>);

impl MemoryKeys {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<OwnerId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ContentKeys for MemoryKeys {
    async fn find(&self, owners: &[OwnerId]) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        let kept = self.kept();
        Ok(owners.iter().filter_map(|owner| Some((*owner, kept.get(owner)?.clone()))).collect())
    }

    async fn keep(&self, keys: &[(OwnerId, Wrapped)]) -> Result<(), PortError> {
        let mut kept = self.kept();
        for (owner, wrapped) in keys {
            kept.entry(*owner).or_insert_with(|| Kept::Wrapped(wrapped.clone()));
        }
        Ok(())
    }

    async fn destroy(&self, owner: OwnerId) -> Result<bool, PortError> {
        Ok(self.kept().insert(owner, Kept::Destroyed) != Some(Kept::Destroyed))
    }

    async fn rewrap(&self, owner: OwnerId, before: &[u8], after: &[u8]) -> Result<bool, PortError> {
        match self.kept().get_mut(&owner) {
            Some(Kept::Wrapped(wrapped)) if wrapped == before => {
                *wrapped = after.to_vec();
                Ok(true)
            }
            Some(Kept::Wrapped(_) | Kept::Destroyed) | None => Ok(false),
        }
    }

    async fn list(&self, after: Option<OwnerId>, limit: usize) -> Result<Vec<(OwnerId, Kept)>, PortError> {
        let kept = self.kept();
        let above = kept.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        Ok(above.take(limit).map(|(owner, kept)| (*owner, kept.clone())).collect())
    }
}
