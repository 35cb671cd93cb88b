//! The keys in use. An unwrapped key is kept until it is pushed out by others, or its owner is erased; both wipe it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use posthaste_domain::{OwnerId, UserId};
use quick_cache::sync::Cache;

use super::master::{MasterKeys, nonce};
use super::sealed::{self, ContentKey, Place};
use crate::port::keys::{ContentKeys, Kept};
use crate::port::{PortError, Randomness};
use crate::recorded::{Append, Hash, Opened, Recorded, Unsealed};

/// Keys read at once.
const PAGE: usize = 1_000;
/// Keys that are kept unwrapped, about a kibibyte each.
const HELD: usize = 20_000;

/// The event by which somebody is erased.
pub(crate) const ERASED: &str = "user.erased";

/// What is known of an owner's key.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Key(Arc<ContentKey>),
    /// It was destroyed.
    Destroyed,
    /// There never was one, as far as is known here.
    Never,
}

/// Whether content is sealed when it is recorded. Sealed content is opened either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// It is.
    On,
    /// Not while programs share the log that cannot read what is sealed.
    Off,
}

/// What a process may do about keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It makes keys, and sees to it that those are destroyed whose owners the log says are erased.
    Write,
    /// It only looks.
    Read,
}

/// Seals and opens content by the keys of a store. Shared by everything in a process that touches the log.
pub struct Keyring {
    keys: Arc<dyn ContentKeys>,
    masters: MasterKeys,
    randomness: Arc<dyn Randomness>,
    sealing: Sealing,
    access: Access,
    held: Cache<OwnerId, Held>,
    /// How many were erased while this looked. A key that was read before somebody was erased is not kept after it.
    erasures: Mutex<u64>,
}

impl Keyring {
    /// A keyring over these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn ContentKeys>, masters: MasterKeys, randomness: Arc<dyn Randomness>, sealing: Sealing, access: Access) -> Self {
        Self { keys, masters, randomness, sealing, access, held: Cache::new(HELD), erasures: Mutex::new(0) }
    }

    /// The keys, as they are stored.
    #[must_use]
    pub fn keys(&self) -> &dyn ContentKeys {
        &*self.keys
    }

    /// Some of the keys behind an owner, in the order of the owners, and the last of these owners if there may be more.
    pub(super) async fn page(&self, after: Option<OwnerId>) -> Result<(Vec<(OwnerId, Kept)>, Option<OwnerId>), PortError> {
        let page = self.keys.list(after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == PAGE).map(|(owner, _)| *owner);
        Ok((page, last))
    }

    /// What they are wrapped by.
    #[must_use]
    pub const fn masters(&self) -> &MasterKeys {
        &self.masters
    }

    pub(super) fn randomness(&self) -> &dyn Randomness {
        &*self.randomness
    }

    /// Whether the master keys open what is kept, as far as the first key tells.
    ///
    /// # Errors
    /// They do not, or it cannot be read.
    pub async fn check(&self) -> Result<(), PortError> {
        for (owner, kept) in self.keys.list(None, 1).await? {
            if let Kept::Wrapped(wrapped) = kept {
                self.unwrap(owner, &wrapped)?;
            }
        }
        Ok(())
    }

    fn unwrap(&self, owner: OwnerId, wrapped: &[u8]) -> Result<ContentKey, PortError> {
        self.masters.unwrap(owner, wrapped).map_err(|error| PortError::corrupt(format!("the content key of {owner}"), error))
    }

    /// Destroys the key of somebody who was erased: what was sealed by it can be opened by nobody any more.
    ///
    /// # Errors
    /// It could not be destroyed.
    pub async fn destroy(&self, user: UserId) -> Result<(), PortError> {
        self.forget(user.into());
        self.keys.destroy(user.into()).await?;
        Ok(())
    }

    /// Lets go of a key.
    fn forget(&self, owner: OwnerId) {
        *self.erasures.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.held.insert(owner, Held::Destroyed);
    }

    fn erasures(&self) -> u64 {
        *self.erasures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was read when so many had been erased, unless somebody was since.
    fn hold(&self, owner: OwnerId, held: Held, when: u64) {
        let erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        if *erasures == when {
            self.held.insert(owner, held);
        }
    }

    /// The keys of these owners. Those that are not there are made, if that is asked, and are durable by then.
    pub(super) async fn of(&self, owners: BTreeSet<OwnerId>, make: bool) -> Result<HashMap<OwnerId, Held>, PortError> {
        let mut found = HashMap::with_capacity(owners.len());
        let mut missing = Vec::new();
        for owner in owners {
            match self.held.get(&owner) {
                Some(Held::Never) if make => missing.push(owner),
                Some(held) => drop(found.insert(owner, held)),
                None => missing.push(owner),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let when = self.erasures();
        let mut kept: HashMap<_, _> = self.keys.find(&missing).await?.into_iter().collect();
        if make {
            let new = missing.iter().filter(|owner| !kept.contains_key(owner));
            let new: Vec<_> = new.map(|owner| (*owner, self.masters.make(*owner, &*self.randomness))).collect();
            if !new.is_empty() {
                self.keys.keep(&new).await?;
                // Another node may have been first, and then it is that one's.
                let owners: Vec<_> = new.into_iter().map(|(owner, _)| owner).collect();
                kept.extend(self.keys.find(&owners).await?);
            }
        }
        for owner in missing {
            let held = match kept.remove(&owner) {
                None => Held::Never,
                Some(Kept::Destroyed) => Held::Destroyed,
                Some(Kept::Wrapped(wrapped)) => Held::Key(Arc::new(self.unwrap(owner, &wrapped)?)),
            };
            self.hold(owner, held.clone(), when);
            found.insert(owner, held);
        }
        Ok(found)
    }

    /// Opens the content of events as far as it can be opened. Somebody whose erasure is among them has no key from here on, whatever became
    /// of whoever erased them, or of the store since.
    ///
    /// # Errors
    /// The keys cannot be read, or one cannot be unwrapped. Content that was tampered with makes its event corrupt, and no others.
    pub async fn open(&self, events: &mut [Recorded]) -> Result<(), PortError> {
        for erased in events.iter().filter(|event| event.event_type == ERASED) {
            let owner = OwnerId::new(erased.stream.id);
            if matches!(self.held.get(&owner), Some(Held::Destroyed)) {
                continue;
            }
            if self.access == Access::Write {
                self.keys.destroy(owner).await?;
            }
            self.forget(owner);
        }
        let owners: Vec<_> = events.iter().map(owner).collect();
        let keys = self.of(owners.iter().filter_map(|owner| owner.ok().flatten()).collect(), false).await?;
        let mut unknown = BTreeSet::new();
        for (event, owner) in events.iter_mut().zip(owners) {
            let Ok(owner) = owner else {
                event.decoded.open(Opened::Corrupt);
                continue;
            };
            let Some(owner) = owner else { continue };
            match keys.get(&owner) {
                Some(Held::Destroyed) => event.decoded.open(Opened::Erased),
                Some(Held::Key(key)) => open(event, owner, key),
                // Somebody else may have made it since this was seen.
                Some(Held::Never) | None => {
                    unknown.insert(owner);
                }
            }
        }
        if unknown.is_empty() { Ok(()) } else { self.open_unknown(events, unknown).await }
    }

    /// Opens what is sealed by keys of which nothing was known. A key that is not there was never restored: as good as destroyed.
    async fn open_unknown(&self, events: &mut [Recorded], owners: BTreeSet<OwnerId>) -> Result<(), PortError> {
        let sealed = |event: &Recorded| event.content.as_deref().and_then(|content| sealed::owner(content).ok().flatten());
        let owners: BTreeSet<_> = events.iter().filter_map(sealed).filter(|owner| owners.contains(owner)).collect();
        for owner in &owners {
            self.held.remove(owner);
        }
        let keys = self.of(owners, false).await?;
        for event in events {
            let Some(owner) = sealed(event) else { continue };
            match keys.get(&owner) {
                Some(Held::Key(key)) => open(event, owner, key),
                Some(Held::Destroyed | Held::Never) => event.decoded.open(Opened::Erased),
                None => {}
            }
        }
        Ok(())
    }

    /// Makes appends what is recorded of them, unless they are: content sealed, fingerprints keyed. What was decided of somebody's words who is
    /// erased by now says nothing; the log will refuse it, for their stream has moved.
    pub(super) async fn seal(&self, batch: &mut [Append]) -> Result<(), PortError> {
        let mut batch: Vec<_> = batch.iter_mut().filter(|append| append.unsealed.is_none()).collect();
        let owners = batch.iter().filter(|_| self.sealing == Sealing::On).flat_map(|append| {
            let speaking = append.events.iter().filter(|event| event.content.is_some());
            speaking.filter_map(|event| event.owner).chain(asker(append))
        });
        let keys = self.of(owners.collect(), true).await?;
        for append in &mut batch {
            let mut before = Unsealed { fingerprint: append.fingerprint, contents: Vec::with_capacity(append.events.len()) };
            if let Some(Held::Key(key)) = asker(append).and_then(|owner| keys.get(&owner)) {
                append.fingerprint = key.fingerprint(&append.fingerprint);
            }
            for (ordinal, event) in (0..).zip(&mut append.events) {
                let owner = event.owner.filter(|_| self.sealing == Sealing::On);
                before.contents.push(owner.and_then(|owner| {
                    let content = event.content.take()?;
                    let Some(Held::Key(key)) = keys.get(&owner) else { return None };
                    let place = Place { stream: event.stream, version: event.version, command: append.command, ordinal };
                    event.content = Some(key.seal(owner, place, nonce(&*self.randomness), &content));
                    Some(content.into())
                }));
            }
            append.unsealed = Some(Box::new(before));
        }
        Ok(())
    }

    /// Whether a fingerprint that was recorded is that of what is asked: keyed, or from before fingerprints were.
    pub(super) async fn recognises(&self, owner: OwnerId, asked: &Hash, recorded: &Hash) -> Result<bool, PortError> {
        if recorded == asked {
            return Ok(true);
        }
        let keys = self.of(BTreeSet::from([owner]), false).await?;
        Ok(matches!(keys.get(&owner), Some(Held::Key(key)) if key.fingerprint(asked) == *recorded))
    }
}

/// By whose key the fingerprint of an append is made: who asks, or whom a registration makes; `None` for the server itself.
fn asker(append: &Append) -> Option<OwnerId> {
    let newcomer = OwnerId::new(append.command.uuid());
    let registers = || append.events.iter().any(|event| event.owner == Some(newcomer));
    append.actor.map(OwnerId::from).or_else(|| registers().then_some(newcomer))
}

/// Whose content an event has, if it has any.
fn owner(event: &Recorded) -> Result<Option<OwnerId>, sealed::NotSealed> {
    let Some(content) = event.content.as_deref() else { return Ok(None) };
    match sealed::owner(content)? {
        Some(owner) => Ok(Some(owner)),
        // From before content was sealed. Somebody who reads it wants to know what it says in any case.
        None => Ok(event.event().ok().and_then(posthaste_domain::Event::owner)),
    }
}

fn open(event: &mut Recorded, owner: OwnerId, key: &ContentKey) {
    let Some(content) = event.content.as_deref() else { return };
    if !matches!(sealed::owner(content), Ok(Some(_))) {
        return;
    }
    let place = Place { stream: event.stream, version: event.version, command: event.command, ordinal: event.ordinal };
    let opened = key.open(owner, place, content);
    event.decoded.open(opened.map_or(Opened::Corrupt, |content| Opened::Clear(content.into())));
}
