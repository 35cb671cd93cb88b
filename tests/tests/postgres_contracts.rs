//! The contracts of the ports, on PostgreSQL.

use std::sync::Arc;

use posthaste_application::port::dead::contract::Store as DeadStore;
use posthaste_application::port::import::contract::Store;
use posthaste_application::port::{
    Accounts, ContentKeys, Cursors, EventLog, Factors, Identities, MailQueue, OneTimeTokens, Passcodes, Passkeys, RelayLease, Sessions,
    Webhooks,
};
use posthaste_infrastructure::postgres::{
    PgAccounts, PgCursors, PgDeadLetters, PgFactors, PgIdentities, PgImport, PgKeys, PgLease, PgLog, PgMailQueue, PgOneTimeTokens,
    PgPasscodes, PgPasskeys, PgProjection, PgRebuilds, PgSessions, PgWebhooks, Postgres,
};
use posthaste_tests::Database;

async fn database(test: &str) -> (Postgres, Database) {
    let database = Database::new(test).await.expect("a database");
    (database.postgres.clone(), database)
}

mod log {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn EventLog>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgLog::new(postgres)), database)
    }

    posthaste_application::log_contract!(fresh);
}

mod cursors {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Cursors>, Arc<dyn EventLog>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgCursors::new(postgres.clone())), Arc::new(PgLog::new(postgres)), database)
    }

    posthaste_application::cursors_contract!(fresh);
}

mod sessions {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Sessions>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgSessions::new(postgres)), database)
    }

    posthaste_application::sessions_contract!(fresh);
}

mod one_time {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn OneTimeTokens>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgOneTimeTokens::new(postgres)), database)
    }

    posthaste_application::one_time_contract!(fresh);
}

mod mail_queue {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn MailQueue>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgMailQueue::new(postgres)), database)
    }

    posthaste_application::mail_queue_contract!(fresh);
}

mod lease {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn RelayLease>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgLease::new(postgres)), database)
    }

    posthaste_application::lease_contract!(fresh);
}

mod import {
    use super::*;

    async fn fresh(test: &str) -> (Store, Database) {
        let (postgres, database) = database(test).await;
        let import = PgImport::new(&database.sandbox.postgres_owner_url()).expect("a URL");
        let store = Store {
            import: Arc::new(import),
            log: Arc::new(PgLog::new(postgres.clone())),
            relay: Arc::new(PgLease::new(postgres.clone())),
            webhooks: Arc::new(PgWebhooks::new(postgres)),
        };
        (store, database)
    }

    posthaste_application::import_contract!(fresh);
}

mod dead {
    use super::*;

    async fn fresh(test: &str) -> (DeadStore, Database) {
        let (postgres, database) = database(test).await;
        let store = DeadStore {
            dead: Arc::new(PgDeadLetters::new(postgres.clone())),
            log: Arc::new(PgLog::new(postgres.clone())),
            webhooks: Arc::new(PgWebhooks::new(postgres.clone())),
            projections: PgProjection::all(&postgres),
            rebuilds: Arc::new(PgRebuilds::new(postgres)),
        };
        (store, database)
    }

    posthaste_application::dead_contract!(fresh);
}

mod accounts {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Accounts>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgAccounts::new(postgres)), database)
    }

    posthaste_application::accounts_contract!(fresh);
}

mod keys {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn ContentKeys>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgKeys::new(postgres)), database)
    }

    posthaste_application::content_keys_contract!(fresh);
}

mod passkeys {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Passkeys>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgPasskeys::new(postgres)), database)
    }

    posthaste_application::passkeys_contract!(fresh);
}

mod factors {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Factors>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgFactors::new(postgres)), database)
    }

    posthaste_application::factors_contract!(fresh);
}

mod identities {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Identities>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgIdentities::new(postgres)), database)
    }

    posthaste_application::identities_contract!(fresh);
}

mod passcodes {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Passcodes>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgPasscodes::new(postgres)), database)
    }

    posthaste_application::passcodes_contract!(fresh);
}

mod webhooks {
    use super::*;

    async fn fresh(test: &str) -> (Arc<dyn Webhooks>, Database) {
        let (postgres, database) = database(test).await;
        (Arc::new(PgWebhooks::new(postgres)), database)
    }

    posthaste_application::webhooks_contract!(fresh);
}
