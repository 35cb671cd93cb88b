//! The second factor: how it is set up, what proves it, and how it is given up.
//!
//! The authenticator of its owner and the server share a secret, and show by a code of six digits that they do (TOTP, RFC 6238); ten recovery
//! codes are for when the authenticator is lost. Each code is good once: what a code changes is put in the place of what it was looked up in,
//! so of two who use one at once, the second finds it used.
//!
//! Whether it is on is decided in the store. The log is told afterwards, and told again if others changed it meanwhile; see
//! docs/adr/0033.

mod recovery;
#[cfg(test)]
mod tests;
mod totp;

use posthaste_domain::{CommandId, FactorId, User, UserId};
use uuid::Uuid;

pub use self::recovery::RecoveryCode;
use self::totp::Totp;
pub use self::totp::{Enrolment, SECRET};
use crate::contended::{Crowded, TRIES};
use crate::execute::{Envelope, ExecuteError, Executor, TwoFactorCommand};
use crate::port::factors::Factor;
use crate::port::{PortError, Ports};

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes that make them.
pub const RECOVERY_BYTES: usize = RECOVERY_CODES * RecoveryCode::BYTES;

/// What came of confirming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It is on; these are for when the authenticator is lost.
    On(Vec<RecoveryCode>),
    /// It is no code of the authenticator, or was used.
    Wrong,
    /// Nothing was offered.
    NotOffered,
    /// It is on already.
    AlreadyOn,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// It was right, and is used by that.
    By(FactorId),
    /// It is neither a code of the authenticator nor a recovery code, or was used.
    Wrong,
    /// There is nothing to prove.
    Off,
}

/// The second factors, as one request goes about them.
pub struct SecondFactors<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// Executes commands.
    pub executor: &'a Executor,
    /// Ties together what a request sets off.
    pub correlation: Uuid,
}

impl SecondFactors<'_> {
    /// The factor of a user, if it is on.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn of(&self, user: UserId) -> Result<Option<Factor>, PortError> {
        Ok(self.ports.factors.find(user).await?.filter(|factor| factor.enabled_at.is_some()))
    }

    /// Offers a factor, which is on once it is confirmed; nothing if one is on. The random bytes become its secret; `account` is what an
    /// authenticator calls it.
    ///
    /// # Errors
    /// It could not be kept.
    pub async fn enrol(&self, user: UserId, account: &str, random: &[u8; SECRET]) -> Result<Option<Enrolment>, PortError> {
        let id = FactorId::new(self.ports.ids.next());
        let sealed = self.ports.cipher.seal(&label(user, id), random)?;
        let factor = Factor { id, user, sealed, enabled_at: None, used_step: None, recovery: Vec::new(), revision: 1 };
        let kept = self.ports.factors.offer(&factor).await?;
        Ok(kept.then(|| Totp::new(random).enrolment(account)))
    }

    /// Switches on what was offered, by a code of the authenticator. The random bytes become the recovery codes.
    ///
    /// # Errors
    /// It could not be read or changed, or the log could not be told: then asking again tells it.
    pub async fn confirm(&self, user: UserId, code: &str, random: &[u8; RECOVERY_BYTES]) -> Result<Confirmed, ExecuteError> {
        for _ in 0..TRIES {
            let Some(mut factor) = self.ports.factors.find(user).await? else { return Ok(Confirmed::NotOffered) };
            if factor.enabled_at.is_some() {
                self.tell(user).await?;
                return Ok(Confirmed::AlreadyOn);
            }
            let now = self.ports.now();
            let Some(step) = self.totp(&factor)?.step_of(code, now) else { return Ok(Confirmed::Wrong) };
            let codes = RecoveryCode::many(random);
            factor.enabled_at = Some(now);
            factor.used_step = Some(step);
            factor.recovery = codes.iter().map(RecoveryCode::digest).collect();
            factor.revision += 1;
            if self.ports.factors.replace(&factor).await? {
                self.tell(user).await?;
                return Ok(Confirmed::On(codes));
            }
        }
        Err(crowded().into())
    }

    /// Uses a code of the authenticator, or a recovery code.
    ///
    /// # Errors
    /// The factor could not be read or changed.
    pub async fn prove(&self, user: UserId, code: &str) -> Result<Proved, ExecuteError> {
        for _ in 0..TRIES {
            let Some(mut factor) = self.of(user).await? else { return Ok(Proved::Off) };
            if let Some(recovery) = RecoveryCode::parse(code) {
                let digest = recovery.digest();
                let Some(at) = factor.recovery.iter().position(|kept| *kept == digest) else { return Ok(Proved::Wrong) };
                factor.recovery.remove(at);
            } else {
                let step = self.totp(&factor)?.step_of(code, self.ports.clock.now());
                let Some(step) = step.filter(|step| factor.used_step.is_none_or(|used| *step > used)) else { return Ok(Proved::Wrong) };
                factor.used_step = Some(step);
            }
            factor.revision += 1;
            if self.ports.factors.replace(&factor).await? {
                return Ok(Proved::By(factor.id));
            }
        }
        Err(crowded().into())
    }

    /// Puts new recovery codes in the place of all that there are; nothing if the factor is not on. The random bytes become the codes.
    ///
    /// # Errors
    /// The factor could not be read or changed.
    pub async fn renew_recovery(&self, user: UserId, random: &[u8; RECOVERY_BYTES]) -> Result<Option<Vec<RecoveryCode>>, ExecuteError> {
        for _ in 0..TRIES {
            let Some(mut factor) = self.of(user).await? else { return Ok(None) };
            let codes = RecoveryCode::many(random);
            factor.recovery = codes.iter().map(RecoveryCode::digest).collect();
            factor.revision += 1;
            if self.ports.factors.replace(&factor).await? {
                return Ok(Some(codes));
            }
        }
        Err(crowded().into())
    }

    /// Gives a factor up, on or offered, and says whether there was one.
    ///
    /// # Errors
    /// It could not be forgotten, or the log could not be told: then asking again tells it.
    pub async fn disable(&self, user: UserId) -> Result<bool, ExecuteError> {
        let there = match self.ports.factors.find(user).await? {
            Some(factor) => self.ports.factors.remove(user, factor.id).await?,
            None => false,
        };
        self.tell(user).await?;
        Ok(there)
    }

    /// Tells the log how it stands, until that is how it stands: others may change it meanwhile, and tell first what they did later.
    async fn tell(&self, user: UserId) -> Result<(), ExecuteError> {
        for _ in 0..TRIES {
            let enabled = self.of(user).await?.is_some();
            let told = self.executor.states().fresh::<User>(user).await?.account().is_some_and(|account| account.two_factor);
            if enabled == told {
                return Ok(());
            }
            let command = CommandId::new(self.ports.ids.next());
            let envelope = Envelope { command, actor: Some(user), correlation: self.correlation, at: self.ports.clock.now() };
            self.executor.execute(envelope, TwoFactorCommand { user, enabled }).await?;
        }
        Err(crowded().into())
    }

    fn totp(&self, factor: &Factor) -> Result<Totp, PortError> {
        let secret = self.ports.cipher.open(&label(factor.user, factor.id), &factor.sealed)?;
        let secret =
            secret.try_into().map_err(|_| PortError::corrupt(format!("the second factor of {}", factor.user), "another length"))?;
        Ok(Totp::new(&secret))
    }
}

/// What a secret is sealed under: no good to anybody else, nor for anything else.
fn label(user: UserId, factor: FactorId) -> Vec<u8> {
    [b"posthaste totp".as_slice(), user.uuid().as_bytes(), factor.uuid().as_bytes()].concat()
}

/// Others changed the same one each time.
fn crowded() -> Crowded {
    Crowded { what: "the second factor", store: "factors" }
}
