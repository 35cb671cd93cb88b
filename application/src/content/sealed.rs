//! The form of sealed content: `1 ‖ owner (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM under the owner's key.
//!
//! What was recorded before content was sealed is JSON, which never begins with a 1. The tag covers the owner and where the content belongs
//! as well, so none of it can be put in the place of another. A nonce is 96 bits of chance: after 2³² events of one owner the odds that two
//! had the same are below 2⁻³², which is the bound that NIST SP 800-38D sets.

use std::fmt;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hmac::{Hmac, Mac as _};
use posthaste_domain::{CommandId, OwnerId};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::recorded::{Hash, StreamId};

/// The form there is.
const FORM: u8 = 1;
/// Before the ciphertext.
const HEAD: usize = 1 + 16 + NONCE;
pub(super) const NONCE: usize = 12;
const TAG: usize = 16;

/// Where content belongs: the event that it is a part of.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its stream.
    pub stream: StreamId,
    /// Its place in that.
    pub version: u64,
    /// The command that led to it.
    pub command: CommandId,
    /// Its place among the events of that.
    pub ordinal: u16,
}

impl Place {
    fn covered(self, owner: OwnerId) -> Vec<u8> {
        let Self { stream, version, command, ordinal } = self;
        let (owner, command) = (owner.uuid(), command.uuid());
        // Only the name of the category has no fixed length, and it comes last.
        let parts: [&[u8]; 7] = [
            &[FORM],
            owner.as_bytes(),
            stream.id.as_bytes(),
            &version.to_be_bytes(),
            command.as_bytes(),
            &ordinal.to_be_bytes(),
            stream.category.as_str().as_bytes(),
        ];
        parts.concat()
    }
}

/// Sealed bytes that no key of their owner's has made, for this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content is not what was sealed")]
pub struct NotSealed;

/// Whose sealed content this is; `None` when it is not sealed.
///
/// # Errors
/// It is of no form that there is.
pub fn owner(content: &[u8]) -> Result<Option<OwnerId>, NotSealed> {
    match content.first() {
        Some(&FORM) => {
            let owner = content.get(1..17).filter(|_| content.len() >= HEAD + TAG).ok_or(NotSealed)?;
            Ok(Some(OwnerId::new(Uuid::from_slice(owner).map_err(|_| NotSealed)?)))
        }
        Some(_) | None => Ok(None),
    }
}

/// The key of an owner, unwrapped. Never shown, and wiped from memory when it is let go of.
pub struct ContentKey {
    cipher: Aes256Gcm,
    fingerprints: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(hidden)")
    }
}

impl ContentKey {
    /// The key that these bytes are.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let fingerprints = mac(bytes, b"posthaste fingerprints");
        Self { cipher: Aes256Gcm::new(bytes.into()), fingerprints: Zeroizing::new(fingerprints) }
    }

    /// Content, sealed for its place.
    ///
    /// # Panics
    /// Never: content is far below the 64 GiB that can be sealed at once.
    #[must_use]
    pub fn seal(&self, owner: OwnerId, place: Place, nonce: [u8; NONCE], content: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(HEAD + content.len() + TAG);
        sealed.push(FORM);
        sealed.extend_from_slice(owner.uuid().as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let covered = place.covered(owner);
        let sealing = self.cipher.encrypt_inout_detached(&Nonce::from(nonce), &covered, (&mut sealed[HEAD..]).into());
        let tag = sealing.expect("content is far below 64 GiB");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// What was sealed for this place.
    ///
    /// # Errors
    /// It was not sealed by this key, or for another place, or has been changed.
    pub fn open(&self, owner: OwnerId, place: Place, sealed: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or(NotSealed)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().wrapping_sub(TAG)).ok_or(NotSealed)?;
        let (nonce, tag) = (<[u8; NONCE]>::try_from(&head[17..]), <[u8; TAG]>::try_from(tag));
        let (Ok(nonce), Ok(tag)) = (nonce, tag) else { return Err(NotSealed) };
        let mut content = ciphertext.to_vec();
        let covered = place.covered(owner);
        let opened = self.cipher.decrypt_inout_detached(&Nonce::from(nonce), &covered, content.as_mut_slice().into(), &Tag::from(tag));
        opened.map(|()| content).map_err(|_| NotSealed)
    }

    /// The digest of what was asked, as it is recorded of this owner: nobody can guess what was asked without the key.
    #[must_use]
    pub fn fingerprint(&self, asked: &Hash) -> Hash {
        mac(&self.fingerprints, asked)
    }
}

/// `hmac-sha256(key, text)`.
pub(super) fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("a key of any length will do");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
