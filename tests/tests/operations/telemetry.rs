//! Spans of one message at a collector, and a server whose collector is not there.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::Ipv4Addr;

use anyhow::{Context as _, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use posthaste_tests::actor::User;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Stage};
use prost::Message as _;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

use super::{PATIENCE, until};

/// What a request brought: its head, and the spans of each service.
struct Export {
    head: String,
    services: Vec<(Vec<KeyValue>, Vec<Span>)>,
}

/// A collector: it takes whatever comes.
struct Collector {
    port: u16,
    exports: UnboundedReceiver<Export>,
}

impl Collector {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (sender, exports) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move { take(stream, &sender).await });
            }
        });
        Ok(Self { port, exports })
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.port)
    }

    /// The next one.
    async fn next(&mut self) -> anyhow::Result<Export> {
        timeout(PATIENCE, self.exports.recv()).await.context("no spans came")?.context("the collector is gone")
    }
}

/// One request after the other, until the connection is closed.
async fn take(stream: TcpStream, exports: &UnboundedSender<Export>) -> anyhow::Result<Infallible> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            ensure!(stream.read_line(&mut head).await? > 0, "closed");
        }
        for line in head.lines() {
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let request = ExportTraceServiceRequest::decode(body.as_slice())?;
        let services = request.resource_spans.into_iter().map(|of| {
            let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
            (of.resource.map(|resource| resource.attributes).unwrap_or_default(), spans)
        });
        let _ = exports.send(Export { head, services: services.collect() });
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    if let any_value::Value::IntValue(number) = value {
        return Some(number.to_string());
    }
    if let any_value::Value::StringValue(text) = value { Some(text) } else { None }
}

fn covers(span: &Span, position: u64) -> bool {
    let end = |key| text(&span.attributes, key).and_then(|number| number.parse::<u64>().ok());
    end("first").zip(end("last")).is_some_and(|(first, last)| (first..=last).contains(&position))
}

/// Posts a message as part of a trace, and gives its position.
async fn post(base: &str, request: Uuid, traceparent: &str) -> anyhow::Result<u64> {
    let (alice, bob) = (User::register(base, "alice").await?, User::register(base, "bob").await?);
    alice.befriend(base, &bob).await?;
    let thread = alice.open_direct(base, &bob).await?;
    let post = posthaste_tests::http::client().post(format!("{base}/v1/threads/{thread}/messages"));
    let post = post.header(AUTHORIZATION, format!("Bearer {}", alice.token())).header("X-Request-Id", request.to_string());
    let post = post.header("traceparent", traceparent).json(&json!({ "content": { "kind": "text", "text": "nothing for a collector" } }));
    let posted: Value = post.send().await?.error_for_status()?.json().await?;
    posted["position"].as_u64().with_context(|| posted.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_can_be_followed_at_a_collector_embedded() -> anyhow::Result<()> {
    a_message_can_be_followed_at_a_collector(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_can_be_followed_at_a_collector_distributed() -> anyhow::Result<()> {
    a_message_can_be_followed_at_a_collector(Profile::Distributed).await
}

async fn a_message_can_be_followed_at_a_collector(profile: Profile) -> anyhow::Result<()> {
    let mut collector = Collector::start().await?;
    let settings = |settings: NodeSettings| {
        let settings = settings.with("TELEMETRY__ENDPOINT", collector.endpoint()).with("TELEMETRY__SERVICE", "letters");
        settings.with("TELEMETRY__HEADERS__AUTHORIZATION", "Bearer s3cret")
    };
    let stage = Stage::start(profile, settings).await?;
    let (request, trace) = (Uuid::from_u128(rand::random()), "4bf92f3577b34da6a3ce929d0e0e4736");
    let position = post(&stage.base(), request, &format!("00-{trace}-00f067aa0ba902b7-01")).await?;

    let (mut spans, mut heads, mut resources) = (Vec::new(), Vec::new(), Vec::new());
    let whole = |spans: &[Span]| {
        let names = |name: &str| spans.iter().any(|span| span.name == name && covers(span, position));
        let ours = spans.iter().filter(|span| text(&span.attributes, "correlation") == Some(request.to_string()));
        let ours: BTreeSet<_> = ours.map(|span| span.name.clone()).collect();
        ours.len() == 2 && names("publish") && spans.iter().filter(|span| span.name == "project" && covers(span, position)).count() == 3
    };
    while !whole(&spans) {
        let Export { head, services } = collector.next().await?;
        heads.push(head);
        for (resource, exported) in services {
            resources.push(resource);
            spans.extend(exported);
        }
    }
    let named = |name: &str| {
        let ours = |span: &&Span| span.name == name && text(&span.attributes, "correlation") == Some(request.to_string());
        spans.iter().find(ours).with_context(|| format!("no span {name} of {request} among {spans:#?}"))
    };
    let (asked, command) = (named("request")?, named("command")?);
    let id = |hex: &str| u128::from_str_radix(hex, 16).map(u128::to_be_bytes);
    ensure!(asked.trace_id == id(trace)? && asked.parent_span_id == id("00f067aa0ba902b7")?[8..], "{asked:?}");
    ensure!(command.trace_id == asked.trace_id && command.parent_span_id == asked.span_id, "{command:?} is not within {asked:?}");
    ensure!(text(&command.attributes, "outcome").as_deref() == Some("executed"), "{command:?}");
    ensure!(text(&command.attributes, "position") == Some(position.to_string()), "{command:?}");
    let carried = |span: &&Span| span.name == "append" && span.links.iter().any(|link| link.span_id == command.span_id);
    spans.iter().find(carried).context("no append is linked to the command")?;

    ensure!(heads.iter().all(|head| head.starts_with("POST /v1/traces ") && head.contains("Bearer s3cret")), "{heads:?}");
    ensure!(resources.iter().all(|resource| text(resource, "service.name").as_deref() == Some("letters")), "{resources:?}");
    ensure!(!format!("{spans:?}").contains("nothing for a collector"), "what was said is no part of a span");
    ensure!(!stage.node().logs().contains("s3cret"), "{}", stage.node().logs());
    Ok(())
}

/// The last spans are not yet due when the server is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_exports_its_last_spans() -> anyhow::Result<()> {
    let (mut collector, data) = (Collector::start().await?, Scratch::new()?);
    let settings = NodeSettings::embedded(&data.path().join("data")).with("TELEMETRY__ENDPOINT", collector.endpoint());
    let mut node = Node::start("a node", settings).await?;
    let (last, none) = (Uuid::from_u128(rand::random()), "");
    post(&node.base(), last, none).await?;
    ensure!(node.terminate().await?.success(), "{}", node.logs());
    collector.exports.close();
    let mut found = false;
    while let Some(Export { services, .. }) = collector.exports.recv().await {
        found |= services.iter().flat_map(|(_, spans)| spans).any(|span| text(&span.attributes, "correlation") == Some(last.to_string()));
    }
    ensure!(found, "the spans of the last request were lost");
    Ok(())
}

/// Of a trace that its maker does not follow, nothing is exported; nor of one that begins here and is not sampled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_exported() -> anyhow::Result<()> {
    let (mut collector, data) = (Collector::start().await?, Scratch::new()?);
    let settings = NodeSettings::embedded(&data.path().join("data")).with("TELEMETRY__ENDPOINT", collector.endpoint());
    let mut node = Node::start("a node", settings.with("TELEMETRY__SAMPLING", "0")).await?;
    let (followed, not) = (Uuid::from_u128(rand::random()), Uuid::from_u128(rand::random()));
    let base = node.base();
    post(&base, not, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").await?;
    let client = posthaste_tests::http::client();
    let sampled = client.get(format!("{base}/healthz")).header("X-Request-Id", followed.to_string());
    sampled.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01").send().await?.error_for_status()?;
    ensure!(node.terminate().await?.success(), "{}", node.logs());
    collector.exports.close();
    let mut requests = Vec::new();
    while let Some(Export { services, .. }) = collector.exports.recv().await {
        requests.extend(services.iter().flat_map(|(_, spans)| spans).map(|span| text(&span.attributes, "correlation")));
    }
    ensure!(requests == [Some(followed.to_string())], "{requests:?}, and not only {followed}");
    Ok(())
}

/// It is not there, or takes a connection and never answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_delays_nobody() -> anyhow::Result<()> {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
    for (what, port) in [("silent", silent.local_addr()?.port()), ("gone", gone)] {
        let data = Scratch::new()?;
        let settings = NodeSettings::embedded(&data.path().join("data")).with("TELEMETRY__FLUSH_MS", "500");
        let mut node = Node::start(what, settings.with("TELEMETRY__ENDPOINT", format!("http://127.0.0.1:{port}/v1/traces"))).await?;
        post(&node.base(), Uuid::from_u128(rand::random()), "").await?;
        if what == "gone" {
            let told = async || Ok(node.logs().matches("no collector answers").count());
            until("it is said once", told, |times| *times == 1).await?;
            posthaste_tests::http::get(format!("{}/v1/openapi.json", node.base())).await?.error_for_status()?;
        }
        ensure!(node.terminate().await?.success(), "{what}: {}", node.logs());
        ensure!(node.logs().contains("\"stopped\""), "{what}: {}", node.logs());
    }
    Ok(())
}
