//! Buckets of tokens: for each, when it will be full, under a key that runs out then. Time is Redis' own, so that no node's clock counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::port::limiter::{Take, Taken};
use posthaste_application::port::{PortError, RateLimiter};
use redis::aio::ConnectionManager;
use redis::{Script, ScriptInvocation};
use tokio::time::{Instant, timeout};

use super::{SERVICE, client, failed, manage_within};

/// Whoever is to be limited waits for the answer, and would rather not: far more than Redis takes, and hardly noticed.
const PATIENCE: Duration = Duration::from_millis(250);
/// After a failure nobody asks for so long: what cannot be reached would cost every request the patience.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes a token out of each of KEYS, or none of any: ARGV[2n - 1] is the time between two tokens of KEYS[n] in microseconds, ARGV[2n] what
/// it holds. Answers whether it did, the time, and when each is full. The numbers stay below 2^53, so they are exact.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer = { 1, now }
for n, key in ipairs(KEYS) do
    local every = tonumber(ARGV[2 * n - 1])
    local full = math.max(tonumber(redis.call('GET', key) or 0), now)
    if full + every - now > every * ARGV[2 * n] then
        answer[1] = 0
    end
    answer[n + 2] = full
end
if answer[1] == 1 then
    for n, key in ipairs(KEYS) do
        local full = answer[n + 2] + ARGV[2 * n - 1]
        redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
        answer[n + 2] = full
    end
end
return answer
";

/// Puts a token back into each of KEYS; the arguments are those of the other.
const GIVE_BACK: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for n, key in ipairs(KEYS) do
    local full = tonumber(redis.call('GET', key) or 0) - ARGV[2 * n - 1]
    if full > now then
        redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    else
        redis.call('DEL', key)
    end
end
return 0
";

/// Buckets under `<prefix>bucket:<key>`.
pub struct RedisRateLimiter {
    connection: ConnectionManager,
    prefix: String,
    take: Script,
    give_back: Script,
    begun: Instant,
    /// Nobody asks before this, in milliseconds since it was made.
    closed_until: AtomicU64,
}

impl RedisRateLimiter {
    /// Connects to `redis://user:password@host:port/database`. The connection is one of its own, with little patience.
    ///
    /// # Errors
    /// Where it tried to connect, and what came of it. The password does not show.
    pub async fn connect(url: &str, prefix: impl Into<String>) -> Result<Self, PortError> {
        let connection = manage_within(&client(url)?, PATIENCE).await?;
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        Ok(Self { connection, prefix: prefix.into(), take, give_back, begun: Instant::now(), closed_until: AtomicU64::new(0) })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn ask<T: redis::FromRedisValue>(&self, script: &Script, takes: &[Take]) -> Result<T, PortError> {
        if self.now_ms() < self.closed_until.load(Ordering::Relaxed) {
            return Err(PortError::unavailable(SERVICE, "it did not answer a moment ago"));
        }
        let mut ask: ScriptInvocation<'_> = script.prepare_invoke();
        for Take { key, rate } in takes {
            ask.key(format!("{}bucket:{key}", self.prefix)).arg(rate.every_us()).arg(rate.burst.get());
        }
        let mut connection = self.connection.clone();
        let error = match timeout(PATIENCE, ask.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => failed(error),
            Err(late) => PortError::unavailable(SERVICE, late),
        };
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.closed_until.store(self.now_ms().saturating_add(pause), Ordering::Relaxed);
        Err(error)
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn take(&self, takes: &[Take]) -> Result<Taken, PortError> {
        if takes.is_empty() {
            return Ok(Taken { allowed: true, levels: Vec::new() });
        }
        let answer: Vec<i64> = self.ask(&self.take, takes).await?;
        let [allowed, now, full_at @ ..] = answer.as_slice() else {
            return Err(PortError::corrupt("buckets in redis", format!("{} numbers", answer.len())));
        };
        if full_at.len() != takes.len() {
            return Err(PortError::corrupt("buckets in redis", format!("{} answers for {} buckets", full_at.len(), takes.len())));
        }
        let allowed = *allowed == 1;
        let levels = takes.iter().zip(full_at).map(|(take, full_at)| take.rate.level(*full_at, *now, allowed)).collect();
        Ok(Taken { allowed, levels })
    }

    async fn give_back(&self, takes: &[Take]) -> Result<(), PortError> {
        if takes.is_empty() {
            return Ok(());
        }
        self.ask::<i64>(&self.give_back, takes).await.map(drop)
    }
}
