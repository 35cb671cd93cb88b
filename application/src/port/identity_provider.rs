//! Where somebody logs in whom it then vouches for: an OpenID provider.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;

/// What a provider says of somebody who has just logged in there. Only the subject is theirs for ever, and only the address may be proved.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vouched {
    /// Who it is, to this provider.
    pub subject: String,
    /// Where to write to them.
    pub email: Option<String>,
    /// Whether the provider knows that what is sent there reaches them.
    pub email_verified: bool,
    /// What they would like to be called, as a handle.
    pub username: Option<String>,
    /// What they are called.
    pub name: Option<String>,
}

impl std::fmt::Debug for Vouched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vouched").field("email_verified", &self.email_verified).finish_non_exhaustive()
    }
}

/// What one sign-in and no other is recognised by. Nobody but the server has it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Expected {
    /// The provider puts it into the token it signs.
    pub nonce: String,
    /// What the provider was told the hash of (PKCE): without it the code is of no use.
    pub verifier: String,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Expected(hidden)")
    }
}

/// An OpenID provider.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Its URL, which is part of who its subjects are.
    fn issuer(&self) -> &str;

    /// Where a browser is sent for somebody to log in, who then comes back with this state.
    async fn authorization_url(&self, state: &str, expected: &Expected) -> Result<String, PortError>;

    /// Whom it vouches for by the code that a browser came back with. [`PortError::Rejected`] if the code is no good, or what the provider
    /// says does not hold; [`PortError::Unavailable`] if it cannot be asked.
    async fn redeem(&self, code: &str, expected: &Expected) -> Result<Vouched, PortError>;
}
