//! Codes for when an authenticator is lost: 80 bits that nobody can guess, so they are kept as plain hashes.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

use crate::port::sessions::Digest;

/// A recovery code. It is never shown but to its owner, once.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; Self::BYTES]);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(hidden)")
    }
}

impl RecoveryCode {
    pub(super) const BYTES: usize = 10;
    /// Letters that are written together.
    const GROUP: usize = 4;

    /// As many as the random bytes are enough for.
    pub(super) fn many(random: &[u8]) -> Vec<Self> {
        random.as_chunks().0.iter().map(|bytes| Self(*bytes)).collect()
    }

    /// As it was written, in any case and with or without what groups its letters; nothing if it was not written here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let letters: String = text.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        BASE32_NOPAD.decode(letters.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// As it is given to its owner: `abcd-efgh-ijkl-mnop`.
    #[must_use]
    pub fn write(&self) -> String {
        let letters = BASE32_NOPAD.encode(&self.0).to_ascii_lowercase();
        letters.as_bytes().chunks(Self::GROUP).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> Digest {
        Sha256::new().chain_update(b"posthaste recovery code").chain_update(self.0).finalize().into()
    }
}
