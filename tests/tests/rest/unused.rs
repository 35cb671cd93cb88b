//! The ports that REST never asks.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use posthaste_application::port::broker::{Publisher, Run};
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, Generation, KnownDevice, Receipt, SentMark};
use posthaste_application::port::dead::{After, Consumer, DeadLetter};
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::{Broker, Cursors, DeadLetters, PortError, RelayLease};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::view::ViewName;
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

    async fn devices(&self, _: Option<UserId>, _: Option<Device>, _: usize) -> Result<Vec<KnownDevice>, PortError> {
        Ok(Vec::new())
    }

    async fn count(&self) -> Result<u64, PortError> {
        Ok(0)
    }

    async fn receipts(&self, _: &[UserId], _: Position) -> Result<Vec<Receipt>, PortError> {
        Ok(Vec::new())
    }

    async fn sends(&self, _: &[UserId], _: Position) -> Result<Vec<Receipt>, PortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl DeadLetters for Memory {
    async fn list(&self, _: Option<&Consumer>, _: Option<After<'_>>, _: usize) -> Result<Vec<DeadLetter>, PortError> {
        Ok(Vec::new())
    }

    async fn one(&self, _: &Consumer, _: StreamId) -> Result<Option<DeadLetter>, PortError> {
        Ok(None)
    }

    async fn counts(&self) -> Result<Vec<(Consumer, u64)>, PortError> {
        Ok(Vec::new())
    }

    async fn retry(&self, _: &Consumer, _: StreamId) -> Result<bool, PortError> {
        Ok(false)
    }

    async fn drop_event(&self, _: &Consumer, _: StreamId, _: Position) -> Result<bool, PortError> {
        Ok(false)
    }

    async fn asked(&self) -> Result<Vec<ViewName>, PortError> {
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

    async fn confirmed_at(&self, _: Position) -> Result<Option<DateTime<Utc>>, PortError> {
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
