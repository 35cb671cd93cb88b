//! The embedded profile: one SQLite file and one process, nothing to install.

mod broker;
mod tickets;
mod views;

pub use broker::InProcessBroker;
pub use tickets::InProcessTickets;
pub use views::MemoryViews;
