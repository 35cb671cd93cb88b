use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use posthaste_application::view::{Direction, TimelineEntry, TimelinePage, ViewName};
use posthaste_domain::message::MessageRefusal;
use posthaste_domain::{MessageId, Refusal, ThreadId, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::entry::Entry;
use super::page::{Asked, Key as _, cursor};
use super::problem::{ApiError, Failed, failures};

pub(super) struct History;

/// A page of a thread's history.
#[derive(Object)]
#[oai(rename = "HistoryPage", example)]
struct Stretch {
    /// The entries, newest first.
    items: Vec<Entry>,
    /// Pass it as `before` for what is older; null when nothing is.
    next: Option<String>,
    /// Pass it as `since` for what is newer; null when nothing was yet.
    previous: Option<String>,
}

impl Example for Stretch {
    fn example() -> Self {
        Self { items: vec![Entry::example()], next: Some("41".to_owned()), previous: None }
    }
}

failures! {
    HistoryFailures = BEARER VIEW [
        403: "`not_member`: you may know of this thread, and are not in it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or the message in `around` is not in it, or not for you to see. \
              Which of it is not told.",
    ]
}

/// Which part of a history is asked for.
#[derive(Clone, Copy)]
enum Part {
    /// The newest entries.
    Top,
    /// The newest below this position.
    Before(Position),
    /// The oldest above this position.
    Since(Position),
    /// Half of the page below this position, half from it on.
    Around(Position),
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl History {
    /// Read a thread's history
    ///
    /// Messages, and what the server has to say about the thread, newest first. At most one of `before`, `since`, `around` and `at` says which
    /// part; the newest when there is none. Only members may ask, and they see what their time in the thread and its history setting allow.
    #[oai(path = "/threads/:thread/messages", method = "get", operation_id = "list_messages")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// What is older than a page: its `next`.
        before: Query<Option<String>>,
        /// What is newer than a page, beginning with the oldest of it: its `previous`.
        since: Query<Option<String>>,
        /// What is around this message: it, and half of the page on each side.
        around: Query<Option<Uuid>>,
        /// What is around this time: half of the page on each side of it.
        at: Query<Option<DateTime<Utc>>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Stretch>, Failed<HistoryFailures>> {
        let (thread, user) = (ThreadId::new(thread.0), token.0.user);
        let views = [ViewName::Threads, ViewName::Timeline];
        let given = [before.0.is_some(), since.0.is_some(), around.0.is_some(), at.0.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(Problem::with(Code::Validation, "at most one of `before`, `since`, `around` and `at` can be given").into());
        }
        let since = since.0.map(|text| cursor("since", &text)).transpose()?;
        let asked = Asked::<Position>::new(before.0, limit.0)?;
        call.reached(&views, after.0).await?;
        call.admit(&token, thread).await?;
        let part = match (asked.before(), since, around.0, at.0) {
            (Some(before), ..) => Part::Before(before),
            (None, Some(since), ..) => Part::Since(since),
            (None, None, Some(around), _) => {
                let found = call.find(&token, MessageId::new(around)).await?;
                if found.thread != thread {
                    return Err(Refusal::from(MessageRefusal::NotFound).into());
                }
                call.reached(&views, Some(found.position.0)).await?;
                Part::Around(found.position)
            }
            (None, None, None, Some(at)) => {
                // After the last entry there is only one side.
                call.app.ports.views.position_at(user, thread, at).await?.map_or(Part::Top, Part::Around)
            }
            (None, None, None, None) => Part::Top,
        };
        // The limit without the one that tells whether there are more.
        Ok(Read { call: &call, user, thread }.part(part, asked.limit() - 1).await?.into())
    }
}

struct Read<'a> {
    call: &'a Call,
    user: UserId,
    thread: ThreadId,
}

impl Read<'_> {
    async fn part(&self, part: Part, limit: usize) -> Result<Stretch, ApiError> {
        match part {
            Part::Top => {
                let (items, next) = self.older(None, limit).await?;
                Ok(stretch(items, next, None))
            }
            // What the other way gives is just what this way does not.
            Part::Before(position) => {
                let (items, next) = self.older(Some(position), limit).await?;
                Ok(stretch(items, next, position.0.checked_sub(1).map(Position)))
            }
            Part::Since(position) => {
                let (items, previous) = self.newer(position, limit).await?;
                Ok(stretch(items, position.0.checked_add(1).map(Position), previous))
            }
            Part::Around(position) => {
                let below = limit / 2;
                let (older, next) = self.older(Some(position), below).await?;
                let (mut items, previous) = self.newer(Position(position.0.saturating_sub(1)), limit - below).await?;
                items.extend(older);
                Ok(stretch(items, next, previous))
            }
        }
    }

    /// The newest entries below a position, and what they leave out is below the second.
    async fn older(&self, before: Option<Position>, limit: usize) -> Result<(Vec<TimelineEntry>, Option<Position>), ApiError> {
        let mut entries = self.entries(Direction::Before(before), limit + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().map(|entry| entry.position).or(before);
        Ok((entries, last.filter(|_| more)))
    }

    /// The oldest entries above a position, and what they leave out is above the second.
    async fn newer(&self, since: Position, limit: usize) -> Result<(Vec<TimelineEntry>, Option<Position>), ApiError> {
        let mut entries = self.entries(Direction::Since(since), limit + 1).await?;
        let more = entries.len() > limit;
        // They come newest first.
        entries.drain(..entries.len().saturating_sub(limit));
        let first = entries.first().map_or(since, |entry| entry.position);
        Ok((entries, Some(first).filter(|_| more)))
    }

    async fn entries(&self, direction: Direction, limit: usize) -> Result<Vec<TimelineEntry>, ApiError> {
        Ok(self.call.app.ports.views.timeline(self.user, self.thread, TimelinePage { direction, limit }).await?)
    }
}

fn stretch(items: Vec<TimelineEntry>, next: Option<Position>, previous: Option<Position>) -> Stretch {
    let show = |position: Position| position.show();
    Stretch { items: items.into_iter().map(Entry::from).collect(), next: next.map(show), previous: previous.map(show) }
}
