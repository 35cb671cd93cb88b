//! The embedded profile: one SQLite file and one process, nothing to install.
//!
//! - [`Database`] is the file. One process writes to it; others may read beside it, such as `posthaste log tail`.
//! - [`SqliteLog`], [`SqliteCursors`], [`SqliteLease`] and [`SqliteAccounts`] are the ports that must remember.
//! - [`InProcessBroker`] and [`InProcessTickets`] are those that may forget.

mod accounts;
mod broker;
mod cursors;
mod database;
mod failure;
mod lease;
mod log;
mod row;
mod secret;
mod statements;
mod tickets;
mod views;

pub use accounts::SqliteAccounts;
pub use broker::InProcessBroker;
pub use cursors::SqliteCursors;
pub use database::{Database, OpenError};
pub use lease::SqliteLease;
pub use log::SqliteLog;
pub use secret::token_secret;
pub use tickets::InProcessTickets;
pub use views::MemoryViews;
