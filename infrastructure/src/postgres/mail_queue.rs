//! The queue of mails.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::mail_queue::{DeadMail, KEPT, MailQueueStatus, MailSettlement, OwedMail, TakenMail};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::port::{MailQueue, PortError};
use posthaste_domain::text::Email;
use tokio_postgres::Row;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::error::SERVICE;
use super::rows;

const PUT: Statement = statement!("mail_put");
const TAKE: Statement = statement!("mail_take");
const DONE: Statement = statement!("mail_done");
const RETRY: Statement = statement!("mail_retry");
const BURY: Statement = statement!("mail_bury");
const REMOVE: Statement = statement!("mail_remove");
const DEAD: Statement = statement!("mail_dead");
const STATUS: Statement = statement!("mail_status");

/// The queue in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgMailQueue(Postgres);

impl PgMailQueue {
    /// The queue of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl MailQueue for PgMailQueue {
    async fn put(&self, mail: &OwedMail) -> Result<(), PortError> {
        let OwedMail { id, purpose, to, queued_at } = mail;
        self.0.execute(PUT, &[id, &purpose.as_str(), &to.as_str(), &to.folded(), queued_at]).await.map(drop)
    }

    async fn take(&self, now: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Result<Vec<TakenMail>, PortError> {
        let rows = self.0.query(TAKE, &[&now, &until, &limit(most)?]).await?;
        rows.iter().map(taken).collect()
    }

    async fn settle(&self, taken: &TakenMail, came: &MailSettlement) -> Result<bool, PortError> {
        let (id, tries) = (taken.mail.id, i32::try_from(taken.tries).map_err(|error| PortError::rejected(SERVICE, error))?);
        let settled = match came {
            MailSettlement::Done => self.0.execute(DONE, &[&id, &tries]).await?,
            MailSettlement::Retry { due_at } => self.0.execute(RETRY, &[&id, &tries, due_at]).await?,
            MailSettlement::Dead { reason, at } => self.0.execute(BURY, &[&id, &tries, at, reason, &(*at - KEPT)]).await?,
        };
        Ok(settled == 1)
    }

    async fn remove(&self, to: &Email) -> Result<(), PortError> {
        self.0.execute(REMOVE, &[&to.folded()]).await.map(drop)
    }

    async fn dead(&self, most: usize) -> Result<Vec<DeadMail>, PortError> {
        let dead = |row: &Row| {
            Ok(DeadMail {
                id: rows::value(row, "mail_id")?,
                purpose: purpose(row)?,
                queued_at: rows::value(row, "queued_at")?,
                died_at: rows::value(row, "died_at")?,
                tries: rows::small(row, "tries")?,
                reason: rows::value(row, "reason")?,
            })
        };
        self.0.query(DEAD, &[&limit(most)?]).await?.iter().map(dead).collect()
    }

    async fn status(&self) -> Result<MailQueueStatus, PortError> {
        let rows = self.0.query(STATUS, &[]).await?;
        let row = rows::only(&rows, "mail_queue")?;
        Ok(MailQueueStatus { waiting: rows::count(row, "waiting")?, oldest: rows::value(row, "oldest")?, dead: rows::count(row, "dead")? })
    }
}

fn limit(most: usize) -> Result<i64, PortError> {
    i64::try_from(most).map_err(|error| PortError::rejected(SERVICE, error))
}

fn taken(row: &Row) -> Result<TakenMail, PortError> {
    let to = Email::parse(rows::value(row, "address")?).map_err(|error| PortError::corrupt("mail_queue.address", error))?;
    let mail = OwedMail { id: rows::value(row, "mail_id")?, purpose: purpose(row)?, to, queued_at: rows::value(row, "queued_at")? };
    Ok(TakenMail { mail, tries: rows::small(row, "tries")? })
}

fn purpose(row: &Row) -> Result<Purpose, PortError> {
    Purpose::stored(rows::value(row, "purpose")?, "mail_queue.purpose")
}
