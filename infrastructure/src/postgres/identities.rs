//! Identities.

use async_trait::async_trait;
use posthaste_application::port::identities::{Identity, Leaving};
use posthaste_application::port::{Identities, PortError};
use posthaste_domain::{IdentityId, UserId};
use tokio_postgres::Row;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const LINK: Statement = statement!("identities_link");
const FIND: Statement = statement!("identities_find");
const OF_USER: Statement = statement!("identities_of_user");
const UNLINK: Statement = statement!("identities_unlink");
const REMOVE: Statement = statement!("identities_remove");

/// The identities in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgIdentities(Postgres);

impl PgIdentities {
    /// The identities of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Identities for PgIdentities {
    async fn link(&self, identity: &Identity) -> Result<bool, PortError> {
        let Identity { id, issuer, subject, user, linked_at } = identity;
        Ok(self.0.execute(LINK, &[&id.uuid(), issuer, subject, &user.uuid(), linked_at]).await? == 1)
    }

    async fn find(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, PortError> {
        self.0.query(FIND, &[&issuer, &subject]).await?.first().map(of_row).transpose()
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Identity>, PortError> {
        let rows = self.0.query(OF_USER, &[&user.uuid()]).await?;
        let mut identities = rows.iter().map(of_row).collect::<Result<Vec<_>, _>>()?;
        identities.sort_unstable_by_key(|identity| (identity.linked_at, identity.id));
        Ok(identities)
    }

    async fn unlink(&self, user: UserId, identity: IdentityId, leaving: Leaving) -> Result<bool, PortError> {
        let more_than: i64 = match leaving {
            Leaving::Any => 0,
            Leaving::AnotherIdentity => 1,
        };
        Ok(self.0.execute(UNLINK, &[&user.uuid(), &identity.uuid(), &more_than]).await? == 1)
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        self.0.execute(REMOVE, &[&user.uuid()]).await.map(drop)
    }
}

fn of_row(row: &Row) -> Result<Identity, PortError> {
    Ok(Identity {
        id: IdentityId::new(rows::value(row, "identity_id")?),
        issuer: rows::value(row, "issuer")?,
        subject: rows::value(row, "subject")?,
        user: UserId::new(rows::value(row, "user_id")?),
        linked_at: rows::value(row, "linked_at")?,
    })
}
