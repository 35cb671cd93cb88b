//! Whoever does not know a password waits longer and longer.
//!
//! Tries are counted before the password is looked at, so that many at once are no way around it, and those that were right are given back.
//! Who must wait depends on what was typed and where it came from, never on whether there is such an account.
//!
//! - **One address at one account** has a few tries, then one in two seconds, and with every few more it is four times as long.
//! - **One account, from wherever**: many wrong tries make no lock, which a stranger could turn. They take away the first few tries: what is
//!   left is a single one from each address, so the owner, who knows the password, gets in.
//! - **One account, with its password**: wrong codes of a second factor. Whoever can try one has the password, so this is no lock that a
//!   stranger could turn, and it may hold however many addresses there are.
//! - **One address at many accounts** has more tries, for many people may share it, and then waits in the same way.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use posthaste_domain::ClaimId;
use uuid::Uuid;

use super::{Exceeded, Limiter, Policies, Policy, Who, exceeded};
use crate::port::limiter::{Rate, Take};

const fn rate(burst: u32, every_s: u64) -> Rate {
    Rate { burst: NonZeroU32::new(burst).expect("some"), every: Duration::from_secs(every_s) }
}

/// One address at one account: all of them have to give, so each takes over when the one before it is no obstacle any more.
const PAIR: [Rate; 5] = [rate(5, 2), rate(8, 8), rate(11, 32), rate(14, 128), rate(17, 512)];
/// One address at all accounts.
const ADDRESS: [Rate; 3] = [rate(40, 2), rate(80, 16), rate(120, 128)];
/// One account from everywhere: when this is empty, it is under attack.
const ACCOUNT: Rate = rate(50, 60);
/// One address at an account under attack.
const GUARDED: Rate = rate(1, 1_800);
/// Codes of one user, or what one session is to prove: nobody comes upon six digits within years.
const PROOF: [Rate; 3] = [rate(5, 10), rate(10, 120), rate(15, 900)];
/// What is no name of an account is hashed under this: what people type is kept nowhere.
const NAMES: Uuid = Uuid::from_u128(0x8c1f_2f0e_5d0b_4c53_9a61_77c1_0d1e_4a29);

/// A try to log in that is under way. Unless it is [forgiven](Limiter::forgive), it was a wrong one.
#[derive(Debug)]
#[must_use]
pub struct Try(Vec<Take>);

impl Limiter {
    /// Counts a try to log in as somebody, who may or may not exist.
    ///
    /// # Errors
    /// There were too many wrong ones.
    pub async fn try_login(&self, address: IpAddr, login: &str) -> Result<Try, Exceeded> {
        let Some(policies) = &self.policies else { return Ok(Try(Vec::new())) };
        let account = account(login);
        let address = Who::Address(address).key();
        let pair = format!("{account}:{address}");
        let mut takes = [steps(policies, &PAIR, &pair), steps(policies, &ADDRESS, &address)].concat();
        self.try_take(&takes).await?;
        let everywhere = [Take { key: format!("wrong:all:{account}"), rate: scaled(policies, ACCOUNT) }];
        if self.try_take(&everywhere).await.is_ok() {
            takes.extend(everywhere);
            return Ok(Try(takes));
        }
        let guarded = [Take { key: format!("wrong:guarded:{pair}"), rate: scaled(policies, GUARDED) }];
        match self.try_take(&guarded).await {
            Ok(()) => {
                takes.extend(guarded);
                Ok(Try(takes))
            }
            Err(exceeded) => {
                self.give_back(Policy::Login, &takes).await;
                Err(exceeded)
            }
        }
    }

    /// Counts a try to prove something of a user or of a session, by a code or by the password of whoever is logged in.
    ///
    /// # Errors
    /// There were too many wrong ones.
    pub async fn try_proof(&self, whose: Uuid) -> Result<Try, Exceeded> {
        let Some(policies) = &self.policies else { return Ok(Try(Vec::new())) };
        let takes = steps(policies, &PROOF, &format!("proof:{whose}"));
        self.try_take(&takes).await?;
        Ok(Try(takes))
    }

    /// What was tried was right, or was never looked at.
    pub async fn forgive(&self, Try(takes): Try) {
        self.give_back(Policy::Login, &takes).await;
    }

    async fn try_take(&self, takes: &[Take]) -> Result<(), Exceeded> {
        match self.take(Policy::Login, takes).await {
            Some(taken) if !taken.allowed => {
                Err(exceeded(Policy::Login, taken.levels.iter().map(|level| level.retry_after).max(), Vec::new()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn scaled(policies: &Policies, rate: Rate) -> Rate {
    let scale = NonZeroU32::new(policies.backoff_scale).unwrap_or(NonZeroU32::MIN);
    Rate { burst: rate.burst.saturating_mul(scale), every: rate.every / scale.get() }
}

/// All of them have to give.
fn steps(policies: &Policies, rates: &[Rate], whose: &str) -> Vec<Take> {
    let step = |(step, rate): (usize, &Rate)| Take { key: format!("wrong:{step}:{whose}"), rate: scaled(policies, *rate) };
    rates.iter().enumerate().map(step).collect()
}

/// What a login stands for, however it is written: whoever writes it in another way has not tried another account.
fn account(login: &str) -> Uuid {
    // There can be nobody of that name, and what that costs must not differ.
    ClaimId::login(login).map_or_else(|_| Uuid::new_v5(&NAMES, login.trim().to_lowercase().as_bytes()), ClaimId::uuid)
}
