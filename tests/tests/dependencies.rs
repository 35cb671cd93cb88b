//! What is linked into Posthaste comes from one registry, under licences that `deny.toml` allows, and in one version where that can be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, bail, ensure};
use posthaste_tests::metadata::{Metadata, root};
use serde::Deserialize;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Bans {
    multiple_versions: String,
    skip: Vec<Skip>,
}

#[derive(Deserialize)]
struct Skip {
    #[serde(rename = "crate")]
    package: String,
    reason: String,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() -> anyhow::Result<()> {
    let allow = deny()?.licenses.allow;
    let mut refused = Vec::new();
    for package in Metadata::read()?.packages {
        let licence = package.license.as_deref().unwrap_or("none");
        let name = format!("{} {}: {licence}", package.name, package.version);
        if !is_allowed(licence, &allow).with_context(|| name.clone())? {
            refused.push(name);
        }
    }
    ensure!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
    Ok(())
}

#[test]
fn every_dependency_comes_from_a_registry_that_is_allowed() -> anyhow::Result<()> {
    let allow = deny()?.sources.allow_registry;
    let foreign: Vec<_> = Metadata::read()?
        .packages
        .into_iter()
        .filter_map(|package| Some((package.name, package.source?)))
        .filter(|(_, source)| {
            let registry = source.strip_prefix("registry+");
            !registry.is_some_and(|url| allow.iter().any(|allowed| allowed == url))
        })
        .collect();
    ensure!(foreign.is_empty(), "not allowed by deny.toml: {foreign:#?}");
    Ok(())
}

#[test]
fn every_dependency_is_there_once_or_it_is_said_why_not() -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
    }
    let bans = deny()?.bans;
    ensure!(bans.multiple_versions == "deny", "{}", bans.multiple_versions);
    ensure!(bans.skip.iter().all(|skip| !skip.reason.is_empty()), "each is skipped for a reason");
    let lock: Lock = toml::from_str(&fs::read_to_string(root().join("Cargo.lock"))?)?;
    let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
    for Locked { name, version } in &lock.package {
        let numbers: Vec<u64> = version.split(['.', '+', '-']).take(3).map(str::parse).collect::<Result<_, _>>()?;
        versions.entry(name).or_default().insert((numbers, version));
    }
    // The newest of each is the one to have.
    let older =
        versions.iter().flat_map(|(name, versions)| versions.iter().rev().skip(1).map(move |(_, version)| format!("{name}@{version}")));
    let (older, skipped): (BTreeSet<_>, BTreeSet<_>) = (older.collect(), bans.skip.into_iter().map(|skip| skip.package).collect());
    let missing: Vec<_> = older.difference(&skipped).collect();
    ensure!(missing.is_empty(), "older versions that deny.toml says nothing of: {missing:?}");
    let needless: Vec<_> = skipped.difference(&older).collect();
    ensure!(needless.is_empty(), "deny.toml skips what is not there any more: {needless:?}");
    Ok(())
}

#[test]
fn a_choice_needs_one_licence_and_a_conjunction_needs_all() -> anyhow::Result<()> {
    let allow = ["MIT".to_owned(), "ISC".to_owned()];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MIT) AND BSD-2-Clause", false),
        ("ISC OR GPL-3.0 AND BSD-2-Clause", true),
        ("MIT WITH some-exception", false),
        ("MIT WITH some-exception OR ISC", true),
    ] {
        assert_eq!(is_allowed(expression, &allow)?, expected, "{expression}");
    }
    assert!(is_allowed("(MIT", &allow).is_err());
    assert!(is_allowed("MIT ISC", &allow).is_err());
    assert!(is_allowed("", &allow).is_err());
    Ok(())
}

fn deny() -> anyhow::Result<Deny> {
    Ok(toml::from_str(&fs::read_to_string(root().join("deny.toml"))?)?)
}

/// Whether an SPDX expression can be met with the licences in `allow`. An exception makes another licence of one.
fn is_allowed(expression: &str, allow: &[String]) -> anyhow::Result<bool> {
    // Older packages write a choice with a slash.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<_> = spaced.split_whitespace().rev().collect();
    let allowed = any(&mut words, allow)?;
    ensure!(words.is_empty(), "not understood: {expression}");
    Ok(allowed)
}

fn any(words: &mut Vec<&str>, allow: &[String]) -> anyhow::Result<bool> {
    let mut allowed = all(words, allow)?;
    while words.pop_if(|word| *word == "OR").is_some() {
        allowed |= all(words, allow)?;
    }
    Ok(allowed)
}

fn all(words: &mut Vec<&str>, allow: &[String]) -> anyhow::Result<bool> {
    let mut allowed = one(words, allow)?;
    while words.pop_if(|word| *word == "AND").is_some() {
        allowed &= one(words, allow)?;
    }
    Ok(allowed)
}

fn one(words: &mut Vec<&str>, allow: &[String]) -> anyhow::Result<bool> {
    match words.pop() {
        Some("(") => {
            let allowed = any(words, allow)?;
            ensure!(words.pop() == Some(")"), "a parenthesis is not closed");
            Ok(allowed)
        }
        Some(licence) if !matches!(licence, ")" | "AND" | "OR" | "WITH") => {
            let exception = words.pop_if(|word| *word == "WITH").map(|_| words.pop());
            let full = match exception {
                None => licence.to_owned(),
                Some(name) => format!("{licence} WITH {}", name.context("no exception")?),
            };
            Ok(allow.contains(&full))
        }
        other => bail!("expected a licence, found {other:?}"),
    }
}
