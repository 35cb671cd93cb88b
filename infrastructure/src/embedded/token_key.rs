//! The signing key of a server that nobody gave one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

const FILE: &str = "token.key";
const UNFINISHED: &str = "token.key.new";
/// What releases before Ed25519 signed with; nothing takes their tokens any more.
const FORMER: &str = "token.secret";

/// The private key kept in a data directory, as PEM, for its owner alone to read; from `make` the first time. Kept apart from the database,
/// so that a copy of the log can be given away. Blocks. Called by the server that has the directory's [`super::Database`] open, so by one
/// at a time.
///
/// # Errors
/// The file cannot be read or written.
pub fn token_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    match fs::read_to_string(directory.join(FILE)) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = make();
            write(directory, key.as_bytes())?;
            match fs::remove_file(directory.join(FORMER)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(key),
            }
        }
        Err(error) => Err(error),
    }
}

/// Wholly or not at all, whenever the machine stops.
fn write(directory: &Path, key: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(unfinished, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}
