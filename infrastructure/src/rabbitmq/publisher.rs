//! The relay's side of the feed, and of the single events that go with it.
//!
//! One task owns the channel: two that publish on one channel mix up its delivery tags, and then a message that was never stored is
//! reported as confirmed. Everybody else hands the task a message and gets the confirmation of that very message back.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::FutureExt as _;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use posthaste_application::port::PortError;
use posthaste_application::port::broker::{Confirm, Publisher, Run};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::events::Singles;
use super::link::Link;
use super::{SERVICE, events, failed, topology, wire};

/// Messages that wait for the task. Few: the relay has its own bound, and waits here when the broker takes no more.
const WAITING: usize = 4;
/// A feed message need not outlive the broker: what it says is in the log.
const TRANSIENT: u8 = 1;

pub(super) async fn open(link: Link, types: BTreeSet<String>) -> Result<Box<dyn Publisher>, PortError> {
    let channel = link.new_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
    // On a channel of its own: what is returned there must not look like a run that was.
    let singles = if types.is_empty() { None } else { Some(Singles::open(&link, types).await?) };
    let (queue, messages) = mpsc::channel(WAITING);
    let task = tokio::spawn(publish_all(link, channel, singles, messages)).abort_handle();
    Ok(Box::new(FeedPublisher { queue, task }))
}

struct FeedPublisher {
    queue: mpsc::Sender<Message>,
    task: AbortHandle,
}

impl Drop for FeedPublisher {
    fn drop(&mut self) {
        // It may be waiting for a broker that takes no more.
        self.task.abort();
    }
}

struct Message {
    run: Run,
    body: Vec<u8>,
    sent: oneshot::Sender<lapin::Result<Sent>>,
}

/// What the broker is to confirm of a run.
struct Sent {
    feed: PublisherConfirm,
    singles: Vec<PublisherConfirm>,
}

#[async_trait]
impl Publisher for FeedPublisher {
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError> {
        let (sent, confirm) = oneshot::channel();
        let message = Message { body: wire::encode(&run), run, sent };
        self.queue.send(message).await.map_err(|_| lost())?;
        Ok(async move { confirmed(confirm.await.map_err(|_| lost())?.map_err(failed)?).await }.boxed())
    }
}

async fn publish_all(link: Link, channel: Channel, mut singles: Option<Singles>, mut messages: mpsc::Receiver<Message>) {
    let publish = async {
        while let Some(Message { run, body, sent }) = messages.recv().await {
            let outcome = publish(&channel, singles.as_mut(), &run, &body).await;
            let broken = outcome.is_err();
            // Whoever published may not care any more; the next ones do.
            let _ = sent.send(outcome);
            if broken {
                break;
            }
        }
    };
    tokio::select! {
        () = publish => {}
        () = link.watch() => {}
    }
}

async fn publish(channel: &Channel, singles: Option<&mut Singles>, run: &Run, body: &[u8]) -> lapin::Result<Sent> {
    let properties = BasicProperties::default()
        .with_content_type(wire::CONTENT_TYPE.into())
        .with_message_id(wire::message_id(run).into())
        .with_delivery_mode(TRANSIENT);
    // Not mandatory: without gateways there is nobody to route to, and nothing wrong.
    let options = BasicPublishOptions::default();
    let feed = channel.basic_publish(topology::FEED.into(), "".into(), options, body, properties).await?;
    let singles = match singles {
        Some(singles) => singles.send(run).await?,
        None => Vec::new(),
    };
    Ok(Sent { feed, singles })
}

async fn confirmed(sent: Sent) -> Result<(), PortError> {
    check(sent.feed.await.map_err(failed)?)?;
    if events::stored(sent.singles).await?.is_empty() {
        Ok(())
    } else {
        // A new connection declares it again.
        Err(PortError::unavailable(SERVICE, "the queue of a durable consumer is gone"))
    }
}

fn check(confirmation: Confirmation) -> Result<(), PortError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(returned)) => {
            Err(PortError::unavailable(SERVICE, format!("it returned a message: {}", returned.reply_text)))
        }
        Confirmation::Nack(_) => Err(PortError::unavailable(SERVICE, "it refused a message")),
        Confirmation::NotRequested => Err(PortError::unavailable(SERVICE, "it does not confirm on this channel")),
    }
}

fn lost() -> PortError {
    PortError::unavailable(SERVICE, "the connection of this publisher has ended")
}
