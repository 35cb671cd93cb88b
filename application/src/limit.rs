//! How often what may be done: named policies, and what they do to whoever asks.
//!
//! What is frequent is counted by each node for itself: it protects the node, and must not wait for anybody. What is rare, and what guards
//! secrets, is counted for all nodes together. See docs/adr/0029.

pub mod allowance;
mod backoff;
mod policy;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use posthaste_domain::UserId;

pub use self::backoff::Try;
pub use self::policy::{Policies, Policy, PolicyLimits};
use crate::meter::meters;
use crate::port::RateLimiter;
use crate::port::limiter::{Level, Rate, Take, Taken};
use crate::problem::{Code, Problem};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// An address, which many may share.
    Address(IpAddr),
    /// A user, wherever they are.
    User(UserId),
}

impl Who {
    /// As it is told and counted. Of an IPv6 address it is the network that counts: whoever has one has all of it.
    fn key(self) -> String {
        match self {
            Self::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => format!("ip:{address}"),
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments();
                    format!("ip:{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
                }
            },
            Self::User(user) => format!("user:{user}"),
        }
    }

    const fn scope(self) -> &'static str {
        match self {
            Self::Address(_) => "ip",
            Self::User(_) => "user",
        }
    }
}

/// What is left of a policy, to be told to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Of which policy.
    pub policy: Policy,
    /// Of what it is: `ip` or `user`.
    pub scope: &'static str,
    /// How much there is of it.
    pub rate: Rate,
    /// How it stands.
    pub level: Level,
}

/// Too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What it was measured by, as far as it is told.
    pub quotas: Vec<Quota>,
    /// Not before this.
    pub retry_after: Duration,
}

impl From<&Exceeded> for Problem {
    fn from(exceeded: &Exceeded) -> Self {
        Self::new(Code::RateLimited).after(millis_up(exceeded.retry_after))
    }
}

/// Whole milliseconds, of which there is at least one, after which it is not too early.
#[must_use]
pub fn millis_up(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

/// Decides who has asked too often.
pub struct Limiter {
    /// For all nodes together.
    shared: Arc<dyn RateLimiter>,
    /// Of this node.
    node: Arc<dyn RateLimiter>,
    /// Nothing is limited without them.
    policies: Option<Policies>,
}

impl Limiter {
    /// By these policies, or without any. `node` is what this node counts by itself.
    #[must_use]
    pub fn new(shared: Arc<dyn RateLimiter>, node: Arc<dyn RateLimiter>, policies: Option<Policies>) -> Self {
        Self { shared, node, policies }
    }

    /// Counts a request under a policy, for who asks.
    ///
    /// # Errors
    /// There were too many.
    pub async fn admit(&self, policy: Policy, who: Who) -> Result<Vec<Quota>, Exceeded> {
        let Some(rate) = self.policies.as_ref().and_then(|policies| policies.rate(policy, who)) else { return Ok(Vec::new()) };
        let take = Take { key: format!("{}:{}", policy.name(), who.key()), rate };
        let Some(taken) = self.take(policy, &[take]).await else { return Ok(Vec::new()) };
        let quota = |level| Quota { policy, scope: who.scope(), rate, level };
        let quotas: Vec<_> = taken.levels.into_iter().map(quota).collect();
        if taken.allowed {
            return Ok(quotas);
        }
        Err(exceeded(policy, quotas.iter().map(|quota| quota.level.retry_after).max(), quotas))
    }

    /// Takes tokens where the policy says. Without the store everything is allowed, except what guards secrets: that is counted here then.
    async fn take(&self, policy: Policy, takes: &[Take]) -> Option<Taken> {
        if policy.is_shared() {
            match self.shared.take(takes).await {
                Ok(taken) => return Some(taken),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, policy = policy.name(), "limits are not shared"),
            }
            meters().limiter_failures.increment(1);
            if !policy.is_strict() {
                return None;
            }
        }
        self.node.take(takes).await.ok()
    }

    /// The opposite. What the store does not hear of is only a token less for a while.
    async fn give_back(&self, policy: Policy, takes: &[Take]) {
        let store = if policy.is_shared() { &self.shared } else { &self.node };
        if let Err(error) = store.give_back(takes).await {
            tracing::debug!(error = &error as &dyn std::error::Error, policy = policy.name(), "limits are not shared");
            if policy.is_strict() {
                let _ = self.node.give_back(takes).await;
            }
        }
    }
}

fn exceeded(policy: Policy, retry_after: Option<Duration>, quotas: Vec<Quota>) -> Exceeded {
    meters().rate_limited.of(policy.name()).increment(1);
    Exceeded { quotas, retry_after: retry_after.unwrap_or_default() }
}
