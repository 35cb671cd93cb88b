//! The messages of each thread.

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::{Page, TimelineEntry, timeline::text};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::{Event, MessageId, ThreadId, UserId};
use uuid::Uuid;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::bounds;
use super::projection::{Step, unreadable};

const PAGE: Statement = statement!("views_timeline");
const APPLY: Statement = statement!("views_timeline_apply");

/// Messages posted in a batch, as columns.
#[derive(Default)]
struct Posted {
    threads: Vec<Uuid>,
    positions: Vec<i64>,
    messages: Vec<Uuid>,
    authors: Vec<Uuid>,
    times: Vec<DateTime<Utc>>,
    bodies: Vec<Option<String>>,
}

pub(super) async fn apply(step: Step<'_>, events: &[Recorded]) -> Result<bool, PortError> {
    let mut posted = Posted::default();
    for recorded in events {
        match recorded.event().map_err(unreadable)? {
            Event::Message(MessageEvent::Posted { message, thread, author, content }) => {
                posted.threads.push(thread.uuid());
                posted.positions.push(rows::number(recorded.position.0)?);
                posted.messages.push(message.uuid());
                posted.authors.push(author.uuid());
                posted.times.push(recorded.at);
                posted.bodies.push(text(&content));
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Thread(_) => {}
        }
    }
    let Posted { threads, positions, messages, authors, times, bodies } = &posted;
    step.run(APPLY, &[threads, positions, messages, authors, times, bodies]).await
}

pub(super) async fn page(postgres: &Postgres, thread: ThreadId, page: Page) -> Result<Vec<TimelineEntry>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(PAGE, &[&thread.uuid(), &before, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(TimelineEntry {
                position: rows::position(row, "position")?,
                message: MessageId::new(rows::value(row, "message_id")?),
                thread,
                author: UserId::new(rows::value(row, "author")?),
                text: rows::value(row, "body")?,
                at: rows::value(row, "posted_at")?,
            })
        })
        .collect()
}
