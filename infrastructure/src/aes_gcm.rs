//! Secrets sealed with AES-256-GCM.

use std::fmt;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use posthaste_application::port::{Cipher, PortError};

use crate::system::random;

/// What every sealed secret begins with: how the rest is to be read.
const FORM: u8 = 1;
/// Bytes of a nonce. They are random: one key seals some millions of secrets, far from the 2^32 after which two might be the same.
const NONCE: usize = 12;

/// A text that is no key. It is not shown: it may be a key of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in Base64: make a key with `openssl rand -base64 32`")]
pub struct NoCipherKey;

/// Seals secrets with one key, which is never shown.
#[derive(Clone)]
pub struct AesCipher(Aes256Gcm);

impl fmt::Debug for AesCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesCipher(hidden)")
    }
}

impl AesCipher {
    /// With the key that these bytes are.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)))
    }

    /// With the key that this line of Base64 is.
    ///
    /// # Errors
    /// [`NoCipherKey`].
    pub fn parse(text: &str) -> Result<Self, NoCipherKey> {
        let key = BASE64_STANDARD.decode(text.trim()).map_err(|_| NoCipherKey)?;
        key.as_slice().try_into().map(Self::new).map_err(|_| NoCipherKey)
    }

    /// A new key, as the text of a file, for its owner alone to read.
    #[must_use]
    pub fn random_key() -> String {
        format!("{}\n", BASE64_STANDARD.encode(rand::random::<[u8; 32]>()))
    }
}

impl Cipher for AesCipher {
    fn seal(&self, label: &[u8], secret: &[u8]) -> Result<Vec<u8>, PortError> {
        let nonce = random::<NONCE>()?;
        let sealed = self.0.encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: label });
        let sealed = sealed.map_err(|error| PortError::rejected("aes-gcm", error.to_string()))?;
        Ok([&[FORM][..], &nonce, &sealed].concat())
    }

    fn open(&self, label: &[u8], sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let unreadable = || PortError::corrupt("a sealed secret", "it was sealed with another key, for something else, or altered");
        let (form, rest) = sealed.split_first().ok_or_else(unreadable)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().filter(|_| *form == FORM).ok_or_else(unreadable)?;
        self.0.decrypt(&Nonce::from(*nonce), Payload { msg: rest, aad: label }).map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_opened_as_it_was_and_sealed_in_another_way_each_time() {
        let cipher = AesCipher::new(&[7; 32]);
        let (one, other) = (cipher.seal(b"label", b"a secret").unwrap(), cipher.seal(b"label", b"a secret").unwrap());
        assert_ne!(one, other);
        for sealed in [one, other] {
            assert!(!sealed.windows(8).any(|part| part == b"a secret"));
            assert_eq!(cipher.open(b"label", &sealed).unwrap(), b"a secret");
        }
    }

    #[test]
    fn what_was_altered_or_put_elsewhere_or_sealed_with_another_key_is_corrupt() {
        let cipher = AesCipher::new(&[7; 32]);
        let sealed = cipher.seal(b"label", b"a secret").unwrap();
        let corrupt = |opened: Result<Vec<u8>, PortError>| matches!(opened, Err(PortError::Corrupt { .. }));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(corrupt(cipher.open(b"label", &altered)), "byte {at}");
            assert!(corrupt(cipher.open(b"label", &sealed[..at])), "the first {at} bytes");
        }
        assert!(corrupt(cipher.open(b"another", &sealed)));
        assert!(corrupt(AesCipher::new(&[8; 32]).open(b"label", &sealed)));
    }

    #[test]
    fn a_key_comes_from_what_was_made_as_one_and_is_not_shown() {
        let (key, other) = (AesCipher::random_key(), AesCipher::random_key());
        assert_ne!(key, other);
        let sealed = AesCipher::parse(&key).unwrap().seal(b"", b"a secret").unwrap();
        assert_eq!(AesCipher::parse(key.trim()).unwrap().open(b"", &sealed).unwrap(), b"a secret");
        for wrong in ["", "hunter2", &key[1..], &BASE64_STANDARD.encode([1; 31]), &BASE64_STANDARD.encode([1; 33])] {
            assert_eq!(AesCipher::parse(wrong).err(), Some(NoCipherKey), "{wrong}");
        }
        assert_eq!(format!("{:?}", AesCipher::new(&[7; 32])), "AesCipher(hidden)");
    }
}
