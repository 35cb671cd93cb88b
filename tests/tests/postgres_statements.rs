//! Every statement of the PostgreSQL adapters fits the schema, and nobody changes its types without noticing.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use posthaste_tests::Database;

#[tokio::test]
async fn every_statement_can_be_prepared_and_has_the_types_it_had() -> anyhow::Result<()> {
    let database = Database::new("statements").await?;
    // As the server: whatever it may not touch, it may not prepare either.
    let server = database.server().await?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infrastructure/src/postgres/sql");
    let mut files = fs::read_dir(&directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    ensure!(files.len() > 10, "where are they? {files:?}");
    for file in files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("a name")?;
        let sql = fs::read_to_string(&file)?;
        let statement = server.prepare(&sql).await.with_context(|| name.to_owned())?;
        let parameters: Vec<_> = statement.params().iter().map(ToString::to_string).collect();
        let columns: Vec<_> = statement.columns().iter().map(|column| format!("{} {}", column.name(), column.type_())).collect();
        let types = format!("parameters: {}\ncolumns:\n  {}", parameters.join(", "), columns.join("\n  "));
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, types);
        });
    }
    Ok(())
}
