//! Passcodes in memory, for tests of what is done with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{CommandId, PasscodeId, ThreadId, UserId};

use super::{Attempt, Passcodes};
use crate::execute::Doorkeeper;
use crate::port::{Passwords, PortError};

type Tries = HashMap<(UserId, ThreadId), HashMap<CommandId, DateTime<Utc>>>;

/// Remembers passcodes and tries, and hashes nothing.
#[derive(Debug, Default)]
pub struct MemoryPasscodes {
    hashes: Mutex<HashMap<PasscodeId, String>>,
    tries: Mutex<Tries>,
}

impl MemoryPasscodes {
    /// A doorkeeper with a memory of its own. Clones share it.
    #[must_use]
    pub fn doorkeeper() -> Doorkeeper {
        let memory = Arc::new(Self::default());
        Doorkeeper::new(Arc::<Self>::clone(&memory), memory)
    }
}

#[async_trait]
impl Passcodes for MemoryPasscodes {
    async fn keep(&self, id: PasscodeId, hash: &str) -> Result<(), PortError> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert_with(|| hash.to_owned());
        Ok(())
    }

    async fn find(&self, id: PasscodeId) -> Result<Option<String>, PortError> {
        Ok(self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned())
    }

    async fn attempt(&self, attempt: &Attempt, since: DateTime<Utc>) -> Result<u32, PortError> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = tries.entry((attempt.user, attempt.thread)).or_default();
        tries.entry(attempt.command).or_insert(attempt.at);
        Ok(u32::try_from(tries.values().filter(|at| **at >= since).count()).unwrap_or(u32::MAX))
    }

    async fn forget_attempts(&self, user: UserId, thread: ThreadId) -> Result<(), PortError> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).remove(&(user, thread));
        Ok(())
    }
}

#[async_trait]
impl Passwords for MemoryPasscodes {
    async fn hash(&self, password: String) -> Result<String, PortError> {
        Ok(password)
    }

    async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, PortError> {
        Ok(phc == Some(password))
    }

    fn is_weak(&self, _phc: &str) -> bool {
        false
    }
}
