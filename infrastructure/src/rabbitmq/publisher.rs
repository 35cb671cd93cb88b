//! The relay's side of the feed.
//!
//! One task owns the channel: two that publish on one channel mix up its delivery tags, and then a message that was never stored is
//! reported as confirmed. Everybody else hands the task a message and gets the confirmation of that very message back.

use async_trait::async_trait;
use futures::FutureExt as _;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use posthaste_application::port::PortError;
use posthaste_application::port::broker::{Confirm, Publisher, Run};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::link::Link;
use super::{SERVICE, failed, topology, wire};

/// Messages that wait for the task. Few: the relay has its own bound, and waits here when the broker takes no more.
const WAITING: usize = 4;
/// A feed message need not outlive the broker: what it says is in the log.
const TRANSIENT: u8 = 1;

pub(super) async fn open(link: Link) -> Result<Box<dyn Publisher>, PortError> {
    let channel = link.new_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
    let (queue, messages) = mpsc::channel(WAITING);
    let task = tokio::spawn(publish_all(link, channel, messages)).abort_handle();
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
    id: String,
    body: Vec<u8>,
    sent: oneshot::Sender<lapin::Result<PublisherConfirm>>,
}

#[async_trait]
impl Publisher for FeedPublisher {
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError> {
        let (sent, confirm) = oneshot::channel();
        let message = Message { id: wire::message_id(&run), body: wire::encode(&run), sent };
        self.queue.send(message).await.map_err(|_| lost())?;
        Ok(async move { check(confirm.await.map_err(|_| lost())?.map_err(failed)?.await.map_err(failed)?) }.boxed())
    }
}

async fn publish_all(link: Link, channel: Channel, mut messages: mpsc::Receiver<Message>) {
    let publish = async {
        while let Some(Message { id, body, sent }) = messages.recv().await {
            let properties = BasicProperties::default()
                .with_content_type(wire::CONTENT_TYPE.into())
                .with_message_id(id.into())
                .with_delivery_mode(TRANSIENT);
            // Not mandatory: without gateways there is nobody to route to, and nothing wrong.
            let options = BasicPublishOptions::default();
            let confirm = channel.basic_publish(topology::FEED.into(), "".into(), options, &body, properties).await;
            let broken = confirm.is_err();
            // Whoever published may not care any more; the next ones do.
            let _ = sent.send(confirm);
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
