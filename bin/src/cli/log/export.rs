//! `posthaste log export`: the log, or a part of it, as a file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::exit;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use posthaste_application::audit::cloud_event::SOURCE;
use posthaste_application::audit::export::{Export, Format, header, is_of};
use posthaste_application::audit::line::Header;
use posthaste_application::audit::tail::Tail;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::Position;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::Target;
use super::wanted::Wanted;
use crate::cli::interrupt::on_ctrl_c;
use crate::cli::out::{self, say};
use crate::cli::{Interrupted, progress};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Lines that keep every byte, and that `log import` takes
    Jsonl,
    /// CloudEvents 1.0, one JSON object a line
    #[value(name = "cloudevents")]
    CloudEvents,
}

/// What `log export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[arg(long, value_enum, default_value_t = FormatName::Jsonl)]
    format: FormatName,
    #[command(flatten)]
    wanted: Wanted,
    /// Only what is behind this position: where another export ended
    #[arg(long, conflicts_with = "from")]
    after: Option<u64>,
    /// Compress
    #[arg(long)]
    gzip: bool,
    /// Write to this file, which must not be there yet; else to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on with a file that an export did not finish. What is not whole at its end is written again. Lines need nothing else; for
    /// CloudEvents, give the format and the filters again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "from", "after"])]
    resume: Option<PathBuf>,
    /// With personal content, as is usual
    #[arg(long, overrides_with = "no_content")]
    content: bool,
    /// Without personal content: what messages say, how users and threads are called. Then hashes cannot be checked, and the file cannot be
    /// imported
    #[arg(long)]
    no_content: bool,
    /// The source of CloudEvents
    #[arg(long, value_name = "URI", default_value = SOURCE)]
    source: String,
    #[command(flatten)]
    pub(super) target: Target,
}

/// Where it goes.
enum Sink {
    File { file: File, path: PathBuf },
    Out(io::Stdout),
}

impl ExportArgs {
    fn selects(&self) -> bool {
        !self.wanted.filter().is_everything() || self.wanted.to.is_some() || self.no_content
    }

    fn format(&self) -> Format {
        match self.format {
            FormatName::Jsonl => Format::Lines,
            FormatName::CloudEvents => Format::CloudEvents { source: self.source.clone() },
        }
    }

    async fn header(&self, log: &dyn EventLog) -> anyhow::Result<Header> {
        let after = self.after.or(self.wanted.from.map(|from| from.saturating_sub(1))).unwrap_or(0);
        Ok(header(log, Position(after), self.wanted.to.map(Position), self.wanted.filter(), !self.no_content).await?)
    }

    async fn begin<'a>(&self, log: &'a dyn EventLog) -> anyhow::Result<(Export<'a>, Header, Sink)> {
        let Some(path) = &self.resume else {
            let header = self.header(log).await?;
            let sink = match &self.output {
                None => Sink::Out(io::stdout()),
                Some(path) => {
                    let file = OpenOptions::new().write(true).create_new(true).open(path);
                    let file = file.with_context(|| format!("{} cannot be written (--resume goes on with one)", path.display()))?;
                    Sink::File { file, path: path.clone() }
                }
            };
            return Ok((Export::new(log, header.clone(), self.format(), self.gzip), header, sink));
        };
        let (tail, mut file) = whole(path).await.with_context(|| format!("{} cannot be gone on with", path.display()))?;
        let (header, position) = (tail.header(), tail.position());
        let (header, position) =
            (header.with_context(|| path.display().to_string())?, position.with_context(|| path.display().to_string())?);
        let format = match (&header, position) {
            (Some(_), _) => Format::Lines,
            (None, Some(_)) if self.format == FormatName::Jsonl => {
                bail!("{} holds CloudEvents: go on with --format cloudevents, and with the filters it was begun with", path.display())
            }
            (None, _) => self.format(),
        };
        let header = match header {
            Some(_) if self.selects() => bail!("{} says itself what it is to hold: give --resume alone", path.display()),
            Some(header) => {
                ensure!(is_of(log, &header).await?, "{} is an export of another log", path.display());
                header
            }
            None => self.header(log).await?,
        };
        file.set_len(tail.bytes)?;
        file.seek(SeekFrom::End(0))?;
        let mut export = Export::new(log, header.clone(), format, if tail.bytes > 0 { tail.gzip } else { self.gzip || tail.gzip });
        if tail.bytes > 0 {
            export = export.resume(position.unwrap_or(header.after));
        }
        Ok((export, header, Sink::File { file, path: path.clone() }))
    }
}

/// What is whole of a file, and the file.
async fn whole(path: &Path) -> anyhow::Result<(Tail, File)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let read = move || {
        let tail = Tail::of(BufReader::with_capacity(1 << 20, &mut file))?;
        Ok((tail, file))
    };
    spawn_blocking(read).await?
}

pub(super) async fn run(log: &dyn EventLog, args: &ExportArgs) -> anyhow::Result<()> {
    let stop = on_ctrl_c();
    let (mut export, header, mut sink) = args.begin(log).await?;
    let begun = export.reached();
    let bar = progress::events("export", header.head.position.0.saturating_sub(begun.0));
    let mut events = 0;
    let how = how_to_go_on(args);
    loop {
        if stop.is_cancelled() {
            bar.finish_and_clear();
            let how_to_go_on = format!("stopped after position {}; {}", export.reached(), how(export.reached()));
            return Err(Interrupted(how_to_go_on).into());
        }
        let reached = export.reached();
        let failed = || format!("failed after position {reached}; {}", how(reached));
        // What is read of a store that does not answer is not waited for.
        let Some(chunk) = stop.run_until_cancelled(export.next()).await else { continue };
        let Some(chunk) = chunk.with_context(failed)? else { break };
        let to_file = matches!(sink, Sink::File { .. });
        let write = spawn_blocking(move || sink.write(&chunk.bytes).map(|()| sink));
        let ahead = stop.run_until_cancelled(export.read_ahead()).await;
        let written = if to_file { Some(write.await) } else { stop.run_until_cancelled(write).await };
        let Some(written) = written else {
            // Nobody reads; and who is stuck in a write keeps the program from ending by itself.
            bar.finish_and_clear();
            eprintln!("posthaste: stopped after position {reached}; {}", how(reached));
            exit(130);
        };
        sink = match written? {
            Err(error) if !to_file => out::failed(&error),
            written => written.with_context(failed)?,
        };
        events += chunk.events;
        bar.set_position(chunk.upto.0.saturating_sub(begun.0));
        let reached = export.reached();
        ahead.transpose().with_context(|| format!("failed after position {reached}; {}", how(reached)))?;
    }
    bar.finish_and_clear();
    let head = header.head.position;
    match sink {
        Sink::Out(mut out) => out.flush().unwrap_or_else(|error| out::failed(&error)),
        Sink::File { file, path } => {
            spawn_blocking(move || file.sync_all()).await??;
            let file = path.display().to_string();
            let said = json!({ "exported": events, "upto": head, "file": file });
            say!("{}", if args.target.json { said.to_string() } else { format!("{events} events up to position {head} are in {file}") });
        }
    }
    Ok(())
}

fn how_to_go_on(args: &ExportArgs) -> impl Fn(Position) -> String {
    let file = args.resume.as_ref().or(args.output.as_ref()).map(|path| path.display().to_string());
    let cloud_events = args.format == FormatName::CloudEvents;
    move |reached| match &file {
        Some(file) if cloud_events => format!("go on with --resume {file} --format cloudevents and the same filters"),
        Some(file) => format!("go on with --resume {file}"),
        None => format!("go on with --after {reached}"),
    }
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.write_all(bytes),
            Self::Out(out) => out.write_all(bytes),
        }
    }
}
