//! Tokens in memory, for tests of what is done with them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::UserId;

use super::{Digest, FORGOTTEN, OneTime, OneTimeTokens, Purpose};
use crate::port::PortError;

/// Remembers tokens.
#[derive(Debug, Default)]
pub struct MemoryOneTimeTokens(Mutex<HashMap<Digest, OneTime>>);

impl MemoryOneTimeTokens {
    fn kept(&self) -> MutexGuard<'_, HashMap<Digest, OneTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OneTimeTokens for MemoryOneTimeTokens {
    async fn keep(&self, token: &OneTime) -> Result<(), PortError> {
        let mut kept = self.kept();
        let over = kept.values().filter(|kept| kept.expires_at <= token.made_at).map(|kept| kept.digest);
        for digest in over.take(FORGOTTEN).collect::<Vec<_>>() {
            kept.remove(&digest);
        }
        kept.insert(token.digest, token.clone());
        Ok(())
    }

    async fn find(&self, digest: &Digest) -> Result<Option<OneTime>, PortError> {
        Ok(self.kept().get(digest).cloned())
    }

    async fn of_user(&self, user: UserId, purpose: Purpose) -> Result<Vec<OneTime>, PortError> {
        let mut tokens: Vec<_> = self.kept().values().filter(|kept| kept.user == user && kept.purpose == purpose).cloned().collect();
        tokens.sort_unstable_by_key(|token| std::cmp::Reverse((token.made_at, token.digest)));
        Ok(tokens)
    }

    async fn remove(&self, user: UserId, purpose: Purpose) -> Result<(), PortError> {
        self.kept().retain(|_, kept| kept.user != user || kept.purpose != purpose);
        Ok(())
    }
}
