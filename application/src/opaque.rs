//! Bytes that nobody can guess and somebody else keeps: how tokens are written, and that they are never shown.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Random bytes. They are written behind a prefix, so that nobody takes them for anything else, and whoever looks for leaked secrets finds them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Opaque<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> fmt::Debug for Opaque<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl<const N: usize> Opaque<N> {
    /// As it was written; nothing if it was not written here.
    pub(crate) fn parse(prefix: &str, text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it is given to its owner.
    pub(crate) fn write(&self, prefix: &str) -> String {
        format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}
