//! Tickets: keys that run out by themselves, taken and deleted in one step.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::secrets::Access;
use posthaste_application::port::tickets::{Pass, TICKET_TTL};
use posthaste_application::port::{PortError, Tickets};
use posthaste_domain::{DeviceId, SessionId, UserId};
use redis::aio::ConnectionManager;
use redis::{AsyncTypedCommands as _, SetExpiry, SetOptions};
use serde::{Deserialize, Serialize};

use super::failed;

/// Tickets under `<prefix>ticket:<ticket>`. Needs Redis 6.2 for GETDEL.
pub struct RedisTickets {
    connection: ConnectionManager,
    prefix: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    user: UserId,
    session: SessionId,
    expires_at: DateTime<Utc>,
    device: Option<DeviceId>,
}

impl RedisTickets {
    /// Tickets whose keys begin with this prefix.
    #[must_use]
    pub fn new(connection: ConnectionManager, prefix: impl Into<String>) -> Self {
        Self { connection, prefix: prefix.into() }
    }

    fn key(&self, ticket: &str) -> String {
        format!("{}ticket:{ticket}", self.prefix)
    }
}

#[async_trait]
impl Tickets for RedisTickets {
    async fn store(&self, ticket: &str, pass: Pass) -> Result<(), PortError> {
        let Pass { access: Access { user, session, expires_at }, device } = pass;
        let stored = serde_json::to_string(&Stored { user, session, expires_at, device }).expect("identifiers and a time are JSON");
        let options = SetOptions::default().with_expiration(SetExpiry::EX(TICKET_TTL.as_secs()));
        self.connection.clone().set_options(self.key(ticket), stored, options).await.map(drop).map_err(failed)
    }

    async fn redeem(&self, ticket: &str) -> Result<Option<Pass>, PortError> {
        let Some(stored) = self.connection.clone().get_del(self.key(ticket)).await.map_err(failed)? else { return Ok(None) };
        // The key holds the ticket, which is a secret; it is gone by now, but the prefix says enough.
        let corrupt = |error| PortError::corrupt(format!("a ticket in redis under {:?}", self.prefix), error);
        let Stored { user, session, expires_at, device } = serde_json::from_str(&stored).map_err(|error| corrupt(Box::new(error)))?;
        Ok(Some(Pass { access: Access { user, session, expires_at }, device }))
    }
}
