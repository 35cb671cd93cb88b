//! Who is online: a sorted set for each user, of their devices by the end of their leases. Time is Redis' own, so that no node's clock counts.

use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use posthaste_application::port::cursors::Device;
use posthaste_application::port::presence::{REMEMBERED, Seen};
use posthaste_application::port::{PortError, Presence};
use posthaste_domain::UserId;
use redis::Script;
use redis::aio::ConnectionManager;

use super::SERVICE;

/// Devices or users of one round trip: Redis does nothing else in the meantime.
const TOGETHER: usize = 1_000;

/// Renews the lease of ARGV[n + 2] in KEYS[n], for ARGV[1] milliseconds; what has ended there is forgotten, for this one ends later.
const RENEW: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n, key in ipairs(KEYS) do
    redis.call('ZADD', key, 'GT', now + ARGV[1], ARGV[n + 2])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    redis.call('PEXPIRE', key, ARGV[1] + ARGV[2])
end
return 0
";

/// The time, and the latest end in each of KEYS; 0 where nothing is.
const LOOK: &str = r"
local time = redis.call('TIME')
local ends = { time[1] * 1000 + math.floor(time[2] / 1000) }
for n, key in ipairs(KEYS) do
    local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
    ends[n + 1] = tonumber(last[2] or 0)
end
return ends
";

/// Whether the lease of ARGV[n] in KEYS[n] runs: 1 or 0.
const CONNECTED: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local runs = {}
for n, key in ipairs(KEYS) do
    runs[n] = tonumber(redis.call('ZSCORE', key, ARGV[n]) or 0) > now and 1 or 0
end
return runs
";

/// Presence under `<prefix>presence:<user>`. Needs Redis 6.2.
pub struct RedisPresence {
    connection: ConnectionManager,
    prefix: String,
    renew: Script,
    look: Script,
    connected: Script,
}

impl RedisPresence {
    /// Presence whose keys begin with this prefix.
    #[must_use]
    pub fn new(connection: ConnectionManager, prefix: impl Into<String>) -> Self {
        Self { connection, prefix: prefix.into(), renew: Script::new(RENEW), look: Script::new(LOOK), connected: Script::new(CONNECTED) }
    }

    fn key(&self, user: UserId) -> String {
        format!("{}presence:{user}", self.prefix)
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn renew(&self, devices: &[Device], lease: Duration) -> Result<(), PortError> {
        for some in devices.chunks(TOGETHER) {
            let mut renew = self.renew.prepare_invoke();
            renew.arg(milliseconds(lease)).arg(milliseconds(REMEMBERED));
            for device in some {
                renew.key(self.key(device.user)).arg(device.device.to_string());
            }
            let _: i64 = renew.invoke_async(&mut self.connection.clone()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn connected(&self, devices: &[Device]) -> Result<Vec<bool>, PortError> {
        let mut connected = Vec::with_capacity(devices.len());
        for some in devices.chunks(TOGETHER) {
            let mut look = self.connected.prepare_invoke();
            for device in some {
                look.key(self.key(device.user)).arg(device.device.to_string());
            }
            let runs: Vec<i64> = look.invoke_async(&mut self.connection.clone()).await.map_err(failed)?;
            if runs.len() != some.len() {
                return Err(PortError::corrupt("presence in redis", format!("{} answers for {} devices", runs.len(), some.len())));
            }
            connected.extend(runs.into_iter().map(|runs| runs == 1));
        }
        Ok(connected)
    }

    async fn look(&self, users: &[UserId]) -> Result<Vec<Seen>, PortError> {
        let mut seen = Vec::with_capacity(users.len());
        for some in users.chunks(TOGETHER) {
            let mut look = self.look.prepare_invoke();
            for user in some {
                look.key(self.key(*user));
            }
            let ends: Vec<i64> = look.invoke_async(&mut self.connection.clone()).await.map_err(failed)?;
            let Some((now, ends)) = ends.split_first().filter(|(_, ends)| ends.len() == some.len()) else {
                return Err(PortError::corrupt("presence in redis", format!("{} answers for {} users", ends.len(), some.len())));
            };
            seen.extend(some.iter().zip(ends).map(|(user, end)| {
                let online = end > now;
                let last = (!online && *end > 0).then(|| DateTime::from_timestamp_millis(*end)).flatten();
                Seen { user: *user, online, last }
            }));
        }
        Ok(seen)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failed(error: redis::RedisError) -> PortError {
    PortError::unavailable(SERVICE, error)
}
