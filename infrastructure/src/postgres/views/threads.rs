//! Each user's threads, newest activity first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::timeline::text;
use posthaste_application::view::{LastMessage, Page, ThreadSummary};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Event, ThreadId, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::bounds;
use super::projection::{Step, unreadable};

const LIST: Statement = statement!("views_threads");
const APPLY: Statement = statement!("views_threads_apply");

/// Threads opened in a batch, as columns.
#[derive(Default)]
struct Opened {
    threads: Vec<Uuid>,
    low_users: Vec<Uuid>,
    high_users: Vec<Uuid>,
    positions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
}

struct Message {
    position: i64,
    at: DateTime<Utc>,
    author: Uuid,
    body: Option<String>,
}

/// The last messages of threads, as columns.
#[derive(Default)]
struct Posted {
    threads: Vec<Uuid>,
    positions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    authors: Vec<Uuid>,
    bodies: Vec<Option<String>>,
}

impl FromIterator<(Uuid, Message)> for Posted {
    fn from_iter<I: IntoIterator<Item = (Uuid, Message)>>(messages: I) -> Self {
        let mut posted = Self::default();
        for (thread, message) in messages {
            posted.threads.push(thread);
            posted.positions.push(message.position);
            posted.times.push(message.at);
            posted.authors.push(message.author);
            posted.bodies.push(message.body);
        }
        posted
    }
}

pub(super) async fn apply(step: Step<'_>, events: &[Recorded]) -> Result<bool, PortError> {
    let mut opened = Opened::default();
    let mut last_messages = HashMap::new();
    for recorded in events {
        let (position, at) = (rows::number(recorded.position.0)?, recorded.at);
        match recorded.event().map_err(unreadable)? {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) => {
                let [low, high] = pair.users();
                opened.threads.push(thread.uuid());
                opened.low_users.push(low.uuid());
                opened.high_users.push(high.uuid());
                opened.positions.push(position);
                opened.times.push(at);
            }
            Event::Message(MessageEvent::Posted { thread, author, content, .. }) => {
                last_messages.insert(thread.uuid(), Message { position, at, author: author.uuid(), body: text(&content) });
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) => {}
        }
    }
    let o = &opened;
    let p = &last_messages.into_iter().collect::<Posted>();
    let columns: [&(dyn ToSql + Sync); 10] =
        [&o.threads, &o.low_users, &o.high_users, &o.positions, &o.times, &p.threads, &p.positions, &p.times, &p.authors, &p.bodies];
    step.run(APPLY, &columns).await
}

pub(super) async fn list(postgres: &Postgres, user: UserId, page: Page) -> Result<Vec<ThreadSummary>, PortError> {
    let (before, limit) = bounds(page);
    postgres.query(LIST, &[&user.uuid(), &before, &limit]).await?.iter().map(summary).collect()
}

fn summary(row: &Row) -> Result<ThreadSummary, PortError> {
    let last_message = rows::optional_position(row, "message_position")?
        .map(|position| {
            let author = UserId::new(rows::value(row, "message_author")?);
            Ok::<_, PortError>(LastMessage { position, author, text: rows::value(row, "message_text")? })
        })
        .transpose()?;
    Ok(ThreadSummary {
        thread: ThreadId::new(rows::value(row, "thread_id")?),
        members: [UserId::new(rows::value(row, "low_user")?), UserId::new(rows::value(row, "high_user")?)],
        activity: rows::position(row, "activity")?,
        active_at: rows::value(row, "active_at")?,
        last_message,
    })
}
