//! What an operator sees and does: metrics, readiness, logs, the doctor, and what the documentation promises of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "what somebody does to the database, several statements at once")]

#[path = "operations/admins.rs"]
mod admins;
#[path = "operations/backup.rs"]
mod backup;
#[path = "operations/docs.rs"]
mod docs;
#[path = "operations/doctor.rs"]
mod doctor;
#[path = "operations/explorer.rs"]
mod explorer;
#[path = "operations/logs.rs"]
mod logs;
#[path = "operations/metrics.rs"]
mod metrics;
#[path = "operations/readiness.rs"]
mod readiness;
#[path = "operations/scrape.rs"]
mod scrape;
#[path = "operations/telemetry.rs"]
mod telemetry;
#[path = "operations/trace.rs"]
mod trace;

use posthaste_tests::patience::{PATIENCE, until};
