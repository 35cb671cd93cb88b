//! The arrows between the crates: domain ← application ← infrastructure ← bin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use posthaste_tests::metadata::{Dependency, Metadata, root};

/// What a crate may depend on directly.
struct Allowed {
    package: &'static str,
    normal: &'static [&'static str],
    /// In its own tests, besides.
    dev: &'static [&'static str],
}

/// To add a dependency is a decision about architecture: it is made here. The domain has no runtime, no clock, no
/// randomness and no input or output; the application has no runtime and no driver.
const ALLOWED: &[Allowed] = &[
    Allowed {
        package: "posthaste-domain",
        normal: &["chrono", "schemars", "serde", "thiserror", "unicode-normalization", "uuid"],
        dev: &["proptest", "serde_json"],
    },
    Allowed {
        package: "posthaste-application",
        normal: &[
            "aes-gcm",
            "askama",
            "async-trait",
            "base64",
            "bytes",
            "chrono",
            "data-encoding",
            "ed25519-dalek",
            "flate2",
            "futures",
            "hmac",
            "metrics",
            "posthaste-domain",
            "qrcode",
            "quick_cache",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "totp-rs",
            "tracing",
            "uuid",
            "zeroize",
        ],
        dev: &["proptest", "tokio"],
    },
    Allowed {
        package: "posthaste-infrastructure",
        normal: &[
            "aes-gcm",
            "argon2",
            "async-trait",
            "base64",
            "bytes",
            "chrono",
            "deadpool-postgres",
            "ed25519-dalek",
            "futures",
            "hmac",
            "hyper",
            "hyper-util",
            "ipnet",
            "jsonwebtoken",
            "lapin",
            "lettre",
            "metrics-exporter-prometheus",
            "openidconnect",
            "opentelemetry",
            "opentelemetry-http",
            "opentelemetry-otlp",
            "opentelemetry_sdk",
            "poem",
            "poem-openapi",
            "postcard",
            "posthaste-application",
            "posthaste-domain",
            "rand",
            "redis",
            "refinery",
            "reqwest",
            "rusqlite",
            "rustix",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-postgres",
            "tokio-util",
            "tracing",
            "tracing-opentelemetry",
            "tracing-subscriber",
            "tungstenite",
            "uuid",
            "webauthn-rs",
        ],
        dev: &["tempfile"],
    },
    Allowed {
        package: "posthaste",
        normal: &[
            "anyhow",
            "async-trait",
            "chrono",
            "clap",
            "config",
            "console",
            "futures",
            "indicatif",
            "mimalloc",
            "posthaste-application",
            "posthaste-domain",
            "posthaste-infrastructure",
            "reqwest",
            "serde",
            "serde_json",
            "tempfile",
            "tokio",
            "tokio-tungstenite",
            "tokio-util",
            "toml",
            "tracing",
            "tracing-subscriber",
            "uuid",
        ],
        dev: &[],
    },
    Allowed {
        package: "posthaste-bench",
        normal: &[
            "anyhow",
            "clap",
            "futures",
            "mimalloc",
            "mio",
            "posthaste-application",
            "posthaste-domain",
            "posthaste-infrastructure",
            "posthaste-tests",
            "reqwest",
            "rustix",
            "serde_json",
            "tokio",
            "tokio-postgres",
            "uuid",
        ],
        dev: &[],
    },
];

/// The directories of the crates that make up the product.
const PRODUCT: [&str; 4] = ["domain", "application", "infrastructure", "bin"];

/// A file longer than this has more than one subject.
const MOST_LINES: usize = 450;

#[test]
fn every_crate_depends_only_on_what_its_layer_allows() -> anyhow::Result<()> {
    let metadata = Metadata::read()?;
    let mut refused = Vec::new();
    for allowed in ALLOWED {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name == allowed.package && package.source.is_none())
            .with_context(|| format!("there is no crate {}", allowed.package))?;
        for dependency in &package.dependencies {
            if !allowed.permits(dependency) {
                refused.push(format!("{} -> {dependency:?}", allowed.package));
            }
        }
    }
    ensure!(refused.is_empty(), "not in ALLOWED: {refused:#?}");
    Ok(())
}

#[test]
fn the_domain_is_documented_by_derives_alone() -> anyhow::Result<()> {
    let mut derives = 0;
    for file in rust_files(&root().join("domain/src"))? {
        for line in fs::read_to_string(&file)?.lines().filter(|line| line.contains("schemars")) {
            let derived = line.trim_start().starts_with("#[cfg_attr(feature = \"schema\", ");
            ensure!(derived, "{}: {line}", file.display());
            derives += 1;
        }
    }
    ensure!(derives > 0, "nothing is documented");
    Ok(())
}

#[test]
fn every_crate_of_the_workspace_is_either_listed_or_the_tests() -> anyhow::Result<()> {
    let mut own: Vec<_> =
        Metadata::read()?.packages.into_iter().filter(|package| package.source.is_none()).map(|package| package.name).collect();
    own.sort();
    let mut known: Vec<_> = ALLOWED.iter().map(|allowed| allowed.package).collect();
    known.push("posthaste-tests");
    known.sort_unstable();
    assert_eq!(own, known);
    Ok(())
}

#[test]
fn no_source_file_grows_beyond_what_one_can_read_in_one_go() -> anyhow::Result<()> {
    let mut seen = 0;
    let mut long = Vec::new();
    for directory in PRODUCT {
        for file in rust_files(&root().join(directory).join("src"))? {
            let text = fs::read_to_string(&file)?;
            seen += 1;
            let lines = text.lines().count();
            if lines >= MOST_LINES && !text.starts_with("// @generated") {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    ensure!(seen >= PRODUCT.len(), "looked at {seen} files only");
    ensure!(long.is_empty(), "split by subject: {long:#?}");
    Ok(())
}

#[test]
fn every_test_that_the_security_document_names_is_there() -> anyhow::Result<()> {
    let document = fs::read_to_string(root().join("docs/SECURITY.md"))?;
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack"));
    let mut code = String::new();
    for directory in PRODUCT.iter().chain(&["tests"]) {
        for file in rust_files(&root().join(directory))? {
            code.push_str(&fs::read_to_string(file)?);
        }
    }
    let (mut named, mut missing) = (0, Vec::new());
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit_once('|').with_context(|| format!("no row: {row}"))?.1;
        for test in tests.split('`').skip(1).step_by(2) {
            named += 1;
            if !code.contains(&format!("fn {test}(")) {
                missing.push(test);
            }
        }
    }
    ensure!(named >= 60, "it names {named} tests only");
    ensure!(missing.is_empty(), "there is no {missing:#?}");
    Ok(())
}

impl Allowed {
    fn permits(&self, dependency: &Dependency) -> bool {
        let name = dependency.name.as_str();
        match dependency.kind.as_deref() {
            None => self.normal.contains(&name),
            Some("dev") => self.normal.contains(&name) || self.dev.contains(&name),
            Some(_) => false,
        }
    }
}

fn rust_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
