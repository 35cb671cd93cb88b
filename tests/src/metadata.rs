//! What Cargo knows about the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// The part of `cargo metadata` that the suites look at.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// The workspace's own packages and everything they depend on.
    pub packages: Vec<Package>,
}

/// A package in the dependency graph.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub license: Option<String>,
    /// Where it comes from; nothing for the workspace's own.
    pub source: Option<String>,
    /// What it depends on directly.
    pub dependencies: Vec<Dependency>,
}

/// A direct dependency.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The name of the package it asks for.
    pub name: String,
    /// `dev`, `build`, or nothing for a normal one.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks the Cargo that runs the tests, which has resolved the workspace already.
    ///
    /// # Errors
    /// When it refuses, or answers something else.
    pub fn read() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(root())
            .output()
            .context("cannot start cargo")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The directory that holds the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parent = crate_directory.parent();
    parent.expect("the crate lies in the workspace").to_owned()
}
