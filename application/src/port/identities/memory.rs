//! Identities in memory, for tests of what is done with them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::{IdentityId, UserId};

use super::{Identities, Identity, Leaving};
use crate::port::PortError;

/// Remembers identities.
#[derive(Debug, Default)]
pub struct MemoryIdentities(Mutex<Vec<Identity>>);

impl MemoryIdentities {
    fn kept(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Identities for MemoryIdentities {
    async fn link(&self, identity: &Identity) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let free = !kept.iter().any(|kept| kept.issuer == identity.issuer && kept.subject == identity.subject);
        if free {
            kept.push(identity.clone());
        }
        Ok(free)
    }

    async fn find(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, PortError> {
        Ok(self.kept().iter().find(|kept| kept.issuer == issuer && kept.subject == subject).cloned())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Identity>, PortError> {
        let mut identities: Vec<_> = self.kept().iter().filter(|kept| kept.user == user).cloned().collect();
        identities.sort_unstable_by_key(|identity| (identity.linked_at, identity.id));
        Ok(identities)
    }

    async fn unlink(&self, user: UserId, identity: IdentityId, leaving: Leaving) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let all = kept.len();
        if leaving == Leaving::Any || kept.iter().filter(|kept| kept.user == user).count() > 1 {
            kept.retain(|kept| kept.user != user || kept.id != identity);
        }
        Ok(kept.len() < all)
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        self.kept().retain(|kept| kept.user != user);
        Ok(())
    }
}
