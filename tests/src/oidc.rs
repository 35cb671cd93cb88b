//! Logging in elsewhere: a browser, a client that sends it there, and providers of two kinds.
//!
//! - [`Certified`] is somebody else's program, with pages that a browser walks through.
//! - [`Rogue`] says whatever it is told to, which a right one never would.

mod browser;
mod certified;
mod rogue;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub use self::browser::{Browser, SignIn, outcome};
pub use self::certified::Certified;
pub use self::rogue::{Lie, Rogue};
use crate::{NodeSettings, hygiene};

/// What providers know the service by.
pub const CLIENT: &str = "posthaste";
/// What it shows them.
pub const SECRET: &str = "the secret of the client, of 32 bytes or more";
/// Where browsers reach the service, as far as anybody is told. Tests go to whichever node they like.
pub const PUBLIC_URL: &str = "https://chat.example";

/// Where providers send browsers back to.
#[must_use]
pub fn redirect_uri(provider: &str) -> String {
    format!("{PUBLIC_URL}/v1/oidc/{provider}/callback")
}

/// Settings of a node that knows these providers, each by its name and its issuer. The file is written into the folder.
///
/// # Errors
/// It cannot be written.
pub fn knowing(settings: NodeSettings, folder: &Path, providers: &[(&str, &str)]) -> anyhow::Result<NodeSettings> {
    hygiene::remember(SECRET);
    let mut file = format!("[oidc]\npublic_url = '{PUBLIC_URL}'\ntimeout_ms = 2000\n");
    for (id, issuer) in providers {
        writeln!(
            file,
            "[[oidc.providers]]\nid = '{id}'\nname = 'The {id}'\nissuer = '{issuer}'\nclient_id = '{CLIENT}'\nclient_secret = '{SECRET}'"
        )?;
    }
    let path: PathBuf = folder.join("oidc.toml");
    std::fs::write(&path, file)?;
    Ok(settings.with("CONFIG", path.to_string_lossy()).with("GATEWAY__ORIGINS", PUBLIC_URL))
}
