//! What happens at the very moment of leaving, by ports that can be told when that is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use posthaste_application::execute::{DeletionCommand, Envelope, ExecuteError, Executor};
use posthaste_application::login::{Lifetimes, Logins};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::port::sessions::memory::MemorySessions;
use posthaste_application::port::sessions::{Digest, Session};
use posthaste_application::port::{PortError, Ports, Sessions};
use posthaste_domain::{CommandId, RefusalKind, SessionId, UserId};
use uuid::Uuid;

use super::courier::Office;

/// Whom the office registers.
const USER: UserId = UserId::new(Uuid::from_u128(1));

/// Has somebody leave just before a session of theirs is kept, once.
struct Interrupted {
    sessions: MemorySessions,
    executor: Executor,
    leaves: AtomicBool,
}

#[async_trait]
impl Sessions for Interrupted {
    async fn create(&self, session: &Session) -> Result<(), PortError> {
        if self.leaves.swap(false, Ordering::SeqCst) {
            let sessions = self.sessions.of_user(session.user).await?.into_iter().map(|session| session.id).collect();
            let id = Uuid::from_u128(99);
            let envelope = Envelope { command: CommandId::new(id), actor: Some(session.user), correlation: id, at: session.created_at };
            let command = DeletionCommand { user: session.user, leave: true, sessions };
            self.executor.execute(envelope, command).await.map_err(|error| PortError::unavailable("memory", error))?;
        }
        self.sessions.create(session).await
    }

    async fn find(&self, user: UserId, session: SessionId) -> Result<Option<Session>, PortError> {
        self.sessions.find(user, session).await
    }

    async fn of_family(&self, family: &Digest) -> Result<Option<Session>, PortError> {
        self.sessions.of_family(family).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        self.sessions.of_user(user).await
    }

    async fn replace(&self, session: &Session) -> Result<bool, PortError> {
        self.sessions.replace(session).await
    }

    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError> {
        self.sessions.remove(user, sessions).await
    }
}

#[tokio::test]
async fn a_login_that_begins_when_its_user_has_just_left_is_none() {
    let office = Office::open();
    office.register().await;
    let (sessions, executor) = (MemorySessions::default(), office.executor.clone());
    let sessions = Arc::new(Interrupted { sessions, executor, leaves: AtomicBool::new(true) });
    let ports = Ports { sessions: sessions.clone(), ..office.ports.clone() };
    let logins = Logins { ports: &ports, executor: &office.executor, lifetimes: Lifetimes::default(), correlation: Uuid::nil() };
    let refused = logins.begin(USER, None, None, None, &[7; 64]).await;
    assert!(matches!(&refused, Err(ExecuteError::Refused(refusal)) if refusal.kind() == RefusalKind::Leaving), "{refused:?}");
    assert!(sessions.of_user(USER).await.unwrap().is_empty(), "nothing is left of it that goes on when they come back");
    logins.stay(USER).await.unwrap();
    assert!(logins.begin(USER, None, None, None, &[8; 64]).await.is_ok());
}

#[tokio::test]
async fn a_mail_about_leaving_waits_until_that_is_recorded_and_is_not_sent_if_it_never_is() {
    let office = Office::open();
    office.register().await;
    let logins = Logins { ports: &office.ports, executor: &office.executor, lifetimes: Lifetimes::default(), correlation: Uuid::nil() };
    office.owe(1, Purpose::AccountDeletion).await;
    assert_eq!(office.later(0).await, (1, 0));
    logins.leave(USER).await.unwrap();
    assert_eq!(office.later(30).await, (0, 1), "there is one, however often it is owed");
    logins.stay(USER).await.unwrap();
    office.owe(2, Purpose::AccountDeletion).await;
    assert_eq!(office.later(0).await, (1, 1));
    assert_eq!(office.later(60).await, (0, 1));
}
