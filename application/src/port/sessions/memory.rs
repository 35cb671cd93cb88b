//! Sessions in memory, for tests of what is done with them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_domain::{SessionId, UserId};

use super::{Digest, FORGOTTEN, Session, Sessions};
use crate::port::PortError;

/// Remembers sessions.
#[derive(Debug, Default)]
pub struct MemorySessions(Mutex<HashMap<SessionId, Session>>);

impl MemorySessions {
    fn kept(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn create(&self, session: &Session) -> Result<(), PortError> {
        let mut kept = self.kept();
        let over = kept.values().filter(|kept| kept.expires_at <= session.created_at).map(|kept| kept.id);
        for id in over.take(FORGOTTEN).collect::<Vec<_>>() {
            kept.remove(&id);
        }
        kept.insert(session.id, session.clone());
        Ok(())
    }

    async fn find(&self, user: UserId, session: SessionId) -> Result<Option<Session>, PortError> {
        Ok(self.kept().get(&session).filter(|session| session.user == user).cloned())
    }

    async fn of_family(&self, family: &Digest) -> Result<Option<Session>, PortError> {
        Ok(self.kept().values().find(|session| session.tokens.id == *family).cloned())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        let mut sessions: Vec<_> = self.kept().values().filter(|session| session.user == user).cloned().collect();
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse((session.used_at, session.id)));
        Ok(sessions)
    }

    async fn replace(&self, session: &Session) -> Result<bool, PortError> {
        let mut kept = self.kept();
        let before = kept.get_mut(&session.id).filter(|kept| kept.revision + 1 == session.revision);
        Ok(before.map(|kept| session.clone_into(kept)).is_some())
    }

    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError> {
        self.kept().retain(|id, session| session.user != user || !sessions.contains(id));
        Ok(())
    }
}
