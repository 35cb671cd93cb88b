//! Deleting one's own account, on servers that run: it ends at once, comes back whole if its owner thinks better of it, and is erased when
//! its time has come, whatever becomes of the servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "deleting/coming_back.rs"]
mod coming_back;
#[path = "deleting/ending.rs"]
mod ending;
#[path = "deleting/owning.rs"]
mod owning;
#[path = "deleting/proving.rs"]
mod proving;
#[path = "deleting/service.rs"]
mod service;
