//! An export as the events it was made of, each checked before it is recorded again.

use std::io::{self, BufRead};

use super::line::{self, BadLine, Header};
use crate::chain::{Broken, Verifier};
use crate::codec::{self, Undecodable};
use crate::port::import::Imported;
use crate::recorded::Head;

/// The longest line that is read: an event has at most some hundred kilobytes.
const LINE_MOST: u64 = 64 << 20;

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read, or not unpacked.
    #[error("the file cannot be read after line {line}: it was cut, or is damaged")]
    Read {
        /// The last line that could be.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// A line is not what it should be.
    #[error("line {line} cannot be read")]
    Line {
        /// Which, from 1.
        line: u64,
        /// Why.
        #[source]
        source: BadLine,
    },
    /// It was exported to be looked at.
    #[error("the file holds a part of a log: only an export of all of it, with its content, becomes a log again")]
    Partial,
    /// It is not what was recorded.
    #[error("the file is not what was recorded: first bad position {}: {broken}", broken.position())]
    Broken {
        /// Where, and what.
        broken: Broken,
    },
    /// An event that this program does not know.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

/// Reads an export, event by event, and checks every link of the chain, from nothing to the head that it says it has.
pub struct Import<R> {
    source: R,
    header: Header,
    verifier: Verifier,
    lines: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Import<R> {
    /// Reads what the file is to hold.
    ///
    /// # Errors
    /// It is not an export of a whole log.
    pub fn begin(mut source: R) -> Result<Self, ImportError> {
        let (mut buffer, mut lines) = (Vec::new(), 0);
        if !read_line(&mut source, &mut buffer, &mut lines)? {
            return Err(ImportError::Empty);
        }
        let header = Header::read(&buffer).map_err(|source| ImportError::Line { line: 1, source })?;
        if !header.is_whole() {
            return Err(ImportError::Partial);
        }
        Ok(Self { source, header, verifier: Verifier::default(), lines, buffer })
    }

    /// Where the log ends that it is to become.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.header.head
    }

    /// Up to so many events, each found good; none when everything was read and the end is where it should be.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub fn next(&mut self, most: usize) -> Result<Vec<Imported>, ImportError> {
        let mut events = Vec::with_capacity(most);
        while events.len() < most {
            if !read_line(&mut self.source, &mut self.buffer, &mut self.lines)? {
                let finished = if events.is_empty() { self.verifier.finish(self.header.head) } else { Ok(()) };
                finished.map_err(|broken| ImportError::Broken { broken })?;
                break;
            }
            let event = line::read(&self.buffer).map_err(|source| ImportError::Line { line: self.lines, source })?;
            self.verifier.check(&event).map_err(|broken| ImportError::Broken { broken })?;
            let addressees = codec::addressees(&event)?;
            events.push(Imported { event, addressees });
        }
        Ok(events)
    }
}

/// The next line without its end. A line that does not end was cut.
fn read_line(source: &mut impl BufRead, buffer: &mut Vec<u8>, lines: &mut u64) -> Result<bool, ImportError> {
    let failed = |source| ImportError::Read { line: *lines, source };
    buffer.clear();
    if io::Read::take(&mut *source, LINE_MOST).read_until(b'\n', buffer).map_err(failed)? == 0 {
        return Ok(false);
    }
    if buffer.pop_if(|byte| *byte == b'\n').is_none() {
        return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, "the last line has no end")));
    }
    *lines += 1;
    Ok(true)
}
