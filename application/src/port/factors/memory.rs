//! Second factors in memory, for tests of what is done with them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::{FactorId, UserId};

use super::{Factor, Factors};
use crate::port::PortError;

/// Remembers second factors.
#[derive(Debug, Default)]
pub struct MemoryFactors(Mutex<HashMap<UserId, Factor>>);

impl MemoryFactors {
    fn kept(&self) -> MutexGuard<'_, HashMap<UserId, Factor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Factors for MemoryFactors {
    async fn offer(&self, factor: &Factor) -> Result<bool, PortError> {
        let mut kept = self.kept();
        if kept.get(&factor.user).is_some_and(|kept| kept.enabled_at.is_some()) {
            return Ok(false);
        }
        kept.insert(factor.user, factor.clone());
        Ok(true)
    }

    async fn find(&self, user: UserId) -> Result<Option<Factor>, PortError> {
        Ok(self.kept().get(&user).cloned())
    }

    async fn replace(&self, factor: &Factor) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let before = kept.get_mut(&factor.user).filter(|kept| kept.id == factor.id && kept.revision + 1 == factor.revision);
        Ok(before.map(|kept| *kept = Factor { sealed: kept.sealed.clone(), ..factor.clone() }).is_some())
    }

    async fn remove(&self, user: UserId, factor: FactorId) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let there = kept.get(&user).is_some_and(|kept| kept.id == factor);
        if there {
            kept.remove(&user);
        }
        Ok(there)
    }
}
