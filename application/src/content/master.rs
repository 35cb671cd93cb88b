//! The master keys: what the keys of owners are wrapped by. `1 ‖ which (8) ‖ nonce (12) ‖ wrapped key (32) ‖ tag (16)`, AES-256-GCM.

use std::fmt;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use posthaste_domain::OwnerId;
use zeroize::Zeroizing;

use super::sealed::{ContentKey, NONCE, mac};
use crate::hex;
use crate::port::Randomness;
use crate::port::keys::Wrapped;

const FORM: u8 = 1;
const HEAD: usize = 1 + NAME + NONCE;
const NAME: usize = 8;
const TAG: usize = 16;

/// Text that is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a master key: 32 bytes in Base64, as `openssl rand -base64 32` makes them")]
pub struct NoMasterKey;

/// Which master key, as far as that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterName([u8; NAME]);

impl fmt::Display for MasterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// Why a key could not be unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUnwrapped {
    /// By a master key that this program was not given.
    #[error("it is wrapped by the master key {0}, which is neither content.master_key nor one of content.accepted_keys")]
    Unknown(MasterName),
    /// Nothing that a master key has made for this owner.
    #[error("it is not what was wrapped")]
    Corrupt,
}

/// A master key. Never shown, and wiped from memory when it is let go of.
pub struct MasterKey {
    name: MasterName,
    cipher: Aes256Gcm,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.name)
    }
}

impl MasterKey {
    /// The key that these bytes are.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let digest = mac(bytes, b"posthaste master key");
        let name = MasterName(std::array::from_fn(|n| digest[n]));
        Self { name, cipher: Aes256Gcm::new(bytes.into()) }
    }

    /// Which it is.
    #[must_use]
    pub const fn name(&self) -> MasterName {
        self.name
    }

    /// From the text of a file or a variable.
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, NoMasterKey> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).map_err(|_| NoMasterKey)?);
        Ok(Self::new(bytes.as_slice().try_into().map_err(|_| NoMasterKey)?))
    }

    /// The text of a new one.
    #[must_use]
    pub fn generate(randomness: &dyn Randomness) -> String {
        let mut bytes = Zeroizing::new([0; 32]);
        randomness.fill(&mut *bytes);
        BASE64_STANDARD.encode(*bytes)
    }

    fn wrap(&self, owner: OwnerId, nonce: [u8; NONCE], key: &[u8; 32]) -> Wrapped {
        let mut wrapped = [&[FORM][..], &self.name.0, &nonce, key].concat();
        let covered = covered(owner);
        let tag = self.cipher.encrypt_inout_detached(&Nonce::from(nonce), &covered, (&mut wrapped[HEAD..]).into());
        wrapped.extend_from_slice(&tag.expect("32 bytes are below 64 GiB"));
        wrapped
    }

    fn unwrap(&self, owner: OwnerId, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, NotUnwrapped> {
        let (head, rest) = wrapped.split_at_checked(HEAD).ok_or(NotUnwrapped::Corrupt)?;
        let (nonce, rest) = (<[u8; NONCE]>::try_from(&head[1 + NAME..]), <[u8; 32 + TAG]>::try_from(rest));
        let (Ok(nonce), Ok(rest)) = (nonce, rest) else { return Err(NotUnwrapped::Corrupt) };
        let mut key = Zeroizing::new(std::array::from_fn::<u8, 32, _>(|n| rest[n]));
        let tag: [u8; TAG] = std::array::from_fn(|n| rest[32 + n]);
        let unwrapping = self.cipher.decrypt_inout_detached(&Nonce::from(nonce), &covered(owner), (&mut key[..]).into(), &Tag::from(tag));
        unwrapping.map(|()| key).map_err(|_| NotUnwrapped::Corrupt)
    }
}

fn covered(owner: OwnerId) -> [u8; 17] {
    let mut covered = [FORM; 17];
    covered[1..].copy_from_slice(owner.uuid().as_bytes());
    covered
}

/// By which master key a key is wrapped.
///
/// # Errors
/// It is no wrapped key.
pub fn wrapped_by(wrapped: &[u8]) -> Result<MasterName, NotUnwrapped> {
    match wrapped {
        [FORM, rest @ ..] => rest.first_chunk().map(|name| MasterName(*name)).ok_or(NotUnwrapped::Corrupt),
        _ => Err(NotUnwrapped::Corrupt),
    }
}

/// The master key that wraps, and those that are known besides, because some keys may still be wrapped by them.
#[derive(Debug)]
pub struct MasterKeys {
    current: MasterKey,
    accepted: Vec<MasterKey>,
}

impl MasterKeys {
    /// These.
    #[must_use]
    pub const fn new(current: MasterKey, accepted: Vec<MasterKey>) -> Self {
        Self { current, accepted }
    }

    /// Which one wraps.
    #[must_use]
    pub const fn name(&self) -> MasterName {
        self.current.name
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn knows(&self, name: MasterName) -> bool {
        std::iter::once(&self.current).chain(&self.accepted).any(|key| key.name == name)
    }

    /// A new key of an owner, wrapped.
    #[must_use]
    pub(super) fn make(&self, owner: OwnerId, randomness: &dyn Randomness) -> Wrapped {
        let mut key = Zeroizing::new([0; 32]);
        randomness.fill(&mut *key);
        self.current.wrap(owner, nonce(randomness), &key)
    }

    /// The key of an owner.
    ///
    /// # Errors
    /// See [`NotUnwrapped`].
    pub fn unwrap(&self, owner: OwnerId, wrapped: &[u8]) -> Result<ContentKey, NotUnwrapped> {
        Ok(ContentKey::new(&*self.reveal(owner, wrapped)?))
    }

    /// The same key, wrapped by the current master key; `None` when it is so already.
    ///
    /// # Errors
    /// See [`NotUnwrapped`].
    pub(super) fn rewrap(&self, owner: OwnerId, wrapped: &[u8], randomness: &dyn Randomness) -> Result<Option<Wrapped>, NotUnwrapped> {
        if wrapped_by(wrapped)? == self.current.name {
            return Ok(None);
        }
        Ok(Some(self.current.wrap(owner, nonce(randomness), &*self.reveal(owner, wrapped)?)))
    }

    /// The bytes of the key of an owner.
    pub(super) fn reveal(&self, owner: OwnerId, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, NotUnwrapped> {
        let name = wrapped_by(wrapped)?;
        let by = std::iter::once(&self.current).chain(&self.accepted).find(|key| key.name == name);
        by.ok_or(NotUnwrapped::Unknown(name))?.unwrap(owner, wrapped)
    }
}

/// A number that is used once.
pub(super) fn nonce(randomness: &dyn Randomness) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    randomness.fill(&mut nonce);
    nonce
}
