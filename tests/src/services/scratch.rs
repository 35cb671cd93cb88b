//! A temporary directory that is removed even when its owner is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::process::Watchdog;

/// A temporary directory, removed on drop, and by a watchdog if the process dies before.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _watchdog: Watchdog,
}

impl Scratch {
    /// Makes an empty directory that other users may traverse: a service may run as a user of its own.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("posthaste-tests-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let watchdog = Watchdog::over_directory(directory.path())?;
        Ok(Self { directory, _watchdog: watchdog })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
