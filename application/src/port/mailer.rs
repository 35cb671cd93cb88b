//! Sending a mail.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::text::Email;
use uuid::Uuid;

/// A mail as it is to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names it: its `Message-ID` is made of this, so that whoever is sent it twice can tell.
    pub id: Uuid,
    /// When it is sent.
    pub at: DateTime<Utc>,
    /// Where to.
    pub to: Email,
    /// What they are called, as they chose; any text.
    pub name: Option<String>,
    /// What it is about, in one line.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// The same, as HTML.
    pub html: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a mail was not sent, as far as anybody can tell. Says nothing of what a server has written, for it quotes addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// Later it may be.
    #[error("{0}")]
    Temporary(String),
    /// It never will be.
    #[error("{0}")]
    Permanent(String),
}

/// The way to those who read mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a mail, and waits a limited time until somebody has taken it over for good.
    async fn send(&self, mail: &Mail) -> Result<(), Unsent>;
}
