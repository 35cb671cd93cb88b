//! Whether Redis answers.

use async_trait::async_trait;
use posthaste_application::port::Dependency;
use redis::aio::ConnectionManager;

use super::SERVICE;

/// Asks it. Durable delivery does not need it, so it is required by nobody: without it there are no tickets and no signals.
pub struct RedisPing(ConnectionManager);

impl RedisPing {
    /// Asks over this connection.
    #[must_use]
    pub const fn new(connection: ConnectionManager) -> Self {
        Self(connection)
    }
}

#[async_trait]
impl Dependency for RedisPing {
    fn name(&self) -> &'static str {
        SERVICE
    }

    fn is_required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), String> {
        let answered = redis::cmd("PING").query_async::<String>(&mut self.0.clone()).await;
        // What its driver says may hold an address.
        answered
            .map(drop)
            .map_err(|_| "no answer: typing, presence and receipts are not told, and sockets cannot be opened with tickets".to_owned())
    }
}
