//! What auditors ask of the log.
//!
//! - [`export`] takes it away: whole or in part ([`filter`]), as lines that keep every byte ([`mod@line`]) or as CloudEvents ([`cloud_event`]).
//!   A file that was cut anywhere goes on from what is whole in it ([`tail`]).
//! - [`import`] puts an export into an empty log, and checks every link on the way.
//! - [`as_of`] says what position is meant by a time; [`replay`] tells how a thread, a user or a message stood there; [`diff`] what became of
//!   a thread between two positions.
//! - [`explore`] shows it page by page, newest first, without what would open a door.
//! - [`trace`] is the proof of delivery of one event: its way from the command to everybody's devices.

pub mod as_of;
pub mod cloud_event;
pub mod diff;
pub mod explore;
pub mod export;
pub mod filter;
pub mod import;
pub mod line;
pub mod replay;
pub mod tail;
pub mod trace;

use std::io::{self, BufRead, BufReader, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Is told how many events were looked at since it was told last.
pub type Telling<'a> = &'a (dyn Fn(u64) + Sync);

/// As exact as the log has it.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// One gzip member of its own, so that a file of them can be cut between any two.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    member.write_all(bytes).and_then(|()| member.finish()).expect("memory takes what is written to it")
}

/// The lines of an export, compressed or not: the file itself tells.
///
/// # Errors
/// It cannot be read.
pub fn open(mut source: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    if is_gzip(&mut source)? { Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(source)))) } else { Ok(Box::new(source)) }
}

/// Whether what comes is compressed. No line begins like that.
fn is_gzip(source: &mut impl BufRead) -> io::Result<bool> {
    Ok(source.fill_buf()?.first() == Some(&0x1f))
}

#[cfg(test)]
mod tests;
