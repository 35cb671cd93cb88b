//! Seals, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use posthaste_application::port::PortError;
use posthaste_application::port::seals::{Overtaken, SealStore};
use posthaste_application::verify::seal::{NOTHING, Seal};
use tokio::task;

const SERVICE: &str = "the file of seals";
/// More than two lines can be long: a seal has at most 64 hashes and a few fields.
const END: u64 = 16 << 10;

/// The seals of one node, in a file to which lines are added. What was being written when the machine stopped is a line without an
/// end, which does not count and is removed before the next is written.
#[derive(Clone, Debug)]
pub struct SealFile {
    path: PathBuf,
}

impl SealFile {
    /// The seals in this file, which is made when the first is written.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static) -> Result<T, PortError> {
        let path = self.path.clone();
        let at = self.path.display().to_string();
        let done = task::spawn_blocking(move || work(&path)).await.map_err(|error| PortError::unavailable(SERVICE, error))?;
        done.map_err(|error| {
            let corrupt = error.kind() == io::ErrorKind::InvalidData;
            if corrupt { PortError::corrupt(at, error) } else { PortError::unavailable(SERVICE, error) }
        })
    }
}

#[async_trait]
impl SealStore for SealFile {
    async fn last(&self) -> Result<Option<Seal>, PortError> {
        self.blocking(|path| match File::open(path) {
            Ok(mut file) => Ok(last(&mut file)?.0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn append(&self, seal: &Seal) -> Result<Result<(), Overtaken>, PortError> {
        let seal = seal.clone();
        self.blocking(move |path| append(path, &seal)).await
    }
}

fn append(path: &Path, seal: &Seal) -> io::Result<Result<(), Overtaken>> {
    let new = !path.exists();
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    // The server and an operator may seal at the same time. Let go of when the file is closed.
    file.lock()?;
    let (last, end) = last(&mut file)?;
    if seal.previous != last.map_or(NOTHING, |last| last.digest()) {
        return Ok(Err(Overtaken));
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(format!("{}\n", seal.to_line()).as_bytes())?;
    file.sync_all()?;
    if new {
        File::open(directory(path))?.sync_all()?;
    }
    Ok(Ok(()))
}

/// The last whole line of a file, and where it ends.
fn last(file: &mut File) -> io::Result<(Option<Seal>, u64)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(END);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        return if from == 0 { Ok((None, 0)) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "it does not end with a seal")) };
    };
    let line = &bytes[..end];
    let begin = line.iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let seal = serde_json::from_slice(&line[begin..]).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((Some(seal), from + end as u64 + 1))
}

/// Where a file is.
pub(super) fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
