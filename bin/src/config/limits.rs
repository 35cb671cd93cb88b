//! How often what may be done.

use std::num::NonZeroU32;

use posthaste_application::limit::allowance::FrameLimits;
use posthaste_application::limit::{Policies, PolicyLimits};
use posthaste_application::port::limiter::Rate;
use serde::{Deserialize, Serialize};

/// How often what may be done.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    pub(crate) enabled: bool,
    pub(crate) scale: NonZeroU32,
    pub(crate) login: PolicyConfig,
    pub(crate) register: PolicyConfig,
    pub(crate) refresh: PolicyConfig,
    pub(crate) reset: PolicyConfig,
    pub(crate) tickets: PolicyConfig,
    pub(crate) sockets: PolicyConfig,
    pub(crate) search: PolicyConfig,
    pub(crate) commands: PolicyConfig,
    pub(crate) queries: PolicyConfig,
    pub(crate) other: PolicyConfig,
    pub(crate) frames: FramesConfig,
}

/// Of one address, and of one user; without either there is no limit.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyConfig {
    per_ip: Option<RateConfig>,
    per_user: Option<RateConfig>,
}

/// So many at once, and so many a minute.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateConfig {
    burst: NonZeroU32,
    per_minute: NonZeroU32,
}

/// Of one user, on one node.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FramesConfig {
    cmd: RateConfig,
    read: RateConfig,
    ack: RateConfig,
    other: RateConfig,
    refused: RateConfig,
}

impl RateConfig {
    fn rate(self, scale: NonZeroU32) -> Rate {
        Rate::per_minute(self.per_minute.saturating_mul(scale), self.burst.saturating_mul(scale))
    }
}

impl LimitsConfig {
    /// As requests are counted; nothing, if they are not.
    pub(crate) fn policies(&self) -> Option<Policies> {
        let rate = |given: Option<RateConfig>| given.map(|given| given.rate(self.scale));
        let of = |given: PolicyConfig| PolicyLimits { per_ip: rate(given.per_ip), per_user: rate(given.per_user) };
        let Self { login, register, refresh, reset, tickets, sockets, search, commands, queries, other, .. } = *self;
        self.enabled.then(|| Policies {
            login: of(login),
            register: of(register),
            refresh: of(refresh),
            reset: of(reset),
            tickets: of(tickets),
            sockets: of(sockets),
            search: of(search),
            commands: of(commands),
            queries: of(queries),
            other: of(other),
            backoff_scale: self.scale.get(),
        })
    }

    /// As frames are counted; nothing, if they are not.
    pub(crate) fn frames(&self) -> Option<FrameLimits> {
        let rate = |given: RateConfig| given.rate(self.scale);
        let FramesConfig { cmd, read, ack, other, refused } = self.frames;
        self.enabled.then(|| FrameLimits { cmd: rate(cmd), read: rate(read), ack: rate(ack), other: rate(other), refused: rate(refused) })
    }
}
