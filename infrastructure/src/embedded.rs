//! The embedded profile: one SQLite file and one process, nothing to install.

mod views;

pub use views::MemoryViews;
