//! Spans for a collector, over OTLP/HTTP.
//!
//! What has ended waits in a queue of bounded length for a thread of its own. While the collector is slow or gone the queue is full and what
//! comes is dropped, so nothing that makes spans ever waits for it.

mod client;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use posthaste_application::span;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use self::client::Client;

/// Spans that wait, at most; what comes when there are so many is dropped.
const WAITING: usize = 8_192;
/// Spans of one request to the collector, at most.
const TOGETHER: usize = 512;
/// How long spans are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How long the collector may take for one request.
const PATIENCE: Duration = Duration::from_secs(5);
/// The module that makes the span of a request.
const REQUESTS: &str = "posthaste_infrastructure::http";

/// Where spans go.
pub struct OtlpSettings<'a> {
    /// The address that takes spans: `http://collector:4318/v1/traces`.
    pub endpoint: &'a str,
    /// What this service is called there.
    pub service: &'a str,
    /// The version of this program.
    pub version: &'static str,
    /// How many of the traces that begin here are exported, from 0 to 1; a trace that somebody else began is as they decided.
    pub sampling: f64,
    /// Sent with every request. They are secret.
    pub headers: HashMap<String, String>,
}

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum UnusableCollector {
    /// Its address.
    #[error("the endpoint is not like http://host:4318/v1/traces")]
    Endpoint,
    /// How many to sample.
    #[error("the sampling ratio {0} is not between 0 and 1")]
    Sampling(f64),
    /// A header. Which one is said, not what is in it.
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    /// The client.
    #[error("there is no HTTP client")]
    Client(#[source] reqwest::Error),
    /// The exporter.
    #[error("there is no exporter")]
    Exporter(#[source] ExporterBuildError),
}

impl OtlpSettings<'_> {
    /// Whether they can be used, as far as that can be told without a collector.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), UnusableCollector> {
        let url: Url = self.endpoint.parse().map_err(|_| UnusableCollector::Endpoint)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(UnusableCollector::Endpoint);
        }
        if !(0.0..=1.0).contains(&self.sampling) {
            return Err(UnusableCollector::Sampling(self.sampling));
        }
        let fits = |name: &str, value: &str| HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
        let wrong = self.headers.iter().find(|(name, value)| !fits(name, value));
        wrong.map_or(Ok(()), |(name, _)| Err(UnusableCollector::Header(name.clone())))
    }
}

/// What exports spans.
pub struct Otlp(SdkTracerProvider);

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}

impl Otlp {
    /// Begins to export. Must be called within a tokio runtime, on which requests to the collector are made.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn start(settings: OtlpSettings<'_>) -> Result<Self, UnusableCollector> {
        settings.check()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Client::new(PATIENCE).map_err(UnusableCollector::Client)?)
            .with_endpoint(settings.endpoint)
            .with_headers(settings.headers)
            .with_timeout(PATIENCE)
            .build()
            .map_err(UnusableCollector::Exporter)?;
        let batches =
            BatchConfigBuilder::default().with_max_queue_size(WAITING).with_max_export_batch_size(TOGETHER).with_scheduled_delay(GATHER);
        let resource = Resource::builder_empty()
            .with_service_name(settings.service.to_owned())
            .with_attribute(KeyValue::new("service.version", settings.version));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sampling))))
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches.build()).build());
        Ok(Self(provider.build()))
    }

    /// What takes the spans in. Of everything that is traced in this process, it takes our own spans and nothing else.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let most = LevelFilter::DEBUG;
        let ours = move |of: &Metadata<'_>| {
            *of.level() <= most && of.is_span() && (of.target() == span::TARGET || of.target().starts_with(REQUESTS))
        };
        let ours = filter_fn(ours).with_max_level_hint(most);
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer("posthaste"));
        // None of it tells anything about a request.
        layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(ours)
    }

    /// Exports what is waiting, as long as that takes at most so long, and ends. Blocks.
    pub fn stop(self, patience: Duration) {
        match self.0.shutdown_with_timeout(patience) {
            Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the last spans were not exported"),
        }
    }
}
