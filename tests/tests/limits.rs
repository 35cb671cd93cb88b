//! Who asks too often, too much, or in two ways at once: what becomes of them, and that nobody else notices.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "limits/adapters.rs"]
mod adapters;
#[path = "limits/edge.rs"]
mod edge;
#[path = "limits/frames.rs"]
mod frames;
#[path = "limits/half_open.rs"]
mod half_open;
#[path = "limits/hygiene.rs"]
mod hygiene;
#[path = "limits/login.rs"]
mod login;
#[path = "limits/outage.rs"]
mod outage;
#[path = "limits/raw.rs"]
mod raw;
#[path = "limits/requests.rs"]
mod requests;
#[path = "limits/smuggling.rs"]
mod smuggling;
