//! A row of `view_entry` as what a user sees.

use posthaste_application::port::PortError;
use posthaste_application::view::{Entry, MessageEntry, Notice, Quote, ReactionCount, TimelineEntry};
use posthaste_domain::message::{Attachments, Forwarded, MessageContent};
use posthaste_domain::text::Emoji;
use posthaste_domain::{MessageId, ThreadId, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::super::rows;
use super::super::words;
use super::{small, text};

pub(super) fn entry(row: &Row) -> Result<TimelineEntry, PortError> {
    let entry = match rows::optional(row, "message_id")? {
        Some(id) => Entry::Message(Box::new(message(row, MessageId::new(id))?)),
        None => Entry::Notice(notice(row)?),
    };
    Ok(TimelineEntry {
        position: rows::position(row, "position")?,
        thread: ThreadId::new(rows::value(row, "thread_id")?),
        at: rows::value(row, "at")?,
        entry,
    })
}

fn message(row: &Row, message: MessageId) -> Result<MessageEntry, PortError> {
    let forwarded = rows::optional(row, "forwarded_message")?.zip(rows::optional(row, "forwarded_author")?);
    Ok(MessageEntry {
        message,
        author: UserId::new(rows::value(row, "by_user")?),
        content: content(row)?,
        deleted: rows::value(row, "deleted")?,
        revision: small(row, "revision")?,
        edited_at: rows::value(row, "edited_at")?,
        reply_to: rows::optional(row, "reply_to")?.map(|message| quote(row, MessageId::new(message))).transpose()?,
        mentions: users(row)?,
        forwarded: forwarded.map(|(message, author)| Forwarded { message: MessageId::new(message), author: UserId::new(author) }),
        pinned: rows::value(row, "pinned")?,
        reactions: reactions(row)?,
    })
}

/// There is a text, or there are files, or nothing is known.
fn content(row: &Row) -> Result<Option<MessageContent>, PortError> {
    let body = text(row, "body")?;
    let attachments: Option<&str> = rows::value(row, "attachments")?;
    let Some(attachments) = attachments else { return Ok(body.map(|text| MessageContent::Text { text })) };
    let attachments: Attachments = serde_json::from_str(attachments).map_err(|error| PortError::corrupt("attachments", error))?;
    Ok(Some(MessageContent::Attachments { attachments, text: body }))
}

fn quote(row: &Row, message: MessageId) -> Result<Quote, PortError> {
    Ok(Quote {
        message,
        author: rows::optional(row, "quote_author")?.map(UserId::new),
        text: rows::value(row, "quote_text")?,
        deleted: rows::value::<Option<bool>>(row, "quote_deleted")?.unwrap_or_default(),
    })
}

fn reactions(row: &Row) -> Result<Vec<ReactionCount>, PortError> {
    let Some(emojis) = rows::value::<Option<Vec<String>>>(row, "emojis")? else { return Ok(Vec::new()) };
    let (counts, mine): (Vec<i32>, Vec<bool>) = (rows::value(row, "counts")?, rows::value(row, "mine")?);
    let count = |((emoji, count), mine): ((String, i32), bool)| {
        let emoji = Emoji::try_from(emoji).map_err(|error| PortError::corrupt("emojis", error))?;
        Ok(ReactionCount { emoji, count: u32::try_from(count).map_err(|error| PortError::corrupt("counts", error))?, mine })
    };
    emojis.into_iter().zip(counts).zip(mine).map(count).collect()
}

fn notice(row: &Row) -> Result<Notice, PortError> {
    Ok(Notice {
        event: rows::value(row, "notice")?,
        by: UserId::new(rows::value(row, "by_user")?),
        users: users(row)?,
        count: small(row, "notice_count")?,
        role: rows::value::<Option<&str>>(row, "notice_role")?.map(words::parse_role).transpose()?,
        title: rows::value(row, "notice_title")?,
    })
}

fn users(row: &Row) -> Result<Vec<UserId>, PortError> {
    let users: Vec<Uuid> = rows::value(row, "users")?;
    Ok(users.into_iter().map(UserId::new).collect())
}
