//! `posthaste dead`: what views and webhooks could not take, and what becomes of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use posthaste_application::dead::{self, Letter, NotDone};
use posthaste_application::execute::Executed;
use posthaste_application::port::dead::{Consumer, DeadLetter};
use posthaste_application::recorded::{Position, Recorded, StreamId};
use posthaste_domain::operation::DeadLetterOperation;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Interrupted, Target, progress};
use crate::cli::out::say;
use crate::compose::console::{Operator, operator};

/// Letters read at once.
const READ: usize = 500;
/// Most of what waits that is shown.
const SHOWN: usize = 100;
/// Between two looks at what a server was asked to do.
const LOOK: Duration = Duration::from_millis(200);

/// See what views and webhooks could not take, have it tried again, or drop it.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// The streams that are parked, each with the event that could not be taken
    List {
        /// Only of one: view:NAME or webhook:NAME
        #[arg(long, value_name = "CONSUMER")]
        consumer: Option<Consumer>,
        #[command(flatten)]
        target: Target,
    },
    /// The event that a stream is parked with, and what waits behind it
    Show {
        /// view:NAME or webhook:NAME
        consumer: Consumer,
        /// CATEGORY-ID
        stream: StreamId,
        #[command(flatten)]
        target: Target,
    },
    /// Try again: a webhook is sent the event and what waits behind it, in the order of the log; a view is folded anew by the server
    Retry {
        /// view:NAME or webhook:NAME
        consumer: Consumer,
        /// CATEGORY-ID
        #[arg(required_unless_present = "all")]
        stream: Option<StreamId>,
        /// Every stream of the consumer
        #[arg(long, conflicts_with = "stream")]
        all: bool,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        target: Target,
    },
    /// Give one event up for good; what waits behind it goes on
    Drop {
        /// view:NAME or webhook:NAME
        consumer: Consumer,
        /// CATEGORY-ID
        stream: StreamId,
        /// The position of the event, as `list` shows it
        #[arg(long)]
        position: u64,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Wait {
    /// How long to wait for the server that folds a view anew
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u64,
}

/// What the commands work on.
struct Stores {
    operator: Operator,
    json: bool,
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: DeadCommand) -> anyhow::Result<()> {
    let (DeadCommand::List { target, .. }
    | DeadCommand::Show { target, .. }
    | DeadCommand::Retry { target, .. }
    | DeadCommand::Drop { target, .. }) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let stores = Stores { operator: operator(&config).await?, json };
    match command {
        DeadCommand::List { consumer, .. } => stores.list(consumer.as_ref()).await,
        DeadCommand::Show { consumer, stream, .. } => stores.show(&consumer, stream).await,
        DeadCommand::Retry { consumer, stream, wait, .. } => stores.retry(&consumer, stream, wait).await,
        DeadCommand::Drop { consumer, stream, position, wait, .. } => stores.give_up(&consumer, stream, Position(position), wait).await,
    }
}

impl Stores {
    async fn letters(&self, consumer: Option<&Consumer>) -> anyhow::Result<Vec<DeadLetter>> {
        let mut letters: Vec<DeadLetter> = Vec::new();
        loop {
            let after = letters.last().map(|last| (&last.consumer, last.stream));
            let page = self.operator.letters.list(consumer, after, READ).await?;
            let last = page.len() < READ;
            letters.extend(page);
            if last {
                return Ok(letters);
            }
        }
    }

    async fn letter(&self, consumer: &Consumer, stream: StreamId) -> anyhow::Result<DeadLetter> {
        let letter = self.operator.letters.one(consumer, stream).await?;
        letter.with_context(|| format!("{stream} is not parked for {consumer}: `posthaste dead list` shows what is"))
    }

    async fn event(&self, position: Position) -> anyhow::Result<Option<Recorded>> {
        let events = self.operator.log.read(Position(position.0.saturating_sub(1)), 1).await?;
        Ok(events.into_iter().find(|event| event.position == position))
    }

    async fn list(&self, consumer: Option<&Consumer>) -> anyhow::Result<()> {
        for letter in self.letters(consumer).await? {
            // What cannot be read at all has a type that cannot be read either.
            let event_type = self.event(letter.position).await.ok().flatten().map(|event| event.event_type);
            if self.json {
                say!("{}", in_json(&letter, event_type.as_deref()));
                continue;
            }
            let DeadLetter { consumer, stream, position, tries, reason, since, waiting, asked_at, .. } = &letter;
            let event_type = event_type.as_deref().unwrap_or("?");
            say!("{consumer}  {stream}  at {position}: {event_type}, tried {tries} times, since {}; {waiting} wait", time(*since));
            say!("    {reason}");
            if let Some(asked_at) = asked_at {
                say!("    asked for at {}, to be done by a server", time(*asked_at));
            }
        }
        Ok(())
    }

    async fn show(&self, consumer: &Consumer, stream: StreamId) -> anyhow::Result<()> {
        let letter = self.letter(consumer, stream).await?;
        let event = self.event(letter.position).await?;
        let waiting = self.operator.log.read_stream(stream, letter.version, SHOWN).await?;
        let event = event.as_ref();
        if self.json {
            let mut said = in_json(&letter, event.map(|event| event.event_type.as_str()));
            said["event"] = event.map_or(Value::Null, shown);
            said["behind"] = waiting.iter().map(|event| json!({ "position": event.position, "type": event.event_type })).collect();
            say!("{said}");
            return Ok(());
        }
        say!("{consumer} cannot take the event of {stream} at position {}: {}", letter.position, letter.reason);
        say!("tried {} times, since {}", letter.tries, time(letter.since));
        if let Some(event) = event {
            say!("{} v{}, recorded {}: {}", event.event_type, event.schema, time(event.at), event.facts);
        }
        say!("{} wait behind it", letter.waiting);
        waiting.iter().for_each(|event| say!("{:>8}  {}", event.position, event.event_type));
        Ok(())
    }

    /// Records that something is done about a letter, by nobody, and does it.
    async fn perform(
        &self,
        what: DeadLetterOperation,
        consumer: &Consumer,
        stream: StreamId,
        position: Position,
    ) -> Result<Executed, NotDone> {
        let Operator { letters, console, .. } = &self.operator;
        let letter = Letter { consumer: consumer.clone(), stream, position };
        dead::perform(&console.executor, &**letters, console.envelope(), what, &letter).await
    }

    async fn retry(&self, consumer: &Consumer, stream: Option<StreamId>, wait: Wait) -> anyhow::Result<()> {
        let letters = match stream {
            Some(stream) => vec![self.letter(consumer, stream).await?],
            None => self.letters(Some(consumer)).await?,
        };
        let mut asked = Vec::new();
        let bar = progress::streams("retry", letters.len() as u64);
        for DeadLetter { stream, position, .. } in letters {
            bar.inc(1);
            match self.perform(DeadLetterOperation::Retry, consumer, stream, position).await {
                Ok(_) => asked.push(stream),
                // Whoever was faster looks after it.
                Err(NotDone::NotParked | NotDone::AnotherEvent(_) | NotDone::Overtaken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bar.set_message("  (a server folds the view anew)");
        let still = self.done(consumer, &asked, wait).await;
        bar.finish_and_clear();
        let still = still?;
        let retried = asked.len() - still.len();
        match (self.json, consumer) {
            (true, _) => say!("{}", json!({ "consumer": consumer, "retried": retried, "dead": still.len() })),
            (false, Consumer::Webhook(_)) => say!("{retried} streams are sent again"),
            (false, Consumer::View(_)) => say!("{retried} streams are in {consumer} again"),
        }
        refuse(&still)
    }

    async fn give_up(&self, consumer: &Consumer, stream: StreamId, position: Position, wait: Wait) -> anyhow::Result<()> {
        let letter = self.letter(consumer, stream).await?;
        let dropped = self.perform(DeadLetterOperation::Drop, consumer, stream, position).await;
        dropped.with_context(|| format!("nothing was dropped of {stream} at position {position}"))?;
        let mut still = self.done(consumer, &[stream], wait).await?;
        // What waited behind it may be no better.
        still.retain(|letter| letter.position == position);
        let said = json!({ "consumer": consumer, "dropped": position, "behind": letter.waiting });
        say!("{}", if self.json { said.to_string() } else { format!("dropped; {} behind it go on", letter.waiting) });
        refuse(&still)
    }

    /// Waits until what was asked of a view was done; gives the letters that are still there.
    async fn done(&self, consumer: &Consumer, asked: &[StreamId], Wait { wait }: Wait) -> anyhow::Result<Vec<DeadLetter>> {
        if let Consumer::Webhook(_) = consumer {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + Duration::from_secs(wait);
        let done = async {
            loop {
                let letters = self.letters(Some(consumer)).await?;
                if letters.iter().all(|letter| letter.asked_at.is_none()) {
                    return Ok(letters.into_iter().filter(|letter| asked.contains(&letter.stream)).collect());
                }
                ensure!(
                    Instant::now() < deadline,
                    "asked, and not done within {wait} s: a server with the role projector does it as soon as one runs"
                );
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            done = done => done,
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("Ctrl-C cannot be heard")?;
                Err(Interrupted("not waited for: it is asked, and will be done".to_owned()).into())
            }
        }
    }
}

fn refuse(still: &[DeadLetter]) -> anyhow::Result<()> {
    match still {
        [] => Ok(()),
        [first, others @ ..] => {
            let DeadLetter { stream, position, reason, .. } = first;
            let more = if others.is_empty() { String::new() } else { format!("; and {} more", others.len()) };
            bail!("still dead: {stream} at position {position}: {reason}{more}")
        }
    }
}

fn in_json(letter: &DeadLetter, event_type: Option<&str>) -> Value {
    json!({
        "consumer": letter.consumer, "stream": letter.stream.to_string(), "position": letter.position, "type": event_type,
        "reason": letter.reason, "tries": letter.tries, "since": time(letter.since), "waiting": letter.waiting,
        "asked_at": letter.asked_at.map(time),
    })
}

/// The facts of an event; what people said is none of an operator's business here.
fn shown(event: &Recorded) -> Value {
    let facts = serde_json::from_str(&event.facts).unwrap_or_else(|_| Value::String(event.facts.clone()));
    json!({
        "position": event.position, "version": event.version, "type": event.event_type, "schema": event.schema, "at": time(event.at),
        "thread": event.thread, "actor": event.actor, "facts": facts,
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
