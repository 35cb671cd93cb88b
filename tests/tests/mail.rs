//! Mail: it arrives whatever becomes of the server, on either side; and what is in it is good once, for whom it was sent to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "mail/adapters.rs"]
mod adapters;
#[path = "mail/delivery.rs"]
mod delivery;
#[path = "mail/secrets.rs"]
mod secrets;
#[path = "mail/service.rs"]
mod service;
