//! A batch of appends as `append_events` takes it: columns, and what they have in common once.

use std::collections::HashMap;
use std::hash::Hash as HashKey;

use chrono::{DateTime, Utc};
use posthaste_application::chain;
use posthaste_application::port::PortError;
use posthaste_application::port::log::{AppendRefused, Recording};
use posthaste_application::recorded::{Append, Appended, Check, Hash, Position, Recorded};
use posthaste_domain::MembershipChange;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::error::SERVICE;
use crate::postgres::rows::{self, number};

/// Different things and their places, from 1, in the order in which they were first seen.
struct Places<T> {
    places: HashMap<T, i32>,
}

impl<T: HashKey + Eq> Places<T> {
    fn with_capacity(capacity: usize) -> Self {
        Self { places: HashMap::with_capacity(capacity) }
    }

    /// The place of something, and whether it is new.
    fn of(&mut self, thing: T) -> (i32, bool) {
        let next = length(&self.places.len()) + 1;
        let place = *self.places.entry(thing).or_insert(next);
        (place, place == next)
    }
}

/// A length as the database counts. A batch that does not fit into memory has no more elements than this.
fn length(length: &usize) -> i32 {
    i32::try_from(*length).unwrap_or(i32::MAX)
}

/// The arguments of `append_events`, in its order and under its names.
#[derive(Default)]
pub(super) struct Batch<'a> {
    stream_categories: Vec<&'a str>,
    stream_ids: Vec<Uuid>,
    command_ids: Vec<Uuid>,
    append_commands: Vec<i32>,
    append_checks: Vec<i32>,
    append_events: Vec<i32>,
    append_fingerprints: Vec<&'a [u8]>,
    append_actors: Vec<Option<Uuid>>,
    append_correlations: Vec<Uuid>,
    append_causations: Vec<Option<Uuid>>,
    check_streams: Vec<i32>,
    check_versions: Vec<i64>,
    event_streams: Vec<i32>,
    event_types: Vec<&'a str>,
    event_schemas: Vec<i16>,
    event_facts: Vec<&'a str>,
    event_contents: Vec<Option<&'a [u8]>>,
    event_threads: Vec<Option<Uuid>>,
    event_digests: Vec<DigestBytes>,
    addressee_events: Vec<i32>,
    addressee_users: Vec<Uuid>,
    addressee_changes: Vec<Option<i16>>,
    /// Every check, as the answers count them.
    checks: Vec<Check>,
}

/// A digest, for as long as the batch is sent.
#[derive(Debug)]
struct DigestBytes(Hash);

impl ToSql for DigestBytes {
    fn to_sql(
        &self,
        ty: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.as_slice().to_sql(ty, out)
    }

    fn accepts(ty: &tokio_postgres::types::Type) -> bool {
        <&[u8] as ToSql>::accepts(ty)
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'a> Batch<'a> {
    /// The columns of a batch.
    ///
    /// # Errors
    /// One of the appends contradicts itself.
    pub(super) fn new(appends: &'a [Append]) -> Result<Self, PortError> {
        let mut batch = Self::default();
        let mut streams = Places::with_capacity(2 * appends.len());
        let mut commands = Places::with_capacity(appends.len());
        for append in appends {
            append.consistent().map_err(|error| PortError::rejected(SERVICE, error))?;
            let (command, new) = commands.of(append.command);
            if new {
                batch.command_ids.push(append.command.uuid());
            }
            batch.append_commands.push(command);
            batch.append_checks.push(length(&append.checks.len()));
            batch.append_events.push(length(&append.events.len()));
            batch.append_fingerprints.push(&append.fingerprint);
            batch.append_actors.push(append.actor.map(Into::into));
            batch.append_correlations.push(append.correlation);
            batch.append_causations.push(append.causation);
            for check in &append.checks {
                let (stream, new) = streams.of(check.stream);
                if new {
                    batch.stream_categories.push(check.stream.category.as_str());
                    batch.stream_ids.push(check.stream.id);
                }
                batch.check_streams.push(stream);
                batch.check_versions.push(number(check.expected.version())?);
                batch.checks.push(*check);
            }
            for (ordinal, event) in (0..).zip(&append.events) {
                batch.event_streams.push(streams.of(event.stream).0);
                batch.event_types.push(&event.event_type);
                batch.event_schemas.push(i16::try_from(event.schema).map_err(|error| PortError::rejected(SERVICE, error))?);
                batch.event_facts.push(&event.facts);
                batch.event_contents.push(event.content.as_deref());
                batch.event_threads.push(event.thread.map(Into::into));
                batch.event_digests.push(DigestBytes(chain::digest(append, ordinal, event)));
                for addressee in &event.addressees {
                    // Without a thread there is nothing to be a member of.
                    let change = addressee.change.filter(|_| event.thread.is_some()).map(|change| match change {
                        MembershipChange::Joined => 1,
                        MembershipChange::Left => -1,
                    });
                    batch.addressee_events.push(length(&batch.event_streams.len()));
                    batch.addressee_users.push(addressee.user.uuid());
                    batch.addressee_changes.push(change);
                }
            }
        }
        Ok(batch)
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 22] {
        [
            &self.stream_categories,
            &self.stream_ids,
            &self.command_ids,
            &self.append_commands,
            &self.append_checks,
            &self.append_events,
            &self.append_fingerprints,
            &self.append_actors,
            &self.append_correlations,
            &self.append_causations,
            &self.check_streams,
            &self.check_versions,
            &self.event_streams,
            &self.event_types,
            &self.event_schemas,
            &self.event_facts,
            &self.event_contents,
            &self.event_threads,
            &self.event_digests,
            &self.addressee_events,
            &self.addressee_users,
            &self.addressee_changes,
        ]
    }

    /// What is needed of it once it was sent.
    pub(super) fn asked(self) -> Asked {
        Asked { checks: self.checks, digests: self.event_digests }
    }
}

/// What the answers are about.
pub(super) struct Asked {
    checks: Vec<Check>,
    digests: Vec<DigestBytes>,
}

impl Asked {
    /// What the database made of the batch.
    ///
    /// # Errors
    /// The answers do not fit the batch.
    pub(super) fn recording(&self, appends: Vec<Append>, rows: &[Row]) -> Result<Recording, PortError> {
        if rows.len() != appends.len() {
            return Err(PortError::corrupt("append_events", format!("{} answers to {} appends", rows.len(), appends.len())));
        }
        let answers = appends.iter().zip(rows).map(|(append, row)| self.answer(append, row)).collect::<Result<Vec<_>, _>>()?;
        let events = self.events(appends, rows, &answers)?;
        Ok(Recording { answers, events, ..Recording::default() })
    }

    /// The events that were recorded: all at one time, and chained to one another.
    fn events(&self, appends: Vec<Append>, rows: &[Row], answers: &[Result<Appended, AppendRefused>]) -> Result<Vec<Recorded>, PortError> {
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let at: DateTime<Utc> = rows::value(row, "recorded_at")?;
        let mut events = Vec::with_capacity(self.digests.len());
        let mut before = None;
        let mut digests = self.digests.iter();
        for (mut append, answer) in appends.into_iter().zip(answers) {
            let new = std::mem::take(&mut append.events);
            let digests = digests.by_ref().take(new.len());
            let Ok(Appended { first, repeated: false, .. }) = answer else {
                digests.for_each(drop);
                continue;
            };
            for ((ordinal, event), DigestBytes(digest)) in (0..).zip(new).zip(digests) {
                let position = Position(first.0 + u64::from(ordinal));
                let before = match &mut before {
                    Some(before) => before,
                    unknown => unknown.insert(rows::hash(row, "hash_before", position)?),
                };
                *before = chain::link(before, digest, position, at);
                events.push(Recorded::new(&append, ordinal, event, position, at, *before));
            }
        }
        Ok(events)
    }

    fn answer(&self, append: &Append, row: &Row) -> Result<Result<Appended, AppendRefused>, PortError> {
        if let Some(first) = rows::optional_position(row, "first_position")? {
            let last = rows::position(row, "last_position")?;
            return Ok(Ok(Appended { first, last, repeated: rows::value(row, "repeated")? }));
        }
        let Some(failed) = rows::value::<Option<i32>>(row, "failed_check")? else {
            return Ok(Err(AppendRefused::CommandMismatch { command: append.command }));
        };
        let check = usize::try_from(failed - 1).ok().and_then(|failed| self.checks.get(failed));
        let check = check.ok_or_else(|| PortError::corrupt("append_events", format!("there is no check {failed}")))?;
        let actual = rows::count(row, "actual_version")?;
        Ok(Err(AppendRefused::Moved { stream: check.stream, expected: check.expected.version(), actual }))
    }
}
