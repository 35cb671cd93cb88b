//! One-time passes that let a socket in without a token in a URL.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use super::secrets::Access;

/// How long a ticket can be used.
pub const TICKET_TTL: Duration = Duration::from_secs(30);

/// The tickets.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Keeps the access under this ticket for [`TICKET_TTL`].
    async fn store(&self, ticket: &str, access: Access) -> Result<(), PortError>;

    /// Gives the access of a ticket, once.
    async fn redeem(&self, ticket: &str) -> Result<Option<Access>, PortError>;
}
