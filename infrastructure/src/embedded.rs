//! The embedded profile: one SQLite file and one process, nothing to install.
//!
//! - [`Database`] is the file. One process writes to it; others may read beside it, such as `posthaste log tail`.
//! - [`SqliteLog`], [`SqliteCursors`], [`SqliteLease`], [`SqliteAccounts`], [`SqliteFactors`], [`SqliteIdentities`], [`SqlitePasskeys`], [`SqlitePasscodes`],
//!   [`SqliteKeys`], [`SqliteOneTimeTokens`], [`SqliteMailQueue`], [`SqliteQueue`] and [`SqliteWebhooks`] are the ports that must remember.
//! - [`SqliteImport`] puts an exported log into an empty file.
//! - [`InProcessBroker`], [`InProcessPresence`], [`InProcessRateLimiter`], [`InProcessSignals`] and [`InProcessTickets`] are those that may
//!   forget.

mod accounts;
mod broker;
mod content_keys;
mod cursors;
mod database;
mod dead;
mod desk;
mod doctor;
mod factors;
mod failure;
mod identities;
mod import;
mod keys;
mod lease;
mod limiter;
mod log;
mod mail_queue;
mod one_time;
mod passcodes;
mod passkeys;
mod presence;
mod queue;
mod row;
mod sessions;
mod signals;
mod statements;
mod tickets;
mod views;
mod webhooks;

pub use accounts::SqliteAccounts;
pub use broker::InProcessBroker;
pub use content_keys::SqliteKeys;
pub use cursors::SqliteCursors;
pub use database::{Database, OpenError};
pub use dead::SqliteDeadLetters;
pub use desk::SqliteDesk;
pub use doctor::examine_folder;
pub use factors::SqliteFactors;
pub use identities::SqliteIdentities;
pub use import::SqliteImport;
pub use keys::{content_key, factor_key, kept_content_key, token_key};
pub use lease::SqliteLease;
pub use limiter::InProcessRateLimiter;
pub use log::SqliteLog;
pub use mail_queue::SqliteMailQueue;
pub use one_time::SqliteOneTimeTokens;
pub use passcodes::SqlitePasscodes;
pub use passkeys::SqlitePasskeys;
pub use presence::InProcessPresence;
pub use queue::SqliteQueue;
pub use sessions::SqliteSessions;
pub use signals::InProcessSignals;
pub use tickets::InProcessTickets;
pub use views::{MemoryRebuilds, MemoryViews};
pub use webhooks::SqliteWebhooks;
