//! Signals: the port on both adapters, and what people on sockets see of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "signals/adapters.rs"]
mod adapters;
