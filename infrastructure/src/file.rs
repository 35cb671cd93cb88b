//! Plain files: for what must not be in the database, because it is there to tell when that was tampered with; and the disks they are on.

mod disk;
mod key;
mod seals;

pub use self::disk::free_bytes;
pub use self::key::{generate_key, read_key, read_public_key};
pub use self::seals::SealFile;
