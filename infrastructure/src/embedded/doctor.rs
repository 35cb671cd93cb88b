//! What can be wrong with a data folder.

use std::error::Error as _;
use std::path::Path;

use posthaste_application::doctor::Finding;

use super::database::{Database, OpenError};

const CHECK: &str = "schema";

/// Whether the file in the folder is one that this program can use.
#[must_use]
pub fn examine_folder(folder: &Path) -> Finding {
    match Database::open_read_only(folder) {
        Ok(_) => Finding::ok(CHECK, "the file is of a version that this program can use"),
        Err(error) => {
            let remedy = match &error {
                OpenError::Missing { .. } => "name the data folder with --data or embedded.data; `posthaste serve` makes a new one",
                OpenError::UnknownVersion { found, known, .. } if found < known => {
                    "start the server once: it brings its file up to date by itself"
                }
                OpenError::UnknownVersion { .. } => "use the version of the program that wrote it, or a newer one",
                OpenError::Foreign { .. } => "it is the file of another program: name another data folder",
                OpenError::Directory { .. } | OpenError::InUse { .. } | OpenError::Sqlite { .. } => {
                    "see that the folder and the file in it can be read and written by this user"
                }
            };
            let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            Finding::fail(CHECK, format!("{error}{reason}"), remedy)
        }
    }
}
