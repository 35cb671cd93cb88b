//! The keys of a server that nobody gave any: kept apart from the database, so that a copy of the log can be given away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

const TOKEN: &str = "token.key";
const CONTENT: &str = "content.key";
/// What releases before Ed25519 signed with; nothing takes their tokens any more.
const FORMER: &str = "token.secret";

/// The private key kept in a data directory that signs tokens, as PEM, for its owner alone to read; from `make` the first time. Blocks. Called
/// by the server that has the directory's [`super::Database`] open, so by one at a time.
///
/// # Errors
/// The file cannot be read or written.
pub fn token_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    if let Some(key) = kept(directory, TOKEN)? {
        return Ok(key);
    }
    let key = made(directory, TOKEN, make())?;
    match fs::remove_file(directory.join(FORMER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(key),
    }
}

/// The master key of what people said, kept like [`token_key`]; `None` when there is none.
///
/// # Errors
/// The file cannot be read.
pub fn kept_content_key(directory: &Path) -> io::Result<Option<String>> {
    kept(directory, CONTENT)
}

/// The same, from `make` when there is none.
///
/// # Errors
/// The file cannot be read or written.
pub fn content_key(directory: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    kept(directory, CONTENT)?.map_or_else(|| made(directory, CONTENT, make()), Ok)
}

fn kept(directory: &Path, file: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(directory.join(file)) {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Wholly or not at all, whenever the machine stops.
fn made(directory: &Path, name: &str, key: String) -> io::Result<String> {
    let unfinished = directory.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()?;
    Ok(key)
}
