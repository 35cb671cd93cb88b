//! The broker.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::stream::BoxStream;

use super::Stalls;
use crate::port::broker::{Confirm, Publisher, Run};
use crate::port::{self, PortError};

struct Published {
    connection: usize,
    first: u64,
    last: u64,
    answer: Option<oneshot::Sender<bool>>,
    confirmed: bool,
}

#[derive(Default)]
pub(super) struct BrokerState {
    attempts: usize,
    connections: usize,
    published: Vec<Published>,
    confirm_at_once: bool,
    block_runs: bool,
    refuse_runs: bool,
    block_connecting: bool,
    refuse_connections: bool,
}

impl BrokerState {
    fn publish(&mut self, connection: usize, run: &Run) -> Confirm {
        let (answer, confirm) = oneshot::channel();
        let (first, last) = (run.first().expect("a run").position.0, run.last().expect("a run").position.0);
        let mut published = Published { connection, first, last, answer: Some(answer), confirmed: false };
        if self.confirm_at_once {
            published.answer(true);
        }
        self.published.push(published);
        async move {
            match confirm.await {
                Ok(true) => Ok(()),
                Ok(false) => Err(PortError::unavailable("broker", "refused")),
                Err(lost) => Err(PortError::unavailable("broker", lost)),
            }
        }
        .boxed()
    }
}

impl Published {
    fn answer(&mut self, confirmed: bool) {
        if let Some(answer) = self.answer.take() {
            self.confirmed = confirmed;
            // Nobody may be waiting for it any more.
            let _ = answer.send(confirmed);
        }
    }
}

pub(in crate::relay::tests) struct Broker {
    pub(super) state: Arc<Mutex<BrokerState>>,
    pub(super) stalls: Arc<Stalls>,
}

macro_rules! switches {
    ($($name:ident)+) => {$(
        pub(in crate::relay::tests) fn $name(&self, on: bool) {
            self.state.lock().unwrap().$name = on;
        }
    )+};
}

impl Broker {
    switches! { confirm_at_once block_runs refuse_runs block_connecting refuse_connections }

    /// How often a connection was asked for.
    pub(in crate::relay::tests) fn attempts(&self) -> usize {
        self.state.lock().unwrap().attempts
    }

    pub(in crate::relay::tests) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// The runs of the last connection, first and last position of each.
    pub(in crate::relay::tests) fn runs(&self) -> Vec<(u64, u64)> {
        self.runs_of(self.connections())
    }

    pub(in crate::relay::tests) fn runs_of(&self, connection: usize) -> Vec<(u64, u64)> {
        let state = self.state.lock().unwrap();
        state.published.iter().filter(|run| run.connection == connection).map(|run| (run.first, run.last)).collect()
    }

    /// How far the runs that were confirmed reach without a hole.
    pub(in crate::relay::tests) fn confirmed_prefix(&self) -> u64 {
        let state = self.state.lock().unwrap();
        let mut confirmed: Vec<_> = state.published.iter().filter(|run| run.confirmed).map(|run| (run.first, run.last)).collect();
        confirmed.sort_unstable();
        confirmed.into_iter().fold(0, |prefix, (first, last)| if first <= prefix + 1 { prefix.max(last) } else { prefix })
    }

    /// The runs of the last connection that have no answer yet, as numbers for [`Broker::confirm`] and the like.
    pub(in crate::relay::tests) fn unanswered(&self) -> Vec<usize> {
        let state = self.state.lock().unwrap();
        let runs = state.published.iter().filter(|run| run.connection == state.connections);
        runs.enumerate().filter(|(_, run)| run.answer.is_some()).map(|(run, _)| run).collect()
    }

    pub(in crate::relay::tests) fn confirm(&self, run: usize) {
        self.on_run(run, |run| run.answer(true));
    }

    pub(in crate::relay::tests) fn nack(&self, run: usize) {
        self.on_run(run, |run| run.answer(false));
    }

    /// The connection breaks before the answer.
    pub(in crate::relay::tests) fn lose(&self, run: usize) {
        self.on_run(run, |run| drop(run.answer.take()));
    }

    pub(in crate::relay::tests) fn confirm_all(&self) {
        self.state.lock().unwrap().published.iter_mut().for_each(|run| run.answer(true));
    }

    fn on_run(&self, run: usize, change: impl FnOnce(&mut Published)) {
        let mut state = self.state.lock().unwrap();
        let connection = state.connections;
        change(state.published.iter_mut().filter(|run| run.connection == connection).nth(run).expect("such a run"));
    }
}

#[async_trait]
impl port::Broker for Broker {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        self.state.lock().unwrap().attempts += 1;
        let state = Arc::clone(&self.state);
        poll_fn(|_| if state.lock().unwrap().block_connecting { Poll::Pending } else { Poll::Ready(()) }).await;
        let mut state = self.state.lock().unwrap();
        if state.refuse_connections {
            return Err(PortError::unavailable("broker", "refused"));
        }
        state.connections += 1;
        Ok(Box::new(Connection { number: state.connections, state: Arc::clone(&self.state), stalls: Arc::clone(&self.stalls) }))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        unreachable!("the relay does not subscribe")
    }
}

struct Connection {
    number: usize,
    state: Arc<Mutex<BrokerState>>,
    stalls: Arc<Stalls>,
}

#[async_trait]
impl Publisher for Connection {
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError> {
        let state = Arc::clone(&self.state);
        poll_fn(|_| if state.lock().unwrap().block_runs { Poll::Pending } else { Poll::Ready(()) }).await;
        if self.state.lock().unwrap().refuse_runs {
            return Err(PortError::unavailable("broker", "refused"));
        }
        Ok(self.stalls.around("publish", || self.state.lock().unwrap().publish(self.number, &run)).await)
    }
}
