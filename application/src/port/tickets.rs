//! What somebody holds for a short while, to be given back once: the bearer of a ticket finds what was stored under it. A ticket lets a
//! socket in without a token in a URL, and brings a browser back from somebody else's login.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;
use posthaste_domain::DeviceId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::PortError;
use super::secrets::Access;

/// How long a ticket for a socket can be used.
pub const TICKET_TTL: Duration = Duration::from_secs(30);

/// What a ticket is for. One is not good for anything else, and many of one kind take no room from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// To let a socket in.
    Socket,
    /// To know a browser again that was sent to log in elsewhere.
    SignIn,
    /// To make a login, or a link, of what a browser came back with.
    SignedIn,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Socket, Self::SignIn, Self::SignedIn];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "ticket",
            Self::SignIn => "sign-in",
            Self::SignedIn => "signed-in",
        }
    }

    /// How long a ticket of this kind can be used.
    #[must_use]
    pub const fn ttl(self) -> Duration {
        match self {
            Self::Socket => TICKET_TTL,
            // Somebody types a password there, and looks for a second factor.
            Self::SignIn => Duration::from_secs(600),
            // And here, for a code.
            Self::SignedIn => Duration::from_secs(300),
        }
    }
}

/// What can be stored under a ticket.
pub trait Held: Serialize + DeserializeOwned + Sync {
    /// What the ticket is for.
    const KIND: Kind;
}

/// What a ticket for a socket stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Pass {
    /// Whom it speaks for.
    #[serde(flatten)]
    pub access: Access,
    /// The only device that it lets in; any if there is none.
    pub device: Option<DeviceId>,
}

impl Held for Pass {
    const KIND: Kind = Kind::Socket;
}

/// The tickets.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Keeps this text under a ticket for the [time](Kind::ttl) of its kind.
    async fn keep(&self, kind: Kind, ticket: &str, text: String) -> Result<(), PortError>;

    /// Gives the text of a ticket, once.
    async fn take(&self, kind: Kind, ticket: &str) -> Result<Option<String>, PortError>;
}

impl dyn Tickets + '_ {
    /// Keeps something under a ticket.
    ///
    /// # Errors
    /// It could not be kept.
    pub async fn store<T: Held>(&self, ticket: &str, held: &T) -> Result<(), PortError> {
        let text = serde_json::to_string(held).map_err(|error| PortError::rejected("tickets", error))?;
        self.keep(T::KIND, ticket, text).await
    }

    /// Gives what is kept under a ticket, once.
    ///
    /// # Errors
    /// It could not be looked up, or is not what can have been stored.
    pub async fn redeem<T: Held>(&self, ticket: &str) -> Result<Option<T>, PortError> {
        let Some(text) = self.take(T::KIND, ticket).await? else { return Ok(None) };
        // Neither the ticket nor what it stood for is told: both are secrets.
        let corrupt = |_| PortError::corrupt(format!("a ticket of the kind {}", T::KIND.as_str()), "it is something else");
        serde_json::from_str(&text).map(Some).map_err(corrupt)
    }
}
