//! One-time passes that let a socket in without a token in a URL.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;
use posthaste_domain::DeviceId;

use super::PortError;
use super::secrets::Access;

/// How long a ticket can be used.
pub const TICKET_TTL: Duration = Duration::from_secs(30);

/// What a ticket stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Whom it speaks for.
    pub access: Access,
    /// The only device that it lets in; any if there is none.
    pub device: Option<DeviceId>,
}

/// The tickets.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Keeps a pass under this ticket for [`TICKET_TTL`].
    async fn store(&self, ticket: &str, pass: Pass) -> Result<(), PortError>;

    /// Gives the pass of a ticket, once.
    async fn redeem(&self, ticket: &str) -> Result<Option<Pass>, PortError>;
}
