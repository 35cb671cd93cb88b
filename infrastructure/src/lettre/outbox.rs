//! Mail that goes no further than a folder, where whoever develops or tries something finds it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use posthaste_application::port::Mailer;
use posthaste_application::port::mailer::{Mail, Unsent};
use tokio::task::spawn_blocking;

use super::Sender;

/// Writes each mail into a file of its own, for its owner alone to read: `<id>.eml`. The same mail sent again is the same file.
#[derive(Debug)]
pub struct OutboxMailer {
    folder: PathBuf,
    from: Sender,
}

impl OutboxMailer {
    /// Into this folder, which is made with the first mail.
    #[must_use]
    pub fn new(folder: &Path, from: Sender) -> Self {
        Self { folder: folder.to_owned(), from }
    }
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, mail: &Mail) -> Result<(), Unsent> {
        let (folder, name, message) = (self.folder.clone(), mail.id.to_string(), self.from.write(mail)?.formatted());
        let written = spawn_blocking(move || write(&folder, &name, &message)).await;
        let written = written.map_err(io::Error::other).flatten();
        written.map_err(|error| Unsent::Temporary(format!("the outbox cannot be written: {}", error.kind())))
    }
}

/// Wholly or not at all, whenever the machine stops.
fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let (unfinished, finished) = (folder.join(format!("{name}.new")), folder.join(format!("{name}.eml")));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(unfinished, finished)?;
    File::open(folder)?.sync_all()
}
