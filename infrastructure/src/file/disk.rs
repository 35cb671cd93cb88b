//! The disks that files are on.

use std::io;
use std::path::Path;

/// How much whoever runs this may still write to the disk under a folder.
///
/// # Errors
/// The folder is not there.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
