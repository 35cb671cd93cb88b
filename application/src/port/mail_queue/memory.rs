//! The queue in memory, for tests of what is done with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::{DeadMail, KEPT, MailQueue, MailQueueStatus, MailSettlement, OwedMail, TakenMail};
use crate::port::PortError;

#[derive(Debug)]
struct Row {
    taken: TakenMail,
    due_at: DateTime<Utc>,
    dead: Option<(DateTime<Utc>, String)>,
}

/// Remembers mails.
#[derive(Debug, Default)]
pub struct MemoryMailQueue(Mutex<HashMap<Uuid, Row>>);

impl MemoryMailQueue {
    fn rows(&self) -> MutexGuard<'_, HashMap<Uuid, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MailQueue for MemoryMailQueue {
    async fn put(&self, mail: &OwedMail) -> Result<(), PortError> {
        let row = Row { taken: TakenMail { mail: mail.clone(), tries: 0 }, due_at: mail.queued_at, dead: None };
        let mut rows = self.rows();
        let same = |of: &OwedMail| of.purpose == mail.purpose && of.to.folded() == mail.to.folded();
        if !rows.values().any(|row| row.dead.is_none() && same(&row.taken.mail)) {
            rows.insert(mail.id, row);
        }
        Ok(())
    }

    async fn take(&self, now: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Result<Vec<TakenMail>, PortError> {
        let mut rows = self.rows();
        let mut due: Vec<_> = rows.values_mut().filter(|row| row.dead.is_none() && row.due_at <= now).collect();
        due.sort_unstable_by_key(|row| (row.due_at, row.taken.mail.id));
        let take = |row: &mut Row| {
            row.taken.tries += 1;
            row.due_at = until;
            row.taken.clone()
        };
        Ok(due.into_iter().take(most).map(take).collect())
    }

    async fn settle(&self, taken: &TakenMail, came: &MailSettlement) -> Result<bool, PortError> {
        let mut rows = self.rows();
        let current = |row: &&mut Row| row.dead.is_none() && row.taken.tries == taken.tries;
        let Some(row) = rows.get_mut(&taken.mail.id).filter(current) else { return Ok(false) };
        match came {
            MailSettlement::Done => drop(rows.remove(&taken.mail.id)),
            MailSettlement::Retry { due_at } => row.due_at = *due_at,
            MailSettlement::Dead { reason, at } => {
                row.dead = Some((*at, reason.clone()));
                rows.retain(|_, row| row.dead.as_ref().is_none_or(|(died_at, _)| *died_at > *at - KEPT));
            }
        }
        Ok(true)
    }

    async fn remove(&self, to: &Email) -> Result<(), PortError> {
        self.rows().retain(|_, row| row.taken.mail.to.folded() != to.folded());
        Ok(())
    }

    async fn dead(&self, most: usize) -> Result<Vec<DeadMail>, PortError> {
        let rows = self.rows();
        let dead = rows.values().filter_map(|Row { taken: TakenMail { mail, tries }, dead, .. }| {
            let (died_at, reason) = dead.clone()?;
            let OwedMail { id, purpose, queued_at, to: _ } = mail.clone();
            Some(DeadMail { id, purpose, queued_at, died_at, tries: *tries, reason })
        });
        let mut dead: Vec<_> = dead.collect();
        dead.sort_unstable_by_key(|dead| std::cmp::Reverse((dead.died_at, dead.id)));
        dead.truncate(most);
        Ok(dead)
    }

    async fn status(&self) -> Result<MailQueueStatus, PortError> {
        let rows = self.rows();
        let waiting = || rows.values().filter(|row| row.dead.is_none());
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let oldest = waiting().map(|row| row.taken.mail.queued_at).min();
        Ok(MailQueueStatus { waiting: count(waiting().count()), oldest, dead: count(rows.len() - waiting().count()) })
    }
}
