//! Passkeys in memory, for tests of what is done with them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::UserId;
use uuid::Uuid;

use super::{Passkey, Passkeys};
use crate::port::PortError;

/// Remembers passkeys.
#[derive(Debug, Default)]
pub struct MemoryPasskeys(Mutex<Vec<Passkey>>);

impl MemoryPasskeys {
    fn kept(&self) -> MutexGuard<'_, Vec<Passkey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Passkeys for MemoryPasskeys {
    async fn add(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let new = kept.iter().all(|kept| kept.credential != passkey.credential);
        if new {
            kept.push(passkey.clone());
        }
        Ok(new)
    }

    async fn find(&self, credential: &[u8]) -> Result<Option<Passkey>, PortError> {
        Ok(self.kept().iter().find(|kept| kept.credential == credential).cloned())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Passkey>, PortError> {
        let mut found: Vec<_> = self.kept().iter().filter(|kept| kept.user == user).cloned().collect();
        found.sort_by_key(|passkey| (passkey.created_at, passkey.id));
        Ok(found)
    }

    async fn replace(&self, passkey: &Passkey) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let before = kept.iter_mut().find(|kept| kept.id == passkey.id && kept.revision + 1 == passkey.revision);
        let replaced = before.map(|kept| {
            let Passkey { key, name, used_at, used_ceremony, revision, .. } = passkey.clone();
            *kept = Passkey { key, name, used_at, used_ceremony, revision, ..kept.clone() };
        });
        Ok(replaced.is_some())
    }

    async fn remove(&self, user: UserId, passkey: Uuid) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|kept| kept.user != user || kept.id != passkey);
        Ok(kept.len() < before)
    }

    async fn remove_all(&self, user: UserId) -> Result<(), PortError> {
        self.kept().retain(|kept| kept.user != user);
        Ok(())
    }
}
