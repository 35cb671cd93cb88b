//! What must hold before the server uses a database, and what it says when it does not.

use anyhow::ensure;
use posthaste_infrastructure::postgres::{ConnectError, Postgres, PostgresConfig, migrate};
use posthaste_tests::{Database, Sandbox};

async fn connect(url: String) -> Result<Postgres, ConnectError> {
    Postgres::connect(PostgresConfig::new(url)).await
}

#[tokio::test]
async fn a_database_can_be_migrated_again_and_by_several_at_once() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("migrated").await?;
    let url = sandbox.postgres_owner_url();
    tokio::try_join!(migrate(&url), migrate(&url), migrate(&url))?;
    migrate(&url).await?;
    connect(sandbox.postgres_server_url()).await?;
    Ok(())
}

#[tokio::test]
async fn a_database_without_a_schema_is_refused() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("unmigrated").await?;
    let refused = connect(sandbox.postgres_server_url()).await;
    ensure!(matches!(refused, Err(ConnectError::NoSchema { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_schema_of_a_version_that_does_not_fit_is_refused() -> anyhow::Result<()> {
    let database = Database::new("versions").await?;
    let owner = database.owner().await?;
    let url = database.sandbox.postgres_server_url();
    owner.execute("INSERT INTO refinery_schema_history SELECT version + 1, name, applied_on, checksum FROM refinery_schema_history ORDER BY version DESC LIMIT 1", &[]).await?;
    connect(url.clone()).await?;
    owner.execute("UPDATE schema_compat SET oldest = (SELECT max(version) FROM refinery_schema_history)", &[]).await?;
    let refused = connect(url.clone()).await;
    ensure!(matches!(refused, Err(ConnectError::SchemaAhead { found, oldest: _, needed }) if found == needed + 1), "{refused:?}");
    owner
        .execute("DELETE FROM refinery_schema_history WHERE version >= (SELECT max(version) - 1 FROM refinery_schema_history)", &[])
        .await?;
    let refused = connect(url).await;
    ensure!(matches!(&refused, Err(ConnectError::SchemaBehind { .. })), "{refused:?}");
    ensure!(refused.is_err_and(|error| error.to_string().contains("posthaste migrate")), "it says what to do");
    Ok(())
}

#[tokio::test]
async fn a_role_that_owns_the_log_is_refused() -> anyhow::Result<()> {
    let database = Database::new("owner").await?;
    let refused = connect(database.sandbox.postgres_owner_url()).await;
    ensure!(matches!(&refused, Err(ConnectError::Owner { role }) if role == "posthaste_owner"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn sessions_wait_for_the_disk_and_limit_their_statements() -> anyhow::Result<()> {
    let database = Database::new("sessions").await?;
    let client = database.postgres.pool().get().await?;
    for (setting, expected) in [("synchronous_commit", "on"), ("statement_timeout", "10s"), ("transaction_isolation", "read committed")] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await?;
        assert_eq!(row.get::<_, &str>(0), expected, "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn the_configuration_does_not_show_its_password() {
    let config = PostgresConfig::new("postgres://posthaste_server:hunter2@127.0.0.1/posthaste");
    assert!(!format!("{config:?}").contains("hunter2"));
}
