//! Where a file that was cut goes on.
//!
//! An export is written in whole lines, and compressed in whole gzip members of whole lines, but a machine that stops may leave any part of
//! the last of them. What is whole is kept, the rest is written again.

use std::io::{self, BufRead, Read};
use std::mem;

use flate2::bufread::GzDecoder;
use serde::Deserialize;

use super::is_gzip;
use super::line::{BadLine, Header};
use crate::recorded::Position;

/// What is whole of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Its first bytes, up to the end of the last whole line, or of the last whole member that ends with one.
    pub bytes: u64,
    /// It is compressed. A file without anything is not.
    pub gzip: bool,
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    /// Its first or last line is no line of an export.
    #[error("the last whole line does not say where it stands")]
    NotAnExport(#[source] serde_json::Error),
    /// Its first line is not the header of an export that this program can go on with.
    #[error("the first line cannot be read")]
    Header(#[from] BadLine),
}

/// Either kind of line.
#[derive(Deserialize)]
struct AnyLine {
    position: Number,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(u64),
    Text(String),
}

impl Tail {
    /// Reads a file through, and keeps no more of it than two lines.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(mut source: impl BufRead) -> io::Result<Self> {
        let gzip = is_gzip(&mut source)?;
        let mut lines = Lines::default();
        let whole = if gzip { members(source, &mut lines)? } else { plain(source, &mut lines)? };
        Ok(Self { bytes: whole, gzip, first: lines.whole_first, last: lines.whole_last })
    }

    /// What the file says it is to hold. `None` when it says nothing of the kind: it has no whole line, or those of another format.
    ///
    /// # Errors
    /// It says that it is something else.
    pub fn header(&self) -> Result<Option<Header>, TailError> {
        let Some(first) = &self.first else { return Ok(None) };
        match Header::read(first) {
            Ok(header) => Ok(Some(header)),
            // An event then, if it has a position.
            Err(_) if position(first).is_ok() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The position of the last event in it. `None` when there is none.
    ///
    /// # Errors
    /// What is there is not an event.
    pub fn position(&self) -> Result<Option<Position>, TailError> {
        let header = self.header()?.is_some();
        match &self.last {
            Some(last) if !(header && self.first == self.last) => position(last).map(Some).map_err(TailError::NotAnExport),
            Some(_) | None => Ok(None),
        }
    }
}

fn position(line: &[u8]) -> Result<Position, serde_json::Error> {
    let AnyLine { position } = serde_json::from_slice(line)?;
    match position {
        Number::Integer(position) => Ok(Position(position)),
        Number::Text(text) => text.parse().map(Position).map_err(serde::de::Error::custom),
    }
}

/// The first and the last line of what came by, and of what of it is whole.
#[derive(Default)]
struct Lines {
    current: Vec<u8>,
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
    whole_first: Option<Vec<u8>>,
    whole_last: Option<Vec<u8>>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.current.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = mem::take(&mut self.current);
                self.first.get_or_insert_with(|| line.clone());
                // The room of the line before is used again.
                self.current = self.last.replace(line).unwrap_or_default();
                self.current.clear();
            }
        }
    }

    /// Everything up to here is whole, if it ends with a line. Gives whether it does.
    fn keep(&mut self) -> bool {
        let whole = self.current.is_empty();
        if whole {
            self.whole_first.clone_from(&self.first);
            self.whole_last.clone_from(&self.last);
        }
        whole
    }
}

fn plain(mut source: impl BufRead, lines: &mut Lines) -> io::Result<u64> {
    let mut read = 0;
    loop {
        let bytes = source.fill_buf()?;
        let some = bytes.len();
        if some == 0 {
            break;
        }
        lines.take(bytes);
        read += some as u64;
        source.consume(some);
    }
    let rest = lines.current.len() as u64;
    lines.current.clear();
    lines.keep();
    Ok(read - rest)
}

fn members(source: impl BufRead, lines: &mut Lines) -> io::Result<u64> {
    let mut source = Counted { source, read: 0 };
    let (mut whole, mut buffer) = (0, vec![0; 1 << 16]);
    while !source.fill_buf()?.is_empty() {
        let mut member = GzDecoder::new(&mut source);
        loop {
            match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(some) => lines.take(&buffer[..some]),
                // Whatever it says: what is behind it cannot be trusted either.
                Err(_) => return Ok(whole),
            }
        }
        if lines.keep() {
            whole = source.read;
        }
    }
    Ok(whole)
}

/// Counts what is taken.
struct Counted<R> {
    source: R,
    read: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let some = self.source.read(buffer)?;
        self.read += some as u64;
        Ok(some)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, some: usize) {
        self.read += some as u64;
        self.source.consume(some);
    }
}
