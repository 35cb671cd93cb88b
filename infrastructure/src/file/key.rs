//! The keys of seals.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use posthaste_application::verify::key::{PublicKey, SealKey};

/// Makes a key: the private one in this file, for its owner alone to read, and the public one beside it, in a file that ends in `.pub`,
/// which is given back. Blocks.
///
/// # Errors
/// One of the files is there already, or cannot be written.
pub fn generate_key(file: &Path) -> io::Result<PathBuf> {
    let key = SealKey::from_random(&rand::random());
    let mut public = OsString::from(file);
    public.push(".pub");
    let public = PathBuf::from(public);
    write(file, &key.to_pem(), 0o600)?;
    write(&public, &key.public().to_pem(), 0o644)?;
    Ok(public)
}

/// The private key in a file. Blocks.
///
/// # Errors
/// The file cannot be read, or holds no such key.
pub fn read_key(file: &Path) -> io::Result<SealKey> {
    SealKey::from_pem(&fs::read_to_string(file)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The public key in a file. Blocks.
///
/// # Errors
/// The file cannot be read, or holds no such key.
pub fn read_public_key(file: &Path) -> io::Result<PublicKey> {
    PublicKey::from_pem(&fs::read_to_string(file)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Only where nothing is: a key that is written over is gone, and with it the proof of all that it signed next.
fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut written = options.open(file)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    File::open(super::seals::directory(file))?.sync_all()
}
