//! Webhooks: what is owed is taken in whatever the queue does, and sent until it was taken whatever the endpoint does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "webhooks/intake.rs"]
mod intake;
#[path = "webhooks/service.rs"]
mod service;
#[path = "webhooks/time.rs"]
mod time;
#[path = "webhooks/world.rs"]
mod world;
