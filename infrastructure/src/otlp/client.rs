//! Requests to the collector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use tokio::runtime::Handle;

/// Makes requests on the runtime it was made in, whatever thread asks for them.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    runtime: Handle,
    /// The collector did not take what it was last sent. Said once, not with every request.
    refused: AtomicBool,
}

impl Client {
    /// Waits so long for an answer. Follows no redirect: what is meant for one must not be sent to another.
    pub(super) fn new(patience: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(patience).tcp_nodelay(true).build()?;
        Ok(Self { client, runtime: Handle::current(), refused: AtomicBool::new(false) })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let sent = self.runtime.spawn(exchange(self.client.clone(), request)).await.map_err(HttpError::from);
        let answered = sent.and_then(|answered| Ok(answered?));
        let taken = answered.as_ref().is_ok_and(|answer| answer.status().is_success());
        match (self.refused.swap(!taken, Ordering::Relaxed), &answered) {
            (false, Err(error)) => tracing::warn!(error = &**error as &dyn std::error::Error, "spans are lost: no collector answers"),
            (false, Ok(answer)) if !taken => {
                tracing::warn!(status = answer.status().as_u16(), "spans are lost: the collector refuses them")
            }
            (true, Ok(_)) if taken => tracing::info!("the collector takes spans again"),
            (false | true, Ok(_) | Err(_)) => {}
        }
        answered
    }
}

async fn exchange(client: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, reqwest::Error> {
    let answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}
