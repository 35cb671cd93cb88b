//! Passkeys: how one is registered, and what it proves.
//!
//! A ceremony takes two requests: the server makes a challenge, the browser has an authenticator answer it. What judges the answer goes to
//! the browser and back, sealed and bound to what it is for, so any node can finish what another began, and what is never finished costs
//! nobody memory. A passkey is good for one ceremony at a time: it keeps when the one began in which it was used, and takes none that is
//! not younger. See docs/adr/0035.

use std::time::Duration;

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::contended::{Crowded, TRIES};
use crate::execute::ExecuteError;
use crate::login::later;
use crate::port::passkeys::{Challenge, Passkey, Registered, Verdict};
use crate::port::secrets::Access;
use crate::port::{PortError, Ports, RelyingParty};

/// Most passkeys of one user.
pub const MOST_PASSKEYS: usize = 20;
/// How long somebody may take to answer.
pub const CEREMONY: Duration = Duration::from_secs(5 * 60);

/// A ceremony that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// For `navigator.credentials`.
    pub options: Value,
    /// What is to come back with the answer.
    pub ceremony: String,
}

/// The answer of a browser.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The ceremony it belongs to.
    pub ceremony: &'a str,
    /// The credential, as `PublicKeyCredential.toJSON()` gives it.
    pub credential: &'a Value,
}

/// What came of registering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registering {
    /// It is kept.
    Kept(Box<Passkey>),
    /// It is no answer to a challenge of this login, or came too late.
    Wrong,
    /// It is registered already.
    Known,
    /// There are as many as there may be.
    Full,
}

/// What is known of a ceremony until it is finished.
#[derive(Serialize, Deserialize)]
struct Ceremony {
    begun_at: DateTime<Utc>,
    state: Vec<u8>,
}

/// Passkeys, as one request goes about them.
pub struct PasskeyLogins<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// The server's side.
    pub relying_party: &'a dyn RelyingParty,
}

impl PasskeyLogins<'_> {
    /// Begins to register a passkey by a login of its user; nothing if there are as many as there may be.
    ///
    /// # Errors
    /// It could not be begun.
    pub async fn begin_registration(&self, by: Access, username: &str, display_name: &str) -> Result<Option<Begun>, PortError> {
        let known = self.ports.passkeys.of_user(by.user).await?;
        if known.len() >= MOST_PASSKEYS {
            return Ok(None);
        }
        let challenge = self.relying_party.offer(by.user, username, display_name, &known)?;
        self.begin(&registration(by), challenge).map(Some)
    }

    /// Registers what was answered in a ceremony that the same login began.
    ///
    /// # Errors
    /// It could not be kept.
    pub async fn finish_registration(&self, by: Access, answer: Answer<'_>, name: Option<SessionName>) -> Result<Registering, PortError> {
        let Some(ceremony) = self.ceremony(&registration(by), answer.ceremony)? else { return Ok(Registering::Wrong) };
        let registered = self.relying_party.register(&ceremony.state, answer.credential);
        let Some(Registered { credential, key }) = registered else { return Ok(Registering::Wrong) };
        if self.ports.passkeys.of_user(by.user).await?.len() >= MOST_PASSKEYS {
            return Ok(Registering::Full);
        }
        let id = self.ports.ids.next();
        let (created_at, used_at, used_ceremony) = (self.ports.now(), None, None);
        let passkey = Passkey { id, user: by.user, credential, key, name, created_at, used_at, used_ceremony, revision: 1 };
        let kept = self.ports.passkeys.add(&passkey).await?;
        Ok(if kept { Registering::Kept(Box::new(passkey)) } else { Registering::Known })
    }

    /// Begins to prove who somebody is, whoever that may be.
    ///
    /// # Errors
    /// It could not be begun.
    pub fn begin_proof(&self) -> Result<Begun, PortError> {
        self.begin(PROOF, self.relying_party.challenge()?)
    }

    /// The passkey that an answer was made with, which is used by that; nothing if it was made with none, answers another challenge, came too
    /// late, or was given before. Which of them is not told.
    ///
    /// # Errors
    /// It could not be read or changed. The same answer can be given again.
    pub async fn prove(&self, answer: Answer<'_>) -> Result<Option<Passkey>, ExecuteError> {
        let Some(ceremony) = self.ceremony(PROOF, answer.ceremony)? else { return Ok(None) };
        let Some((user, credential)) = self.relying_party.claimed(answer.credential) else { return Ok(None) };
        for _ in 0..TRIES {
            let found = self.ports.passkeys.find(&credential).await?.filter(|passkey| passkey.user == user);
            let Some(mut passkey) = found else { return Ok(None) };
            if passkey.used_ceremony.is_some_and(|used| used >= ceremony.begun_at) {
                return Ok(None);
            }
            match self.relying_party.verify(&ceremony.state, answer.credential, &passkey)? {
                Verdict::Right(key) => passkey.key = key,
                Verdict::Wrong => return Ok(None),
                Verdict::Copied => {
                    tracing::warn!(user = %passkey.user, passkey = %passkey.id, "a passkey was used less often than was counted: there are two of it");
                    return Ok(None);
                }
            }
            passkey.used_at = Some(self.ports.now());
            passkey.used_ceremony = Some(ceremony.begun_at);
            passkey.revision += 1;
            if self.ports.passkeys.replace(&passkey).await? {
                return Ok(Some(passkey));
            }
        }
        Err(crowded().into())
    }

    fn begin(&self, label: &[u8], challenge: Challenge) -> Result<Begun, PortError> {
        let Challenge { options, state } = challenge;
        let ceremony = Ceremony { begun_at: self.ports.now(), state };
        let ceremony = serde_json::to_vec(&ceremony).expect("a time and bytes are JSON");
        Ok(Begun { options, ceremony: BASE64URL_NOPAD.encode(&self.ports.cipher.seal(label, &ceremony)?) })
    }

    /// A ceremony that was begun for this, and not too long ago.
    fn ceremony(&self, label: &[u8], sealed: &str) -> Result<Option<Ceremony>, PortError> {
        let Ok(sealed) = BASE64URL_NOPAD.decode(sealed.as_bytes()) else { return Ok(None) };
        let ceremony = match self.ports.cipher.open(label, &sealed) {
            Ok(ceremony) => ceremony,
            // Whoever asks made it up, or took it from elsewhere.
            Err(PortError::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let ceremony: Ceremony = serde_json::from_slice(&ceremony).map_err(|error| PortError::corrupt("a ceremony", error))?;
        Ok(Some(ceremony).filter(|ceremony| self.ports.now() < later(ceremony.begun_at, CEREMONY)))
    }
}

/// Changes what a passkey of a user is called; nothing if there is none such.
///
/// # Errors
/// It could not be read or changed.
pub async fn rename(ports: &Ports, user: UserId, passkey: Uuid, name: Option<SessionName>) -> Result<Option<Passkey>, ExecuteError> {
    for _ in 0..TRIES {
        let found = ports.passkeys.of_user(user).await?.into_iter().find(|kept| kept.id == passkey);
        let Some(mut passkey) = found else { return Ok(None) };
        passkey.name.clone_from(&name);
        passkey.revision += 1;
        if ports.passkeys.replace(&passkey).await? {
            return Ok(Some(passkey));
        }
    }
    Err(crowded().into())
}

/// What a ceremony is sealed under that proves who somebody is: whoever that turns out to be.
const PROOF: &[u8] = b"posthaste passkey proof";

/// What a ceremony is sealed under that registers: no good to any other login.
fn registration(by: Access) -> Vec<u8> {
    [b"posthaste passkey registration".as_slice(), by.user.uuid().as_bytes(), by.session.uuid().as_bytes()].concat()
}

/// Others changed the same one each time.
fn crowded() -> Crowded {
    Crowded { what: "the passkey", store: "passkeys" }
}
