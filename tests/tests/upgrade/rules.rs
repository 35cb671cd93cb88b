//! Every migration says which programs the schema takes after it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use posthaste_tests::metadata::root;

/// The last versions of the schemas that had nothing to say: the next ones keep what they say in `schema_compat`.
const SILENT: [(&str, &str, u32); 2] = [("migrations", "V", 31), ("infrastructure/src/embedded/sql", "schema_", 8)];

/// Whether a migration says what it does to programs that are older than it.
fn says_whom_it_takes(migration: &str) -> bool {
    let says = |line: &str| line == "-- Takes the programs before it." || line.starts_with("UPDATE schema_compat SET oldest = ");
    migration.lines().any(says)
}

fn migrations(folder: &str, prefix: &str) -> anyhow::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let number = name.strip_prefix(prefix).and_then(|rest| rest.split(['_', '.']).next()).and_then(|number| number.parse().ok());
        found.extend(number.map(|number| (number, path.clone())));
    }
    Ok(found)
}

#[test]
fn every_migration_says_which_programs_the_schema_takes_after_it() -> anyhow::Result<()> {
    for (folder, prefix, silent) in SILENT {
        let migrations = migrations(folder, prefix)?;
        ensure!(migrations.iter().any(|(number, _)| *number == silent), "{folder} has no {prefix}{silent}: {migrations:?}");
        for (number, path) in migrations {
            let says = says_whom_it_takes(&fs::read_to_string(&path)?);
            ensure!(number <= silent || says, "{} does not say which programs it takes: see {prefix}{silent}", path.display());
        }
    }
    Ok(())
}

#[test]
fn a_migration_that_says_nothing_is_noticed() {
    assert!(!says_whom_it_takes("ALTER TABLE cursors ADD COLUMN seen bigint;\n-- Takes whatever comes.\n"));
    assert!(says_whom_it_takes("-- Takes the programs before it.\nALTER TABLE cursors ADD COLUMN seen bigint;\n"));
    assert!(says_whom_it_takes("ALTER TABLE cursors DROP COLUMN seen;\nUPDATE schema_compat SET oldest = 40;\n"));
}
