//! The keys of access tokens: Ed25519, as other programs read and write them (PKCS#8 and SubjectPublicKeyInfo).

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};

/// A text that is no key of this kind. It is not shown: it may be one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTokenKey {
    /// It is no private key.
    #[error("not an Ed25519 private key: make one with `openssl genpkey -algorithm ed25519`, and give the PEM or the Base64 within it")]
    Private,
    /// It is neither a private nor a public key.
    #[error("neither an Ed25519 private key nor a public one: give the PEM or the Base64 within it")]
    Any,
}

/// What tokens are signed with. It is never shown.
#[derive(Clone)]
pub struct TokenKey(SigningKey);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(hidden)")
    }
}

impl TokenKey {
    /// The key that these random bytes are.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// A new key.
    #[must_use]
    pub fn random() -> Self {
        Self::from_random(&rand::random())
    }

    /// From PEM (`BEGIN PRIVATE KEY`), or from the one line of Base64 within it.
    ///
    /// # Errors
    /// [`NoTokenKey::Private`].
    pub fn parse(text: &str) -> Result<Self, NoTokenKey> {
        SigningKey::from_pkcs8_pem(&framed("PRIVATE KEY", text)).map(Self).map_err(|_| NoTokenKey::Private)
    }

    /// As the text of a file, for its owner alone to read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("32 bytes can be written").to_string()
    }

    /// What its tokens are verified with.
    #[must_use]
    pub fn trusted(&self) -> TrustedKey {
        TrustedKey(self.0.verifying_key())
    }

    pub(super) fn encoding(&self) -> EncodingKey {
        EncodingKey::from_ed_der(self.0.to_pkcs8_der().expect("32 bytes can be written").as_bytes())
    }
}

/// What tokens are verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedKey(pub(super) VerifyingKey);

impl TrustedKey {
    /// From a public key (`BEGIN PUBLIC KEY`), or from the private key that it belongs to: PEM, or the one line of Base64 within it.
    ///
    /// # Errors
    /// [`NoTokenKey::Any`].
    pub fn parse(text: &str) -> Result<Self, NoTokenKey> {
        if let Ok(key) = TokenKey::parse(text) {
            return Ok(key.trusted());
        }
        let key = VerifyingKey::from_public_key_pem(&framed("PUBLIC KEY", text)).map_err(|_| NoTokenKey::Any)?;
        // Anybody can sign for a weak one.
        if key.is_weak() { Err(NoTokenKey::Any) } else { Ok(Self(key)) }
    }

    /// Names the key in a token.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"posthaste access token key id").chain_update(self.0.as_bytes()).finalize();
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(self.0.as_bytes())
    }
}

/// Base64 alone fits on a line of an environment; PEM is what is parsed.
fn framed(label: &str, text: &str) -> String {
    let text = text.trim();
    if text.contains("-----") {
        return text.to_owned();
    }
    // As wide as PEM is.
    let characters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let lines: Vec<String> = characters.chunks(64).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
