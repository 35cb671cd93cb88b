//! Password hashes with argon2id.

use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use posthaste_application::port::{Passwords, PortError};
use tokio::sync::Semaphore;
use tokio::task;

const SERVICE: &str = "argon2";

/// What a hash costs. It is recorded in each hash, so it can be changed at any time and is right for those that come after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgonCost {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes that could be computed in parallel, and are computed one after the other here.
    pub lanes: u32,
}

impl Default for ArgonCost {
    /// What OWASP's password storage cheat sheet asks for at least: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A cost that no hash can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argon2 cannot work with {cost:?}")]
pub struct BadCost {
    cost: ArgonCost,
    /// What is wrong with it.
    #[source]
    source: argon2::Error,
}

/// Most hashes that wait for others; whoever comes on top is told to come again.
const WAITING: usize = 1_024;

#[derive(Debug, thiserror::Error)]
#[error("{WAITING} passwords wait to be hashed already")]
struct TooMany;

/// Hashes passwords on threads that may block, one fewer at once than there are cores (but one), so that a wave of logins costs bounded memory
/// and leaves a core for everything else. Whoever comes on top waits, in line.
pub struct ArgonPasswords {
    argon: Argon2<'static>,
    /// A hash of nothing that anybody knows, as costly to check as any.
    of_nobody: Arc<str>,
    line: Semaphore,
    permits: Arc<Semaphore>,
}

impl ArgonPasswords {
    /// Computes one hash of that cost, so it blocks for as long.
    ///
    /// # Errors
    /// [`BadCost`].
    pub fn new(cost: ArgonCost) -> Result<Self, BadCost> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|source| BadCost { cost, source })?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown: [u8; 32] = rand::random();
        let of_nobody = argon.hash_password_with_salt(&unknown, &unknown[..16]).expect("argon2 takes its own parameters").to_string();
        let permits = permits(thread::available_parallelism().map_or(1, Into::into));
        Ok(Self { argon, of_nobody: of_nobody.into(), line: Semaphore::new(WAITING + permits), permits: Arc::new(Semaphore::new(permits)) })
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static) -> Result<T, PortError> {
        let _place = self.line.try_acquire().map_err(|_| PortError::unavailable(SERVICE, TooMany))?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        let argon = self.argon.clone();
        // The permit goes along: a request that was given up still computes to its end.
        let work = move || {
            let _permit = permit;
            work(&argon)
        };
        task::spawn_blocking(work).await.map_err(|error| PortError::unavailable(SERVICE, error))
    }
}

/// How many hashes are computed at once on so many cores.
fn permits(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

#[async_trait]
impl Passwords for ArgonPasswords {
    async fn hash(&self, password: String) -> Result<String, PortError> {
        let hash = self.compute(move |argon| argon.hash_password(password.as_bytes())).await?;
        hash.map(|hash| hash.to_string()).map_err(|error| PortError::rejected(SERVICE, error))
    }

    async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, PortError> {
        let exists = phc.is_some();
        let phc = phc.map_or_else(|| Arc::clone(&self.of_nobody), Into::into);
        let check = move |argon: &Argon2<'static>| match PasswordHash::new(&phc) {
            Ok(hash) if hash.hash.is_some() => argon.verify_password(password.as_bytes(), &hash),
            // Nothing to compare with is not the same as a wrong password.
            Ok(_) => Err(HashError::EncodingInvalid),
            Err(error) => Err(error.into()),
        };
        match self.compute(check).await? {
            Ok(()) => Ok(exists),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => Err(PortError::corrupt("a password hash", error)),
        }
    }

    fn is_weak(&self, phc: &str) -> bool {
        let asked = self.argon.params();
        let weak = |hash: &PasswordHash| {
            let made = Params::try_from(hash).ok()?;
            let of_another_kind = hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.version != Some(Version::V0x13.into());
            Some(of_another_kind || made.m_cost() < asked.m_cost() || made.t_cost() < asked.t_cost() || made.p_cost() < asked.p_cost())
        };
        // What cannot be read is not known to cost anything.
        PasswordHash::new(phc).ok().as_ref().and_then(weak).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn a_core_is_left_for_everything_else_if_there_is_more_than_one() {
        assert_eq!([1, 2, 3, 8].map(permits), [1, 1, 2, 7]);
    }
}
