//! What joining a thread may take: typed, checked and kept as a hash. It enters neither the log nor a command's fingerprint.

use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use posthaste_domain::thread::ThreadRefusal;
use posthaste_domain::{PasscodeId, ThreadId};
use serde::{Deserialize, Serialize, Serializer};

use super::decide::actor;
use super::{Envelope, ExecuteError};
use crate::port::passcodes::Attempt;
use crate::port::{Passcodes, Passwords, PortError};

/// What somebody types to join a thread: 4 to 64 characters. Never written down as it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String")]
pub struct Passcode(String);

/// What is wrong with a passcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("passcode must have 4 to 64 characters")]
pub struct NotAPasscode;

impl Passcode {
    /// Checks its length.
    ///
    /// # Errors
    /// [`NotAPasscode`].
    pub fn parse(text: &str) -> Result<Self, NotAPasscode> {
        if (4..=64).contains(&text.chars().count()) { Ok(Self(text.to_owned())) } else { Err(NotAPasscode) }
    }
}

impl TryFrom<String> for Passcode {
    type Error = NotAPasscode;

    fn try_from(text: String) -> Result<Self, NotAPasscode> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

/// Only because a command is serialised for its fingerprint, of which it is no part.
impl Serialize for Passcode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// Wrong tries that a user has for one thread, within [`TRIES_WITHIN`].
const TRIES: u32 = 5;
const TRIES_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// Keeps passcodes as hashes, and checks them without letting anybody try for long.
#[derive(Clone)]
pub struct Doorkeeper {
    store: Arc<dyn Passcodes>,
    hashes: Arc<dyn Passwords>,
}

impl Doorkeeper {
    /// A doorkeeper with this memory.
    #[must_use]
    pub fn new(store: Arc<dyn Passcodes>, hashes: Arc<dyn Passwords>) -> Self {
        Self { store, hashes }
    }

    /// Keeps a passcode under its id. The first one stays.
    pub(super) async fn keep(&self, id: PasscodeId, passcode: &Passcode) -> Result<(), PortError> {
        if self.store.find(id).await?.is_none() {
            let hash = self.hashes.hash(passcode.0.clone()).await?;
            self.store.keep(id, &hash).await?;
        }
        Ok(())
    }

    /// The id of the passcode, if this is it. The try is counted before it is checked, once for a command, and forgotten when it was right.
    pub(super) async fn check(
        &self,
        id: PasscodeId,
        passcode: &Passcode,
        thread: ThreadId,
        envelope: Envelope,
    ) -> Result<Option<PasscodeId>, ExecuteError> {
        let user = actor(envelope)?;
        let attempt = Attempt { user, thread, command: envelope.command, at: envelope.at };
        if self.store.attempt(&attempt, envelope.at - TRIES_WITHIN).await? > TRIES {
            return Err(ThreadRefusal::TooManyPasscodes.into());
        }
        let hash = self.store.find(id).await?;
        if self.hashes.verify(passcode.0.clone(), hash).await? {
            self.store.forget_attempts(user, thread).await?;
            return Ok(Some(id));
        }
        Ok(None)
    }
}
