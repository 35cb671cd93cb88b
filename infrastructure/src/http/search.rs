use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use posthaste_application::view::{self, Entry, TimelineEntry, ViewName, snippet};
use posthaste_domain::ThreadId;
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::entry::Message;
use super::page::{Asked, Items};
use super::problem::{ApiError, Failed, failures};

pub(super) struct Search;

/// A message that was found.
#[derive(Object)]
#[oai(example)]
struct Found {
    /// The part of it around the first word that was found, at most 160 characters.
    snippet: String,
    /// The message.
    message: Message,
}

impl Example for Found {
    fn example() -> Self {
        Self { snippet: "See you at eight.".to_owned(), message: Message::example() }
    }
}

failures! { ThreadFailures = BEARER MEMBER VIEW }
failures! { AllFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Search {
    /// Search a thread
    ///
    /// The messages that you see and that have every word, in any case; the last one may be the beginning of a word. The newest first. Only
    /// members may ask.
    #[oai(path = "/threads/:thread/search", method = "get", operation_id = "search_thread")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn thread(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The words: letters and digits in a row.
        #[oai(validator(max_length = 500))]
        q: Query<String>,
        /// The `next` of the page before.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Found>>, Failed<ThreadFailures>> {
        let (search, asked, thread) = (words(&q.0)?, Asked::new(before.0, limit.0)?, ThreadId::new(thread.0));
        call.reached(&[ViewName::Threads, ViewName::Timeline], after.0).await?;
        call.admit(&token, thread).await?;
        Ok(find(&call, &token, Some(thread), &search, asked).await?.into())
    }

    /// Search my threads
    ///
    /// As in one thread, over all that you are in.
    #[oai(path = "/search", method = "get", operation_id = "search")]
    async fn all(
        &self,
        token: AccessToken,
        call: Call,
        /// The words: letters and digits in a row.
        #[oai(validator(max_length = 500))]
        q: Query<String>,
        /// The `next` of the page before.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Found>>, Failed<AllFailures>> {
        let (search, asked) = (words(&q.0)?, Asked::new(before.0, limit.0)?);
        call.reached(&[ViewName::Threads, ViewName::Timeline], after.0).await?;
        Ok(find(&call, &token, None, &search, asked).await?.into())
    }
}

fn words(q: &str) -> Result<view::Search, ApiError> {
    view::Search::parse(q).ok_or_else(|| Problem::with(Code::Validation, "`q` must have a word in it").into())
}

async fn find(
    call: &Call,
    token: &AccessToken,
    thread: Option<ThreadId>,
    search: &view::Search,
    asked: Asked,
) -> Result<Items<Found>, ApiError> {
    let entries = call.app.ports.views.search(token.0.user, thread, search, asked.page()).await?;
    let found = entries.into_iter().filter_map(|entry| show(entry, search)).collect();
    Ok(Items::of(asked, found, |(position, _)| *position, |(_, found)| found))
}

/// An entry as it is shown: only messages have words.
fn show(entry: TimelineEntry, search: &view::Search) -> Option<(Position, Found)> {
    let Entry::Message(message) = &entry.entry else { return None };
    let text = message.content.as_ref().and_then(|content| content.text());
    let snippet = text.map(|text| snippet(text.as_str(), search)).unwrap_or_default();
    let position = entry.position;
    Message::of(entry).map(|message| (position, Found { snippet, message }))
}
