//! What is kept of a sign-in from one step to the next.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::port::identity_provider::{Expected, Vouched};
use crate::port::sessions::Digest;
use crate::port::tickets::{Held, Kind};

/// The hash of what a client keeps to itself until a browser comes back (RFC 7636, `S256`): a code that is stolen on the way is worth nothing,
/// and one that somebody else is made to redeem as little.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// A SHA-256 in Base64, the form for URLs and without padding; nothing if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hash = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (hash.len() == size_of::<Digest>()).then(|| Self(text.to_owned()))
    }

    /// Whether it is the hash of this.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == self.0
    }
}

/// A browser that was sent away, under the state it is to come back with.
#[derive(Deserialize, Serialize)]
pub(super) struct SignIn {
    /// Where to.
    pub(super) provider: String,
    /// What the provider's answer is recognised by.
    pub(super) expected: Expected,
    /// The hash of what the browser is recognised by.
    pub(super) browser: Digest,
    /// Where it is to end.
    pub(super) return_to: String,
    /// What whoever began is recognised by.
    pub(super) challenge: Challenge,
}

impl Held for SignIn {
    const KIND: Kind = Kind::SignIn;
}

/// Whom a provider vouches for, under the code that it is redeemed with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Returned {
    /// The provider.
    pub issuer: String,
    /// What it says.
    pub vouched: Vouched,
    /// What whoever began is recognised by.
    pub(super) challenge: Challenge,
    /// Until when it can be redeemed, however often it is put back.
    pub(super) expires_at: DateTime<Utc>,
}

impl Held for Returned {
    const KIND: Kind = Kind::SignedIn;
}

/// The hash of what a browser is recognised by.
pub(super) fn digest(browser: &str) -> Digest {
    Sha256::new().chain_update(b"posthaste sign-in").chain_update(browser).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_met_by_what_it_is_the_hash_of() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        for other in ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"] {
            assert!(!challenge.is_met_by(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_hash_is_no_challenge() {
        for wrong in ["", "E9Mel", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
            assert_eq!(Challenge::parse(wrong), None, "{wrong}");
        }
    }
}
