//! What is sent to be given back: 256 bits that nobody can guess, kept as a hash.

use sha2::{Digest as _, Sha256};

use crate::opaque::Opaque;
use crate::port::accounts::Credentials;
use crate::port::one_time::{Digest, Purpose};

const PREFIX: &str = "pho_";

/// A one-time token. It is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeToken(Opaque<32>);

impl OneTimeToken {
    /// A token.
    #[must_use]
    pub const fn new(random: [u8; 32]) -> Self {
        Self(Opaque(random))
    }

    /// As it was written; nothing if it was not written here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Opaque::parse(PREFIX, text).map(Self)
    }

    /// As it is sent.
    #[must_use]
    pub fn write(&self) -> String {
        self.0.write(PREFIX)
    }

    /// Its hash.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste one-time token").chain_update(self.0.0).finalize().into()
    }
}

/// The hash of what a token is good for: the password that it replaces, if there is one, or the address that it verifies. Whatever changes that makes every
/// token worthless, also those that are on their way.
pub(super) fn bound(purpose: Purpose, credentials: &Credentials) -> Digest {
    let good_for = match purpose {
        Purpose::PasswordReset => credentials.password_hash.clone().unwrap_or_default(),
        Purpose::EmailVerification => credentials.email.folded(),
        // Nobody is sent one for that.
        Purpose::AccountDeletion => String::new(),
    };
    Sha256::new().chain_update(b"posthaste one-time token is good for").chain_update(good_for).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_written() {
        let token = OneTimeToken::new(std::array::from_fn(|n| u8::try_from(n).unwrap() ^ 0xa5));
        let written = token.write();
        assert_eq!((written.len(), OneTimeToken::parse(&written)), (4 + 43, Some(token.clone())));
        assert_eq!(format!("{token:?}"), "OneTimeToken(hidden)");
        assert_ne!(token.digest(), OneTimeToken::new([1; 32]).digest());
    }

    #[test]
    fn what_was_not_written_here_is_no_token() {
        let written = OneTimeToken::new([7; 32]).write();
        let unpadded = &written[..written.len() - 1];
        let refresh = written.replacen(PREFIX, "phr_", 1);
        for text in ["", PREFIX, "pho_AAAA", &refresh, unpadded, &format!("{written}A"), &format!("{written}="), &format!(" {written}")] {
            assert_eq!(OneTimeToken::parse(text), None, "{text}");
        }
    }
}
