//! Two releases on one database: what the one before left behind, and what the one after has begun.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "what a migration of tomorrow does to the database, several statements at once")]

#[path = "upgrade/frozen.rs"]
mod frozen;
#[path = "upgrade/newer.rs"]
mod newer;
#[path = "upgrade/rules.rs"]
mod rules;
#[path = "upgrade/schema.rs"]
mod schema;

use posthaste_tests::patience::{PATIENCE, until};
