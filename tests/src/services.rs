//! Private instances of the services that the distributed profile stands on, from the installed binaries.
//!
//! Every instance listens on the loopback interface only, on a port of its own, keeps its files in a
//! temporary directory and ends with its owner, however the owner ends.

mod port;
mod postgres;
pub(crate) mod process;
mod rabbitmq;
mod redis;
mod scratch;

use std::env;

use anyhow::Context as _;

pub use self::port::Port;
pub use self::postgres::{OWNER, Postgres, SERVER, connect, postgres_program};
pub use self::process::{Process, signal};
pub use self::rabbitmq::RabbitMq;
pub use self::redis::Redis;
pub use self::scratch::Scratch;

/// A running set: one PostgreSQL, one RabbitMQ, one Redis. Dropping it kills them and removes their files.
#[derive(Debug)]
pub struct Services {
    /// The database server.
    pub postgres: Postgres,
    /// The broker.
    pub rabbitmq: RabbitMq,
    /// The signal server.
    pub redis: Redis,
    // Dropped last: the files go when nobody writes them any more.
    _scratch: Scratch,
}

impl Services {
    /// Starts a set of one's own, all three at once. Takes several seconds, most of them RabbitMQ's.
    ///
    /// # Errors
    /// When a binary is missing or a service is not ready in time; the message ends with the tail of its log.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(postgres::SMALL).await
    }

    /// As [`Self::start`], with settings for PostgreSQL, `name=value` each.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub async fn start_with(settings: &'static [&'static str]) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let (postgres, rabbitmq, redis) = tokio::try_join!(
            Postgres::start_with(scratch.path().join("postgres"), settings),
            RabbitMq::start(scratch.path().join("rabbitmq")),
            Redis::start(scratch.path().join("redis")),
        )?;
        Ok(Self { postgres, rabbitmq, redis, _scratch: scratch })
    }

    /// Where this set listens. Stays true across kills and restarts.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            postgres: self.postgres.url("postgres"),
            rabbitmq: self.rabbitmq.url(""),
            rabbitmq_api: self.rabbitmq.api(),
            redis: self.redis.url(),
        }
    }

    /// Shuts all three down in order, so that nothing of them is left running.
    ///
    /// # Errors
    /// When one does not end in time; it is killed then.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let (postgres, rabbitmq, redis) = tokio::join!(self.postgres.stop(), self.rabbitmq.stop(), self.redis.stop());
        postgres.and(rabbitmq).and(redis)
    }
}

/// Where a set of services listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// PostgreSQL, as the superuser [`OWNER`], on the database `postgres`.
    pub postgres: String,
    /// RabbitMQ, as an administrator, without a virtual host (no trailing slash).
    pub rabbitmq: String,
    /// RabbitMQ's HTTP API, with its credentials and without a path.
    pub rabbitmq_api: String,
    /// Redis, database 0.
    pub redis: String,
}

impl Endpoints {
    const POSTGRES: &str = "POSTHASTE_TEST_POSTGRES_URL";
    const RABBITMQ: &str = "POSTHASTE_TEST_RABBITMQ_URL";
    const RABBITMQ_API: &str = "POSTHASTE_TEST_RABBITMQ_API";
    const REDIS: &str = "POSTHASTE_TEST_REDIS_URL";

    /// The set that `tests/run` started for this run.
    ///
    /// # Errors
    /// When there is none: a test that needs a service fails without it, it is never skipped.
    pub fn from_env() -> anyhow::Result<Self> {
        let variable =
            |name: &'static str| env::var(name).with_context(|| format!("{name} is not set: this test needs services, run tests/run"));
        Ok(Self {
            postgres: variable(Self::POSTGRES)?,
            rabbitmq: variable(Self::RABBITMQ)?,
            rabbitmq_api: variable(Self::RABBITMQ_API)?,
            redis: variable(Self::REDIS)?,
        })
    }

    /// The environment variables from which [`Endpoints::from_env`] reads this value.
    #[must_use]
    pub fn to_env(&self) -> [(&'static str, &str); 4] {
        [
            (Self::POSTGRES, &self.postgres),
            (Self::RABBITMQ, &self.rabbitmq),
            (Self::RABBITMQ_API, &self.rabbitmq_api),
            (Self::REDIS, &self.redis),
        ]
    }
}
