//! What renews a login: 512 bits that nobody can guess. Half of them are the same in all tokens of a login, so that one of them is known for
//! what it is however old; each half is kept as a hash.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::port::sessions::Digest;

/// So that nobody takes it for anything else, and whoever looks for leaked secrets finds it.
const PREFIX: &str = "phr_";
const FAMILY: usize = 32;

/// A refresh token. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; 64]);

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(hidden)")
    }
}

impl RefreshToken {
    /// The first token of a login.
    #[must_use]
    pub const fn new(random: &[u8; 64]) -> Self {
        Self(*random)
    }

    /// Another token of the same login.
    #[must_use]
    pub fn next(&self, random: &[u8; 32]) -> Self {
        let mut next = self.0;
        next[FAMILY..].copy_from_slice(random);
        Self(next)
    }

    /// As it was written; nothing if it was not written here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it is given to its owner.
    #[must_use]
    pub fn write(&self) -> String {
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The hash of what all tokens of the login begin with.
    #[must_use]
    pub fn family(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste refresh token family").chain_update(&self.0[..FAMILY]).finalize().into()
    }

    /// The hash of the whole token.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste refresh token").chain_update(self.0).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_written() {
        let token = RefreshToken::new(&std::array::from_fn(|n| u8::try_from(n).unwrap() ^ 0xa5));
        let written = token.write();
        assert_eq!((written.len(), RefreshToken::parse(&written)), (4 + 86, Some(token.clone())));
        assert_eq!(format!("{token:?}"), "RefreshToken(hidden)");
    }

    #[test]
    fn tokens_of_one_login_share_a_family_and_nothing_else() {
        let first = RefreshToken::new(&[1; 64]);
        let second = first.next(&[2; 32]);
        assert_eq!(first.family(), second.family());
        assert_ne!(first.digest(), second.digest());
        assert_ne!(first.family(), RefreshToken::new(&[3; 64]).family());
    }

    #[test]
    fn what_was_not_written_here_is_no_token() {
        let written = RefreshToken::new(&[7; 64]).write();
        let unpadded = &written[..written.len() - 1];
        for text in
            ["", "phr_", "phr_AAAA", &written[4..], unpadded, &format!("{written}A"), &format!("{written}="), &format!(" {written}")]
        {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }
}
