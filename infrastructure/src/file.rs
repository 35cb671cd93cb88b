//! Plain files: for what must not be in the database, because it is there to tell when that was tampered with.

mod key;
mod seals;

pub use self::key::{generate_key, read_key, read_public_key};
pub use self::seals::SealFile;
