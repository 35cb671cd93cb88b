//! The secret of a server that nobody gave one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

const FILE: &str = "token.secret";
const UNFINISHED: &str = "token.secret.new";
const BYTES: usize = 32;

/// The secret kept in a data directory, for its owner alone to read; made at random the first time. Kept apart from the database, so
/// that a copy of the log can be given away. Blocks. Called by the server that has the directory's [`super::Database`] open, so by one
/// at a time.
///
/// # Errors
/// The file cannot be read or written, or is not as long as what was once written.
pub fn token_secret(directory: &Path) -> io::Result<Vec<u8>> {
    let file = directory.join(FILE);
    match fs::read(&file) {
        Ok(secret) if secret.len() == BYTES => Ok(secret),
        Ok(secret) => {
            let message = format!("{} has {} bytes instead of {BYTES}; remove it to have a new one made", file.display(), secret.len());
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret: [u8; BYTES] = rand::random();
            write(directory, &secret)?;
            Ok(secret.to_vec())
        }
        Err(error) => Err(error),
    }
}

/// Wholly or not at all, whenever the machine stops.
fn write(directory: &Path, secret: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(unfinished, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}
