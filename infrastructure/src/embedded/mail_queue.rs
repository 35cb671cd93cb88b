//! The queue of mails in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::mail_queue::{DeadMail, KEPT, MailQueueStatus, MailSettlement, OwedMail, TakenMail};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::port::{MailQueue, PortError};
use posthaste_domain::text::Email;
use rusqlite::{Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, limit};
use super::statements;

/// The queue of the embedded profile. What was put in is on the disk when that is answered; what is lost of the rest is done again.
pub struct SqliteMailQueue {
    database: Arc<Database>,
}

impl SqliteMailQueue {
    /// The queue in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl MailQueue for SqliteMailQueue {
    async fn put(&self, mail: &OwedMail) -> Result<(), PortError> {
        let mail = mail.clone();
        let put = move |transaction: &Transaction<'_>| {
            let OwedMail { id, purpose, to, queued_at } = mail;
            let mut insert = transaction.prepare_cached(statements::MAIL_PUT)?;
            insert.execute(params![id.as_bytes(), purpose.as_str(), to.as_str(), to.folded(), queued_at.timestamp_micros()])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, put).await
    }

    async fn take(&self, now: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Result<Vec<TakenMail>, PortError> {
        // Mostly there is nothing, and whoever looks does not keep those waiting who write.
        let is_due = move |snapshot: &Transaction<'_>| Ok(!due(snapshot, now, 1)?.is_empty());
        if !self.database.readers().read(is_due).await? {
            return Ok(Vec::new());
        }
        let take = move |transaction: &Transaction<'_>| {
            let mut taken = due(transaction, now, most)?;
            let mut update = transaction.prepare_cached(statements::MAIL_TAKE)?;
            for mail in &mut taken {
                update.execute(params![mail.mail.id.as_bytes(), until.timestamp_micros()])?;
                mail.tries += 1;
            }
            Ok(taken)
        };
        self.database.writer()?.write(Durability::Process, take).await
    }

    async fn settle(&self, taken: &TakenMail, came: &MailSettlement) -> Result<bool, PortError> {
        let (id, tries, came) = (taken.mail.id, taken.tries, came.clone());
        let settle = move |transaction: &Transaction<'_>| {
            let settled = match came {
                MailSettlement::Done => transaction.prepare_cached(statements::MAIL_DONE)?.execute(params![id.as_bytes(), tries])?,
                MailSettlement::Retry { due_at } => {
                    let mut retry = transaction.prepare_cached(statements::MAIL_RETRY)?;
                    retry.execute(params![id.as_bytes(), tries, due_at.timestamp_micros()])?
                }
                MailSettlement::Dead { reason, at } => {
                    transaction.prepare_cached(statements::MAIL_FORGET)?.execute([(at - KEPT).timestamp_micros()])?;
                    let mut bury = transaction.prepare_cached(statements::MAIL_BURY)?;
                    bury.execute(params![id.as_bytes(), tries, at.timestamp_micros(), reason])?
                }
            };
            Ok(settled == 1)
        };
        self.database.writer()?.write(Durability::Process, settle).await
    }

    async fn remove(&self, to: &Email) -> Result<(), PortError> {
        let folded = to.folded();
        let remove = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::MAIL_REMOVE)?.execute([folded])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }

    async fn dead(&self, most: usize) -> Result<Vec<DeadMail>, PortError> {
        let dead = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::MAIL_DEAD)?;
            let mut rows = statement.query([limit(most)])?;
            let mut dead = Vec::new();
            while let Some(row) = rows.next()? {
                let (Id(id), Micros(queued_at), Micros(died_at)) = (row.get(0)?, row.get(2)?, row.get(3)?);
                dead.push(DeadMail { id, purpose: purpose(row, 1)?, queued_at, died_at, tries: row.get(4)?, reason: row.get(5)? });
            }
            Ok(dead)
        };
        self.database.readers().read(dead).await
    }

    async fn status(&self) -> Result<MailQueueStatus, PortError> {
        let status = |snapshot: &Transaction<'_>| {
            let status = snapshot.prepare_cached(statements::MAIL_STATUS)?.query_row([], |row| {
                let (Unsigned(waiting), Unsigned(dead)) = (row.get(0)?, row.get(2)?);
                let oldest = row.get::<_, Option<Micros>>(1)?.map(|Micros(oldest)| oldest);
                Ok(MailQueueStatus { waiting, oldest, dead })
            });
            Ok(status?)
        };
        self.database.readers().read(status).await
    }
}

/// What is due, as it was before it is taken.
fn due(transaction: &Transaction<'_>, now: DateTime<Utc>, most: usize) -> Result<Vec<TakenMail>, Failure> {
    let mut statement = transaction.prepare_cached(statements::MAIL_DUE)?;
    let mut rows = statement.query(params![now.timestamp_micros(), limit(most)])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let (Id(id), address, Micros(queued_at)) = (row.get(0)?, row.get::<_, String>(2)?, row.get(3)?);
        let to = Email::try_from(address).map_err(|error| PortError::corrupt("mail_queue.address", error))?;
        due.push(TakenMail { mail: OwedMail { id, purpose: purpose(row, 1)?, to, queued_at }, tries: row.get(4)? });
    }
    Ok(due)
}

fn purpose(row: &Row<'_>, column: usize) -> Result<Purpose, Failure> {
    Ok(Purpose::stored(&row.get::<_, String>(column)?, "mail_queue.purpose")?)
}
