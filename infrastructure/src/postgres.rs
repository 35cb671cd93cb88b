//! PostgreSQL: the log, cursors, the relay's lease, credentials, second factors, passkeys, identities, keys, passcodes, and (with its own tables) the views.
//!
//! - [`migrate`] brings a database to the schema this program needs; it runs as the owner.
//! - [`Postgres::connect`] gives a pool for everything else; it runs as `posthaste_server`, which owns nothing.
//! - [`PgImport`] puts an exported log into an empty database; it runs as the owner as well.
//! - Statements live in `sql/`, one in a file, and go through one door (`door.rs`), which prepares them once for each
//!   connection, limits their time and says what failed. To add one: a file in `sql/`, `statement!("its name")` where it is used, and
//!   the snapshot of its types in `tests/tests/postgres_statements.rs`.

mod accounts;
mod connect;
mod cursors;
mod dead;
mod doctor;
mod door;
mod error;
mod factors;
mod identities;
mod import;
mod keys;
mod lease;
mod listen;
mod log;
mod mail_queue;
mod migrations;
mod one_time;
mod passcodes;
mod passkeys;
mod rows;
mod schema;
mod sessions;
mod views;
mod webhooks;

pub use accounts::PgAccounts;
pub use connect::{ConnectError, Postgres, PostgresConfig, check_url};
pub use cursors::PgCursors;
pub use dead::PgDeadLetters;
pub use doctor::examine;
pub use error::StatementError;
pub use factors::PgFactors;
pub use identities::PgIdentities;
pub use import::PgImport;
pub use keys::PgKeys;
pub use lease::PgLease;
pub use log::PgLog;
pub use mail_queue::PgMailQueue;
pub use migrations::{MigrateError, Migrated, migrate};
pub use one_time::PgOneTimeTokens;
pub use passcodes::PgPasscodes;
pub use passkeys::PgPasskeys;
pub use sessions::PgSessions;
pub use views::{PgProjection, PgRebuilds, PgViews};
pub use webhooks::PgWebhooks;
