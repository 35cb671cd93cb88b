//! The log, or a part of it, as bytes: a batch at a time, so that its size does not matter.

use std::mem;

use super::line::{self, Header};
use super::{cloud_event, gzip};
use crate::codec::Undecodable;
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded, StreamId};

/// Events that are read at once.
const READ: usize = 4_096;

/// What an event becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line that keeps every byte, after a header. See [`mod@line`].
    Lines,
    /// A CloudEvent from this source. See [`cloud_event`].
    CloudEvents {
        /// A URI reference.
        source: String,
    },
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An event is not JSON.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Positions do not skip, so somebody took events out.
    #[error("the log goes from position {after} to {found}: what was between is gone; `posthaste log verify` says more")]
    Hole {
        /// The last one that is there.
        after: Position,
        /// The one that comes then.
        found: Position,
    },
    /// The log is shorter than its head says.
    #[error("the log ends at position {end}, its head says {head}; `posthaste log verify` says more")]
    Short {
        /// Where it ends.
        end: Position,
        /// Where it should.
        head: Position,
    },
}

/// Some of an export. With those before it, it ends with a whole event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// To be added to the file.
    pub bytes: Vec<u8>,
    /// How many events are in it.
    pub events: u64,
    /// Everything up to here was looked at.
    pub upto: Position,
}

/// An export in the making.
pub struct Export<'a> {
    log: &'a dyn EventLog,
    header: Header,
    format: Format,
    gzip: bool,
    batch: usize,
    reached: Position,
    /// How much was read of the one stream that is wanted.
    version: u64,
    /// What was read and is not written yet.
    ahead: Option<Vec<Recorded>>,
    begins: bool,
}

impl<'a> Export<'a> {
    /// An export from its beginning.
    #[must_use]
    pub fn new(log: &'a dyn EventLog, header: Header, format: Format, gzip: bool) -> Self {
        let (reached, begins) = (header.after, format == Format::Lines);
        Self { log, header, format, gzip, batch: READ, reached, version: 0, ahead: None, begins }
    }

    /// The same export, which reads so many events at once: each chunk comes from as many.
    #[must_use]
    pub const fn in_batches(mut self, events: usize) -> Self {
        self.batch = events;
        self
    }

    /// The same export after its event at this position, with everything before it written.
    #[must_use]
    pub fn resume(mut self, after: Position) -> Self {
        self.reached = self.reached.max(after);
        self.begins = false;
        self
    }

    /// Everything up to here was looked at.
    #[must_use]
    pub const fn reached(&self) -> Position {
        self.reached
    }

    /// The next bytes; `None` when there are no more. Reads what comes then while these are made.
    ///
    /// # Errors
    /// See [`ExportError`]. What was given before is good.
    pub async fn next(&mut self) -> Result<Option<Chunk>, ExportError> {
        let events = match self.ahead.take() {
            Some(events) => events,
            None => self.read(self.reached).await?,
        };
        let begins = mem::take(&mut self.begins);
        let Some(last) = events.last().map(|event| event.position) else {
            // Of a stream or a part of the log there may be nothing to say, but a log that is looked at whole ends where its head is.
            if self.header.filter.only_stream().is_none() && self.reached < self.header.head.position {
                return Err(ExportError::Short { end: self.reached, head: self.header.head.position });
            }
            let bytes = if begins { self.pack(self.header.write()) } else { Vec::new() };
            let chunk = Chunk { bytes, events: 0, upto: self.header.head.position };
            let more = begins || self.reached < chunk.upto;
            self.reached = chunk.upto;
            return Ok(more.then_some(chunk));
        };
        self.version = events.last().map_or(self.version, |event| event.version);
        let mut chunk = Chunk { bytes: if begins { self.header.write() } else { Vec::new() }, events: 0, upto: last };
        for event in events.iter().filter(|event| self.header.filter.wants(event)) {
            match &self.format {
                Format::Lines => line::write(&mut chunk.bytes, event, self.header.content),
                Format::CloudEvents { source } => cloud_event::write(&mut chunk.bytes, event, source, self.header.content)?,
            }
            chunk.events += 1;
        }
        chunk.bytes = self.pack(chunk.bytes);
        self.reached = last;
        Ok(Some(chunk))
    }

    /// Reads ahead, to be called while what [`next`](Self::next) gave is written.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub async fn read_ahead(&mut self) -> Result<(), ExportError> {
        if self.ahead.is_none() {
            self.ahead = Some(self.read(self.reached).await?);
        }
        Ok(())
    }

    async fn read(&self, after: Position) -> Result<Vec<Recorded>, ExportError> {
        let head = self.header.head.position;
        if after >= head {
            return Ok(Vec::new());
        }
        if let Some(stream) = self.header.filter.only_stream() {
            return Ok(self.read_stream(stream, after).await?);
        }
        let mut events = self.log.read(after, self.batch).await?;
        events.retain(|event| event.position <= head);
        let mut last = after;
        for event in &events {
            if event.position != last.next() {
                return Err(ExportError::Hole { after: last, found: event.position });
            }
            last = event.position;
        }
        Ok(events)
    }

    async fn read_stream(&self, stream: StreamId, after: Position) -> Result<Vec<Recorded>, PortError> {
        let mut version = self.version;
        loop {
            let mut events = self.log.read_stream(stream, version, self.batch).await?;
            let Some(last) = events.last() else { return Ok(events) };
            version = last.version;
            let beyond = last.position > self.header.head.position;
            events.retain(|event| event.position > after && event.position <= self.header.head.position);
            if beyond || !events.is_empty() {
                return Ok(events);
            }
        }
    }

    fn pack(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.gzip && !bytes.is_empty() { gzip(&bytes) } else { bytes }
    }
}

/// What an export of the log as it is now holds: what is above one position, up to another if it is there already, else up to the end.
///
/// # Errors
/// The log cannot be read.
pub async fn header(
    log: &dyn EventLog,
    after: Position,
    upto: Option<Position>,
    filter: super::filter::Filter,
    content: bool,
) -> Result<Header, PortError> {
    let mut head = log.head().await?;
    if let Some(upto) = upto.filter(|upto| *upto < head.position) {
        let hash = match upto.0.checked_sub(1) {
            None => crate::chain::GENESIS,
            Some(before) => {
                let event = log.read(Position(before), 1).await?.pop().filter(|event| event.position == upto);
                event.ok_or_else(|| PortError::corrupt(format!("the log at position {upto}"), "there is no event"))?.hash
            }
        };
        head = crate::recorded::Head { position: upto, hash };
    }
    Ok(Header { after, head, filter, content })
}

/// Whether an export that says this was made of this log: the event at its end has the hash that it says.
///
/// # Errors
/// The log cannot be read.
pub async fn is_of(log: &dyn EventLog, header: &Header) -> Result<bool, PortError> {
    let position = header.head.position;
    let Some(before) = position.0.checked_sub(1) else { return Ok(true) };
    let event = log.read(Position(before), 1).await?.pop();
    Ok(event.is_some_and(|event| event.position == position && event.hash == header.head.hash))
}
