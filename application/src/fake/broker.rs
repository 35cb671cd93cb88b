use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::stream::BoxStream;

use crate::port::broker::{Publisher, Run};
use crate::port::{Broker, PortError};

/// A broker that delivers what a test tells it to.
#[derive(Default)]
pub(crate) struct FakeBroker {
    subscribers: Mutex<Vec<mpsc::UnboundedSender<Result<Run, PortError>>>>,
}

impl FakeBroker {
    pub(crate) fn deliver(&self, run: &Run) {
        self.subscribers.lock().unwrap().retain(|subscriber| subscriber.unbounded_send(Ok(run.clone())).is_ok());
    }

    /// Every subscription ends.
    pub(crate) fn cut(&self) {
        for subscriber in self.subscribers.lock().unwrap().drain(..) {
            let _ = subscriber.unbounded_send(Err(PortError::unavailable("fake broker", "cut")));
        }
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        Err(PortError::rejected("fake broker", "nobody publishes over it"))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        let (sender, receiver) = mpsc::unbounded();
        self.subscribers.lock().unwrap().push(sender);
        Ok(receiver.boxed())
    }
}
