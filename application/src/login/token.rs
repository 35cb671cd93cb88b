//! What renews a login: 512 bits that nobody can guess. Half of them are the same in all tokens of a login, so that one of them is known for
//! what it is however old; each half is kept as a hash.

use sha2::{Digest as _, Sha256};

use crate::opaque::Opaque;
use crate::port::sessions::Digest;

const PREFIX: &str = "phr_";
const FAMILY: usize = 32;

/// A refresh token. It is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken(Opaque<64>);

impl RefreshToken {
    /// The first token of a login.
    #[must_use]
    pub const fn new(random: &[u8; 64]) -> Self {
        Self(Opaque(*random))
    }

    /// Another token of the same login.
    #[must_use]
    pub fn next(&self, random: &[u8; 32]) -> Self {
        let Self(Opaque(mut next)) = self.clone();
        next[FAMILY..].copy_from_slice(random);
        Self(Opaque(next))
    }

    /// As it was written; nothing if it was not written here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Opaque::parse(PREFIX, text).map(Self)
    }

    /// As it is given to its owner.
    #[must_use]
    pub fn write(&self) -> String {
        self.0.write(PREFIX)
    }

    /// The hash of what all tokens of the login begin with.
    #[must_use]
    pub fn family(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste refresh token family").chain_update(&self.0.0[..FAMILY]).finalize().into()
    }

    /// The hash of the whole token.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste refresh token").chain_update(self.0.0).finalize().into()
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
