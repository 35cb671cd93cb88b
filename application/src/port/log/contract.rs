//! What every event log does, as tests that any adapter runs:
//!
//! ```text
//! async fn fresh(test: &'static str) -> (Arc<dyn EventLog>, impl Sized) { /* an empty log, and what keeps it alive */ }
//! posthaste_application::log_contract!(fresh);
//! ```
#![allow(missing_docs, reason = "the names of the tests are sentences")]

mod appends;
mod audiences;
mod commands;
mod reads;
mod recipients;

use posthaste_domain::{Addressee, Category, CommandId, MembershipChange, ThreadId, UserId};
use uuid::Uuid;

pub use appends::*;
pub use audiences::*;
pub use commands::*;
pub use reads::*;
pub use recipients::*;

use super::{AppendRefused, EventLog};
use crate::recorded::{Append, Appended, Check, Expected, NewEvent, Position, Recorded, StreamId};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// log of its own (`Arc<dyn EventLog>`) and whatever must live as long as the log.
#[macro_export]
macro_rules! log_contract {
    ($fresh:path) => {
        $crate::log_contract! { $fresh =>
            the_first_event_is_recorded_at_position_one_and_comes_back_as_it_was
            facts_and_content_come_back_byte_for_byte
            an_empty_batch_is_answered_with_nothing
            what_was_recorded_is_given_as_it_is_read
            a_stale_writer_is_refused
            a_writer_from_the_future_is_refused
            a_stream_thought_new_that_exists_is_refused
            a_stream_that_was_only_read_is_checked
            the_first_of_the_checks_that_fails_is_named
            an_append_is_all_or_nothing
            one_append_records_events_of_several_streams_in_its_order
            a_refused_append_does_not_touch_its_neighbours
            a_later_append_of_a_batch_sees_an_earlier_one
            a_later_append_of_a_batch_is_checked_against_an_earlier_one
            positions_are_dense_after_refusals
            of_writers_racing_for_one_version_one_wins
            an_append_that_contradicts_itself_is_rejected_and_records_nothing
            a_repeated_command_gets_its_first_answer_for_ever
            a_repeated_command_is_not_checked_again
            a_command_twice_in_one_batch_is_recorded_once
            a_command_refused_once_can_be_recorded_later
            a_known_command_with_other_content_is_refused
            a_known_command_with_other_content_is_refused_within_one_batch
            a_command_sent_fifty_times_at_once_is_recorded_once
            a_command_queued_fifty_times_at_once_is_recorded_once
            a_queue_answers_each_append_with_its_own_outcome
            a_recorded_command_can_be_found
            the_log_is_read_in_order_up_to_a_limit
            a_stream_is_read_in_order_up_to_a_limit
            streams_of_different_categories_are_apart
            a_stream_of_an_unknown_category_is_a_stream_like_any_other
            an_empty_log_ends_at_the_start
            the_head_is_the_last_event
            the_hashes_chain_from_the_first_event_to_the_head
            a_reader_that_is_behind_does_not_wait
            a_waiting_reader_is_woken
            a_member_gets_a_threads_events_from_joining_to_leaving
            who_is_named_gets_the_event_without_being_a_member
            an_event_owed_twice_comes_once
            what_is_owed_is_read_between_two_positions_up_to_a_limit
            whom_events_name_is_told_by_their_positions
            memberships_are_windows_in_the_order_of_joining
            whoever_was_never_in_a_thread_has_no_memberships
            the_windows_of_one_thread_are_those_of_the_memberships
            the_events_that_deleted_messages_are_found_by_their_streams
            what_is_owed_is_what_a_fold_over_the_log_says
            the_members_of_a_thread_at_a_position_are_those_from_joining_to_leaving
            the_members_of_a_thread_are_read_in_pages
            the_members_at_a_position_are_those_it_is_owed_to
            a_reading_is_the_first_that_went_as_far
            readings_are_of_the_thread_and_the_users_asked_for
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (log, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::log::contract::$behaviour(log).await;
            }
        )+
    };
}

fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(kind, n)
}

fn command(n: u64) -> CommandId {
    CommandId::new(id(1, n))
}

fn user(n: u64) -> UserId {
    UserId::new(id(2, n))
}

fn thread(n: u64) -> ThreadId {
    ThreadId::new(id(3, n))
}

fn stream(n: u64) -> StreamId {
    StreamId { category: Category::Message, id: id(4, n) }
}

/// An append in the making, under the n-th command.
struct Draft(Append);

impl Draft {
    fn new(n: u64) -> Self {
        Self(Append {
            command: command(n),
            fingerprint: [1; 32],
            actor: Some(user(1)),
            correlation: id(5, n),
            causation: None,
            checks: Vec::new(),
            events: Vec::new(),
            unsealed: None,
        })
    }

    /// Rests on the version of a stream.
    fn on(mut self, stream: StreamId, version: u64) -> Self {
        self.0.checks.push(Check { stream, expected: Expected::of(version) });
        self
    }

    /// One more event of a stream it rests on.
    fn event(mut self, stream: StreamId) -> Self {
        let check = self.0.checks.iter().find(|check| check.stream == stream).expect("a check of the stream");
        let before = self.0.events.iter().filter(|event| event.stream == stream).count() as u64;
        self.0.events.push(NewEvent {
            stream,
            version: check.expected.version() + before + 1,
            event_type: format!("{}.posted", stream.category),
            schema: 1,
            facts: format!("{{\"command\":\"{}\",\"event\":{}}}", self.0.command, self.0.events.len()),
            content: None,
            owner: None,
            thread: None,
            addressees: Vec::new(),
        });
        self
    }

    fn last(&mut self) -> &mut NewEvent {
        self.0.events.last_mut().expect("an event")
    }

    /// The last event goes to the members of a thread.
    fn in_thread(mut self, thread: ThreadId) -> Self {
        self.last().thread = Some(thread);
        self
    }

    /// The last event names a user.
    fn to(mut self, user: UserId, change: Option<MembershipChange>) -> Self {
        self.last().addressees.push(Addressee { user, change });
        self
    }
}

/// One event that makes a stream of this version one longer, under the n-th command.
fn one(n: u64, stream: StreamId, version: u64) -> Append {
    Draft::new(n).on(stream, version).event(stream).0
}

/// Records an append by itself.
async fn record(log: &dyn EventLog, append: Append) -> Result<Appended, AppendRefused> {
    let mut answers = log.append(&[append]).await.expect("the log takes the batch");
    assert_eq!(answers.len(), 1, "one answer for one append");
    answers.remove(0)
}

/// Records `count` events of one stream, one append each, from the start of both; commands count from `first`.
async fn fill(log: &dyn EventLog, first: u64, stream: StreamId, count: u64) {
    let batch: Vec<_> = (0..count).map(|n| one(first + n, stream, n)).collect();
    let answers = log.append(&batch).await.expect("the log takes the batch");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

async fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    log.read(Position::START, 10_000).await.expect("the log can be read")
}

async fn head(log: &dyn EventLog) -> u64 {
    log.head().await.expect("the log has a head").position.0
}

fn positions(events: &[Recorded]) -> Vec<u64> {
    events.iter().map(|event| event.position.0).collect()
}

/// What a new append is answered.
const fn at(first: u64, last: u64) -> Appended {
    Appended { first: Position(first), last: Position(last), repeated: false }
}

/// What it is answered when it comes again.
const fn again(first: u64, last: u64) -> Appended {
    Appended { first: Position(first), last: Position(last), repeated: true }
}

const fn moved(stream: StreamId, expected: u64, actual: u64) -> AppendRefused {
    AppendRefused::Moved { stream, expected, actual }
}
