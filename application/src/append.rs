//! The append queue: what waits goes into the log together, in one transaction. The longer a commit takes, the more the next one carries.

use std::slice;
use std::sync::Arc;
use std::time::Instant;

use futures::channel::{mpsc, oneshot};
use futures::future::join;
use futures::{SinkExt as _, StreamExt as _};
use tracing::{Instrument as _, Span};

use crate::meter::{counted, meters};
use crate::port::log::{AppendRefused, Recording};
use crate::port::{EventLog, PortError};
use crate::recorded::{Append, Appended};
use crate::shared_tail::SharedTail;
use crate::span;

/// Most appends that go into one transaction.
const BATCH: usize = 1_024;
/// Most appends that wait; beyond that, callers wait before they enqueue.
const WAITING: usize = 4_096;
/// Most batches that are recorded and wait to be durable.
const SETTLING: usize = 2;
/// How often a batch whose outcome is not known is sent again. Safe, because every append carries its command id.
const TRIES: usize = 3;

/// Why an append was not recorded, as far as is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The log said no.
    #[error(transparent)]
    Refused(#[from] AppendRefused),
    /// The log failed; the same command can be tried again.
    #[error("the log did not take the append")]
    Failed(#[source] Arc<PortError>),
    /// The process is stopping.
    #[error("the append queue is closed")]
    Closed,
}

struct Waiting {
    append: Append,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
    /// What it is part of.
    span: Span,
}

/// What was recorded together.
struct Batch {
    answers: Vec<oneshot::Sender<Result<Appended, AppendError>>>,
    recording: Result<Recording, PortError>,
    begun: Instant,
    span: Span,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct AppendQueue {
    log: Arc<dyn EventLog>,
    sender: mpsc::Sender<Waiting>,
}

/// The way out: one per process, driven by [`Appender::run`].
pub struct Appender {
    log: Arc<dyn EventLog>,
    /// Who follows the log here.
    tail: Option<Arc<SharedTail>>,
    receiver: mpsc::Receiver<Waiting>,
}

/// A queue in front of a log.
#[must_use]
pub fn append_queue(log: Arc<dyn EventLog>) -> (AppendQueue, Appender) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (AppendQueue { log: Arc::clone(&log), sender }, Appender { log, tail: None, receiver })
}

impl AppendQueue {
    /// Records the append together with whatever else waits, and gives the answer once it is durable or refused.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.enqueue(append).await?.answer().await
    }

    /// Takes its place in the queue, behind whatever came before. What this gives ends once the append is durable or refused;
    /// dropping it does not take the append back.
    ///
    /// # Errors
    /// The process is stopping, or the append could not be prepared.
    pub async fn enqueue(&self, append: Append) -> Result<Enqueued, AppendError> {
        let append = self.log.prepare(append).await.map_err(|error| AppendError::Failed(Arc::new(error)))?;
        let (answer, answered) = oneshot::channel();
        self.sender.clone().send(Waiting { append, answer, span: Span::current() }).await.map_err(|_| AppendError::Closed)?;
        Ok(Enqueued(answered))
    }
}

/// An append that has its place in the queue.
#[must_use = "the answer tells whether it was recorded"]
pub struct Enqueued(oneshot::Receiver<Result<Appended, AppendError>>);

impl Enqueued {
    /// Waits until the append is durable or refused.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn answer(self) -> Result<Appended, AppendError> {
        self.0.await.map_err(|_| AppendError::Closed)?
    }
}

impl Appender {
    /// Tells what it records to those who follow the log in this process, so that they need not read it.
    #[must_use]
    pub fn telling(self, tail: Arc<SharedTail>) -> Self {
        Self { tail: Some(tail), ..self }
    }

    /// Records whatever waits, batch after batch, until every queue handle is gone and everything is answered. While a batch is made
    /// durable the next one is recorded. Gives how many batches it were.
    pub async fn run(self) -> u64 {
        let (recorded, settling) = mpsc::channel(SETTLING);
        let ((), batches) = join(record(&*self.log, self.receiver, recorded), settle(self.tail.as_deref(), settling)).await;
        batches
    }
}

async fn record(log: &dyn EventLog, mut waiting: mpsc::Receiver<Waiting>, mut recorded: mpsc::Sender<Batch>) {
    while let Some(first) = waiting.next().await {
        let mut appends = vec![first.append];
        let (mut answers, mut spans) = (vec![first.answer], vec![first.span]);
        while appends.len() < BATCH
            && let Ok(waiting) = waiting.try_recv()
        {
            appends.push(waiting.append);
            answers.push(waiting.answer);
            spans.push(waiting.span);
        }
        let span = span::append(appends.len(), spans.iter());
        // Who answers is there for as long as who records: they are driven together.
        match record_batch(log, &appends).instrument(span.clone()).await {
            // One of them is poison: alone, it fails alone.
            (_, Err(PortError::Rejected { .. } | PortError::Corrupt { .. })) if appends.len() > 1 => {
                for (append, answer) in appends.iter().zip(answers) {
                    let (begun, recording) = record_batch(log, slice::from_ref(append)).instrument(span.clone()).await;
                    let _ = recorded.send(Batch { answers: vec![answer], recording, begun, span: span.clone() }).await;
                }
            }
            (begun, recording) => {
                let _ = recorded.send(Batch { answers, recording, begun, span }).await;
            }
        }
    }
}

/// When the last try was begun, and what came of it.
async fn record_batch(log: &dyn EventLog, appends: &[Append]) -> (Instant, Result<Recording, PortError>) {
    let mut tries = 0;
    loop {
        tries += 1;
        let begun = Instant::now();
        match log.record(appends.to_vec()).await {
            Err(PortError::Unavailable { service, source }) if tries < TRIES => {
                meters().append_retries.increment(1);
                tracing::warn!(error = %source, service, appends = appends.len(), "append outcome unknown, trying again");
            }
            recording => return (begun, recording),
        }
    }
}

/// Answers each batch once it is durable, in the order of the log.
async fn settle(tail: Option<&SharedTail>, mut recorded: mpsc::Receiver<Batch>) -> u64 {
    let mut batches = 0;
    while let Some(Batch { answers, recording, begun, span }) = recorded.next().await {
        batches += 1;
        let settled = async { recording?.settled().await };
        let outcomes = match settled.instrument(span).await {
            Ok(Recording { answers: outcomes, events, announcement, .. }) => {
                debug_assert_eq!(outcomes.len(), answers.len(), "the log answers every append");
                if let Some(tail) = tail {
                    tail.recorded(events);
                }
                drop(announcement);
                meters().append_time.record(begun.elapsed());
                meters().append_batch.record(counted(answers.len()));
                outcomes.into_iter().map(|outcome| outcome.map_err(AppendError::Refused)).collect()
            }
            Err(error) => {
                let error = Arc::new(error);
                answers.iter().map(|_| Err(AppendError::Failed(Arc::clone(&error)))).collect::<Vec<_>>()
            }
        };
        measure(&outcomes);
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone; what was recorded stays recorded.
            let _ = answer.send(outcome);
        }
    }
    batches
}

/// Counts what became of a batch, all of it at once.
fn measure(outcomes: &[Result<Appended, AppendError>]) {
    let (mut events, [mut recorded, mut repeated, mut moved, mut mismatched, mut failed]) = (0, [0; 5]);
    for outcome in outcomes {
        let count = match outcome {
            Ok(Appended { repeated: true, .. }) => &mut repeated,
            Ok(Appended { first, last, repeated: false }) => {
                events += last.0 + 1 - first.0;
                &mut recorded
            }
            Err(AppendError::Refused(AppendRefused::Moved { .. })) => &mut moved,
            Err(AppendError::Refused(AppendRefused::CommandMismatch { .. })) => &mut mismatched,
            Err(AppendError::Failed(_) | AppendError::Closed) => &mut failed,
        };
        *count += 1;
    }
    let meters = meters();
    meters.events_appended.increment(events);
    for (outcome, count) in
        [("recorded", recorded), ("repeated", repeated), ("moved", moved), ("mismatched", mismatched), ("failed", failed)]
    {
        meters.appends.of(outcome).increment(count);
    }
}
