//! The keys of a server that nobody gave any.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Signs access tokens.
const TOKEN: &str = "token.key";
/// Seals the secrets of second factors.
const FACTOR: &str = "factor.key";
/// Wraps the keys of what people said.
const CONTENT: &str = "content.key";
/// What releases before Ed25519 signed with; nothing takes their tokens any more.
const FORMER: &str = "token.secret";

/// The private key kept in a data directory, as PEM, for its owner alone to read; from `make` the first time. Kept apart from the database,
/// so that a copy of the log can be given away. Blocks. Called by the server that has the directory's [`super::Database`] open, so by one
/// at a time.
///
/// # Errors
/// The file cannot be read or written.
pub fn token_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    let key = kept_or_made(directory, TOKEN, make)?;
    match fs::remove_file(directory.join(FORMER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(key),
    }
}

/// The key that seals the secrets of second factors, in the same way.
///
/// # Errors
/// The file cannot be read or written.
pub fn factor_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    kept_or_made(directory, FACTOR, make)
}

/// The master key of what people said, in the same way.
///
/// # Errors
/// The file cannot be read or written.
pub fn content_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    kept_or_made(directory, CONTENT, make)
}

/// The master key of what people said; `None` when there is none.
///
/// # Errors
/// The file cannot be read.
pub fn kept_content_key(directory: &Path) -> io::Result<Option<String>> {
    kept(directory, CONTENT)
}

fn kept(directory: &Path, file: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(directory.join(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

fn kept_or_made(directory: &Path, file: &str, make: impl FnOnce() -> String) -> io::Result<String> {
    if let Some(key) = kept(directory, file)? {
        return Ok(key);
    }
    let key = make();
    write(directory, file, key.as_bytes())?;
    Ok(key)
}

/// Wholly or not at all, whenever the machine stops.
fn write(directory: &Path, file: &str, key: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(format!("{file}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(&unfinished)?;
    opened.write_all(key)?;
    opened.sync_all()?;
    fs::rename(unfinished, directory.join(file))?;
    File::open(directory)?.sync_all()
}
