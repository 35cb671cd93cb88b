//! What the nemesis can do, and what it chooses to do, all of it decided by the seed.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::Setting;

macro_rules! faults {
    ($($(#[$doc:meta])+ $fault:ident $name:literal $least:literal to $most:literal,)+) => {
        /// A kind of misfortune.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])+ $fault,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$fault),+];

            /// How the report calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$fault => $name,)+
                }
            }

            /// How long it lasts, in milliseconds: at least and at most. What is started again or has to notice takes longer.
            const fn lasts(self) -> (u64, u64) {
                match self {
                    $(Self::$fault => ($least, $most),)+
                }
            }
        }
    };
}

faults! {
    /// A node that serves clients is killed with SIGKILL, and started again.
    GatewayKilled "gateway killed" 0 to 1_000,
    /// The relay that has the lease is killed, and started again.
    RelayKilled "relay killed" 0 to 1_000,
    /// A projector is killed, and started again.
    ProjectorKilled "projector killed" 0 to 1_000,
    /// Every process of ours is killed, and all are started again.
    EverythingKilled "everything killed" 0 to 500,
    /// A node that serves clients is stopped for longer than clients wait for a sign of life.
    GatewayPaused "gateway paused" 4_000 to 6_000,
    /// The relay that has the lease is stopped for longer than the lease.
    RelayPaused "relay paused" 2_500 to 4_000,
    /// A projector is stopped.
    ProjectorPaused "projector paused" 500 to 2_000,
    /// RabbitMQ is stopped or killed, and started again.
    RabbitmqRestarted "RabbitMQ restarted" 0 to 1_000,
    /// Every queue of RabbitMQ is deleted.
    QueuesDeleted "queues deleted" 0 to 0,
    /// What the servers do in PostgreSQL is broken off, a few times.
    BackendsTerminated "backends terminated" 0 to 0,
    /// PostgreSQL is stopped or killed, and started again.
    PostgresRestarted "PostgreSQL restarted" 0 to 1_000,
    /// Redis forgets everything.
    RedisEmptied "Redis emptied" 0 to 0,
    /// Connections to PostgreSQL are cut after some bytes, a few times: in the middle of a statement, or of the answer to a commit.
    PostgresCut "PostgreSQL cut" 0 to 0,
    /// Connections to RabbitMQ are cut after some bytes, a few times.
    RabbitmqCut "RabbitMQ cut" 0 to 0,
    /// Connections to Redis are cut after some bytes, a few times.
    RedisCut "Redis cut" 0 to 0,
    /// Connections of clients are cut after some bytes, a few times.
    ClientsCut "clients cut" 0 to 0,
    /// For a while no byte passes to or from PostgreSQL, and nobody is told.
    PostgresStalled "PostgreSQL stalled" 500 to 2_500,
    /// For a while no byte passes to or from RabbitMQ.
    RabbitmqStalled "RabbitMQ stalled" 1_000 to 4_000,
    /// For a while no byte passes between one node and its clients, longer than they wait for a sign of life.
    ClientsStalled "clients stalled" 4_000 to 6_000,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fault with everything about it decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blow {
    /// What.
    pub fault: Fault,
    /// For how long, where that is for the nemesis to say.
    pub lasts: Duration,
    /// Where its further choices come from: whom it hits, after how many bytes.
    pub seed: u64,
}

impl Blow {
    fn draw(fault: Fault, randomness: &mut StdRng) -> Self {
        let (least, most) = fault.lasts();
        Self { fault, lasts: Duration::from_millis(randomness.random_range(least..=most)), seed: randomness.random() }
    }

    /// Its further choices.
    pub(super) fn randomness(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }
}

/// One thing after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How long nothing happens before.
    pub calm: Duration,
    /// What happens then, at once.
    pub blows: Vec<Blow>,
}

/// What happens under a setting, without end: first everything once, then everything again and again, and now and then two at once.
pub fn schedule(setting: &Setting) -> impl Iterator<Item = Turn> + use<> {
    let mut randomness = setting.randomness(0);
    let mut deck: Vec<Fault> = Vec::new();
    let mut alone = Fault::ALL.len();
    std::iter::from_fn(move || {
        let mut draw = |randomness: &mut StdRng| {
            if deck.is_empty() {
                deck = Fault::ALL.to_vec();
                deck.shuffle(randomness);
            }
            deck.pop().map(|fault| Blow::draw(fault, randomness))
        };
        let calm = Duration::from_millis(randomness.random_range(0..800));
        let mut blows = vec![draw(&mut randomness)?];
        if alone > 0 {
            alone -= 1;
        } else if randomness.random_bool(0.4) {
            blows.extend(draw(&mut randomness).filter(|second| second.fault != blows[0].fault));
        }
        Some(Turn { calm, blows })
    })
}
