//! The ports that REST never asks.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use posthaste_application::port::broker::{Publisher, Run};
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, Generation, Receipt, SentMark};
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::{Broker, Cursors, PortError, RelayLease};
use posthaste_application::recorded::Position;
use posthaste_domain::UserId;
use uuid::Uuid;

use super::memory::Memory;

#[async_trait]
impl Cursors for Memory {
    async fn connect(&self, _: Connect) -> Result<Connected, PortError> {
        unreachable!("REST has no devices")
    }

    async fn advance(&self, _: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError> {
        unreachable!("REST has no devices")
    }

    async fn generations(&self, _: &[Device]) -> Result<Vec<(Device, Generation)>, PortError> {
        unreachable!("REST has no devices")
    }

    async fn mark_sent(&self, _: &[SentMark]) -> Result<(), PortError> {
        unreachable!("REST has no devices")
    }

    async fn receipts(&self, _: &[UserId], _: Position) -> Result<Vec<Receipt>, PortError> {
        Ok(Vec::new())
    }

    async fn sends(&self, _: &[UserId], _: Position) -> Result<Vec<Receipt>, PortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl RelayLease for Memory {
    async fn acquire(&self, _: Uuid, _: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        unreachable!("REST does not relay")
    }

    async fn checkpoint(&self, _: Lease, _: Position, _: Duration) -> Result<Result<(), Fenced>, PortError> {
        unreachable!("REST does not relay")
    }

    async fn release(&self, _: Lease) -> Result<(), PortError> {
        unreachable!("REST does not relay")
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        unreachable!("REST does not relay")
    }
}

#[async_trait]
impl Broker for Memory {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        unreachable!("REST does not publish")
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        unreachable!("REST does not subscribe")
    }
}
