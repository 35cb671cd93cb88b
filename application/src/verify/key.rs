//! The keys of seals: Ed25519, in the files that other programs read and write (PKCS#8 and SubjectPublicKeyInfo, as PEM).

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

/// A file that holds no key of this kind.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// It is no private key.
    #[error("not an Ed25519 private key in PEM (BEGIN PRIVATE KEY)")]
    Private(#[source] ed25519_dalek::pkcs8::Error),
    /// It is no public key.
    #[error("not an Ed25519 public key in PEM (BEGIN PUBLIC KEY)")]
    Public(#[source] ed25519_dalek::pkcs8::spki::Error),
}

/// What signs seals. Never shown.
#[derive(Clone)]
pub struct SealKey(SigningKey);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(hidden)")
    }
}

impl SealKey {
    /// The key that these random bytes are.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// From the text of a file.
    ///
    /// # Errors
    /// It holds no such key.
    pub fn from_pem(text: &str) -> Result<Self, NoKey> {
        SigningKey::from_pkcs8_pem(text).map(Self).map_err(NoKey::Private)
    }

    /// As the text of a file, for its owner alone to read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("32 bytes can be written").to_string()
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// What seals are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the text of a file.
    ///
    /// # Errors
    /// It holds no such key.
    pub fn from_pem(text: &str) -> Result<Self, NoKey> {
        VerifyingKey::from_public_key_pem(text).map(Self).map_err(NoKey::Public)
    }

    /// As the text of a file.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("32 bytes can be written")
    }

    pub(super) fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whether the holder of the private key has signed this. Strict: one signature has one spelling, and weak keys sign nothing.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}
