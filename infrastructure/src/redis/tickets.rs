//! Tickets: keys that run out by themselves, taken and deleted in one step.

use async_trait::async_trait;
use posthaste_application::port::tickets::Kind;
use posthaste_application::port::{PortError, Tickets};
use redis::aio::ConnectionManager;
use redis::{AsyncTypedCommands as _, SetExpiry, SetOptions};

use super::failed;

/// Tickets under `<prefix><kind>:<ticket>`. Needs Redis 6.2 for GETDEL.
pub struct RedisTickets {
    connection: ConnectionManager,
    prefix: String,
}

impl RedisTickets {
    /// Tickets whose keys begin with this prefix.
    #[must_use]
    pub fn new(connection: ConnectionManager, prefix: impl Into<String>) -> Self {
        Self { connection, prefix: prefix.into() }
    }

    fn key(&self, kind: Kind, ticket: &str) -> String {
        format!("{}{}:{ticket}", self.prefix, kind.as_str())
    }
}

#[async_trait]
impl Tickets for RedisTickets {
    async fn keep(&self, kind: Kind, ticket: &str, text: String) -> Result<(), PortError> {
        let options = SetOptions::default().with_expiration(SetExpiry::EX(kind.ttl().as_secs()));
        self.connection.clone().set_options(self.key(kind, ticket), text, options).await.map(drop).map_err(failed)
    }

    async fn take(&self, kind: Kind, ticket: &str) -> Result<Option<String>, PortError> {
        self.connection.clone().get_del(self.key(kind, ticket)).await.map_err(failed)
    }
}
