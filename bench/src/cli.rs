//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use posthaste_tests::Profile;

use crate::measure::Load;

/// How fast Posthaste is: on private services, real processes and real sockets, with a proof at the end of every run that nothing is missing
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What all scenarios take.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Which profile is measured
    #[arg(long, global = true, value_enum, default_value = "embedded")]
    pub(crate) profile: ProfileName,
    /// The server; the one beside this program when absent
    #[arg(long, global = true, value_name = "PATH")]
    server: Option<PathBuf>,
    /// How often it is measured
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// How long each load is measured
    #[arg(long, global = true, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How long the same load lasts before
    #[arg(long, global = true, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
    /// Do not measure what there is to compare with
    #[arg(long, global = true)]
    pub(crate) no_floor: bool,
    /// Record what people say in the clear, and not sealed, to compare
    #[arg(long, global = true)]
    pub(crate) clear: bool,
    /// End with one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Options {
    /// How long the load lasts.
    pub(crate) fn load(&self) -> Load {
        Load { measured: Duration::from_secs_f64(self.seconds), warm_up: Duration::from_secs_f64(self.warm_up) }
    }

    /// Where the server is.
    pub(crate) fn server(&self) -> anyhow::Result<PathBuf> {
        match &self.server {
            Some(server) => server.canonicalize().with_context(|| server.display().to_string()),
            None => Ok(std::env::current_exe()?.with_file_name("posthaste")),
        }
    }
}

/// A profile.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProfileName {
    /// One process, one file
    Embedded,
    /// PostgreSQL, RabbitMQ, Redis
    Distributed,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Embedded => Self::Embedded,
            ProfileName::Distributed => Self::Distributed,
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Friends in twos; one of them writes to the other
    Pairs {
        /// How many twos
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages that each who writes has on their way
        #[arg(long, default_value_t = 16)]
        window: u32,
        /// Both of them write: twice as many messages are on their way
        #[arg(long)]
        both: bool,
    },
    /// One group; some write, everybody reads
    Room {
        /// How many are in it
        #[arg(long, default_value_t = 100)]
        members: usize,
        /// How many of them write
        #[arg(long, default_value_t = 1)]
        posters: usize,
        /// Messages that each of those has on their way
        #[arg(long, default_value_t = 8)]
        window: u32,
    },
    /// Many groups; in each, one writes
    Rooms {
        /// How many groups
        #[arg(long, default_value_t = 1_000)]
        rooms: usize,
        /// How many are in each
        #[arg(long, default_value_t = 20)]
        members: usize,
        /// How many people there are altogether
        #[arg(long, default_value_t = 2_000)]
        people: usize,
        /// Messages that each who writes has on their way
        #[arg(long, default_value_t = 1)]
        window: u32,
    },
    /// People who are connected and say nothing
    Idle {
        /// How many
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
    },
    /// Everybody comes back at once and has missed something
    Resume {
        /// How many
        #[arg(long, default_value_t = 5_000)]
        devices: usize,
        /// How much each
        #[arg(long, default_value_t = 20)]
        missed: u32,
        /// How many are in the group in which they have missed it
        #[arg(long, default_value_t = 20)]
        members: usize,
    },
    /// The log port alone, in this process
    Append {
        /// Who each wait for one append at a time
        #[arg(long, default_value_t = 64)]
        clients: usize,
    },
    /// Everybody writes in one thread, over REST, and then the same in threads of their own
    Hot {
        /// How many
        #[arg(long, default_value_t = 200)]
        posters: usize,
    },
    /// The same pairs on one server, on two, and so on; the two of a pair on different ones. Only distributed
    Nodes {
        /// How many servers at most
        #[arg(long, default_value_t = 3)]
        nodes: usize,
        /// How many twos
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages that each has on their way
        #[arg(long, default_value_t = 16)]
        window: u32,
    },
    /// `posthaste log verify` on a long log
    Verify {
        /// How long
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// The timeline anew from a long log; embedded: until a server is ready that starts on it
    Rebuild {
        /// How long
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// A server starts to relay a long backlog while people write to each other
    Backlog {
        /// How long
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
        /// How many twos write meanwhile, one message at a time each
        #[arg(long, default_value_t = 20)]
        pairs: usize,
    },
    /// More and more of one thing, with as many messages on their way: longer logs under the same pairs, more pairs, more rooms
    Growth {
        /// How long the logs are
        #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
        events: Vec<u64>,
        /// How many twos there are, of whom one writes
        #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
        pairs: Vec<usize>,
        /// How many groups there are, of 20 each
        #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
        rooms: Vec<usize>,
        /// How many messages are on their way: of 100 pairs on the logs, of all pairs, and a half of it in all rooms
        #[arg(long, default_value_t = 2_000)]
        on_their_way: u32,
    },
    /// Pairs with wider and wider windows, and a plot of latency against load
    Curve {
        /// How many twos
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Which windows
        #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32])]
        windows: Vec<u32>,
        /// Where the plot goes
        #[arg(long, value_name = "FILE", default_value = "curve.svg")]
        svg: PathBuf,
    },
    /// Every scenario, one after the other
    All {
        /// As little of each as shows that it works; measures nothing
        #[arg(long)]
        tiny: bool,
    },
}
