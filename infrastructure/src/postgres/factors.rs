//! Second factors.

use async_trait::async_trait;
use posthaste_application::port::factors::Factor;
use posthaste_application::port::sessions::Digest;
use posthaste_application::port::{Factors, PortError};
use posthaste_domain::{FactorId, UserId};
use tokio_postgres::Row;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const OFFER: Statement = statement!("factors_offer");
const FIND: Statement = statement!("factors_find");
const REPLACE: Statement = statement!("factors_replace");
const REMOVE: Statement = statement!("factors_remove");

/// The second factors in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgFactors(Postgres);

impl PgFactors {
    /// The second factors of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Factors for PgFactors {
    async fn offer(&self, factor: &Factor) -> Result<bool, PortError> {
        let Factor { id, user, sealed, enabled_at, used_step, recovery, revision } = factor;
        let (used_step, revision) = (used_step.map(rows::number).transpose()?, rows::number(*revision)?);
        let (user, id, recovery) = (user.uuid(), id.uuid(), recovery.concat());
        let kept = self.0.execute(OFFER, &[&user, &id, sealed, enabled_at, &used_step, &recovery, &revision]).await?;
        Ok(kept == 1)
    }

    async fn find(&self, user: UserId) -> Result<Option<Factor>, PortError> {
        self.0.query(FIND, &[&user.uuid()]).await?.first().map(|row| of_row(user, row)).transpose()
    }

    async fn replace(&self, factor: &Factor) -> Result<bool, PortError> {
        let Factor { id, user, sealed: _, enabled_at, used_step, recovery, revision } = factor;
        let (used_step, revision) = (used_step.map(rows::number).transpose()?, rows::number(*revision)?);
        let (user, id, recovery) = (user.uuid(), id.uuid(), recovery.concat());
        let replaced = self.0.execute(REPLACE, &[&user, &id, enabled_at, &used_step, &recovery, &revision]).await?;
        Ok(replaced == 1)
    }

    async fn remove(&self, user: UserId, factor: FactorId) -> Result<bool, PortError> {
        Ok(self.0.execute(REMOVE, &[&user.uuid(), &factor.uuid()]).await? == 1)
    }
}

fn of_row(user: UserId, row: &Row) -> Result<Factor, PortError> {
    let digest = |bytes: &[u8]| Digest::try_from(bytes).map_err(|error| PortError::corrupt("factors.recovery", error));
    let used_step: Option<i64> = rows::value(row, "used_step")?;
    Ok(Factor {
        id: FactorId::new(rows::value(row, "factor_id")?),
        user,
        sealed: rows::value(row, "sealed")?,
        enabled_at: rows::value(row, "enabled_at")?,
        used_step: used_step.map(u64::try_from).transpose().map_err(|error| PortError::corrupt("factors.used_step", error))?,
        recovery: rows::value::<&[u8]>(row, "recovery")?.chunks(size_of::<Digest>()).map(digest).collect::<Result<_, _>>()?,
        revision: rows::count(row, "revision")?,
    })
}
