//! The broker of the distributed profile, when things go wrong with it. Each test has a RabbitMQ of its own to break.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::DateTime;
use futures::future::join_all;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use posthaste_application::doctor::Verdict;
use posthaste_application::port::broker::{Confirm, Publisher, Run};
use posthaste_application::port::{Broker, PortError};
use posthaste_application::recorded::{Decoded, Position, Recorded, StreamId};
use posthaste_domain::{Category, CommandId};
use posthaste_infrastructure::rabbitmq::RabbitMq;
use posthaste_tests::Sandbox;
use posthaste_tests::services::{RabbitMq as Server, Scratch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

type Runs = BoxStream<'static, Result<Run, PortError>>;

#[tokio::test]
async fn a_killed_broker_fails_all_of_a_thousand_unconfirmed_runs_and_a_new_publisher_goes_on_after_the_restart() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut server = Server::start(scratch.path().join("rabbitmq")).await?;
    let proxy = Proxy::start(&server.url("")).await?;
    let broker = RabbitMq::new(&proxy.url)?;
    let mut runs = broker.subscribe().await?;
    let mut publisher = broker.publisher().await?;
    publisher.publish(run(1)).await?.await?;
    assert_eq!(next(&mut runs).await?, run(1));

    // The broker has them, but nobody hears of it.
    proxy.answers(Answers::Held);
    let mut confirms = Vec::new();
    for position in 2..=1_001 {
        confirms.push(timeout(PATIENCE, publisher.publish(run(position))).await.with_context(|| format!("run {position}"))??);
    }
    confirms = unconfirmed(confirms)?;
    server.kill().await?;

    let confirmed = timeout(PATIENCE, join_all(confirms)).await.context("some runs have no outcome")?;
    let lost = confirmed.iter().filter(|confirmed| confirmed.is_err()).count();
    assert_eq!(lost, 1_000, "runs that a dead broker has confirmed: {}", 1_000 - lost);
    ensure!(timeout(PATIENCE, runs.next()).await?.is_some_and(|run| run.is_err()), "the subscriber does not know");
    ensure!(timeout(PATIENCE, runs.next()).await?.is_none(), "the subscription does not end");
    ensure!(published(&mut *publisher, 1_002).await.is_err(), "the publisher does not know");
    ensure!(broker.publisher().await.is_err(), "there is nothing to connect to");

    proxy.answers(Answers::Pass);
    server.restart().await?;
    let mut runs = broker.subscribe().await?;
    let mut publisher = broker.publisher().await?;
    let mut confirms = Vec::new();
    for position in 2..=1_001 {
        confirms.push(publisher.publish(run(position)).await?);
    }
    for (position, confirm) in (2..=1_001).zip(confirms) {
        timeout(PATIENCE, confirm).await.with_context(|| format!("run {position}"))??;
        assert_eq!(next(&mut runs).await?, run(position));
    }
    Ok(())
}

#[tokio::test]
async fn a_queue_deleted_under_its_subscriber_ends_the_subscription_with_an_error_and_a_new_one_works() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let server = Server::start(scratch.path().join("rabbitmq")).await?;
    let broker = RabbitMq::new(&server.url(""))?;
    let mut publisher = broker.publisher().await?;
    let mut deleted = broker.subscribe().await?;
    let queues = server.control(&["list_queues", "name", "--no-table-headers"]).await?;
    let queue = queues.lines().find(|queue| queue.starts_with("amq.gen")).with_context(|| queues.clone())?;
    let mut spared = broker.subscribe().await?;
    server.control(&["delete_queue", queue]).await?;

    let error = timeout(PATIENCE, deleted.next()).await?.context("it ended without an error")?.err().context("a run")?;
    ensure!(error.to_string().contains("rabbitmq"), "{error}");
    ensure!(timeout(PATIENCE, deleted.next()).await?.is_none(), "the subscription does not end");

    let mut again = broker.subscribe().await?;
    publisher.publish(run(1)).await?.await?;
    assert_eq!(next(&mut again).await?, run(1));
    assert_eq!(next(&mut spared).await?, run(1), "the other subscriber was not disturbed");
    Ok(())
}

#[tokio::test]
async fn a_blocked_broker_confirms_nothing_takes_no_more_and_keeps_no_publisher_from_leaving() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let server = Server::start(scratch.path().join("rabbitmq")).await?;
    let proxy = Proxy::start(&server.url("")).await?;
    let broker = RabbitMq::new(&proxy.url)?;
    let mut publisher = broker.publisher().await?;
    publisher.publish(run(1)).await?.await?;

    server.control(&["set_vm_memory_high_watermark", "absolute", "1"]).await?;
    // The first one tells the broker that this connection publishes; it is blocked from then on.
    let mut confirms = vec![publisher.publish(run(2)).await?];
    eventually("the connection is blocked", async || {
        let states = server.control(&["list_connections", "state", "--no-table-headers"]).await?;
        ensure!(states.contains("blocked"), "{states}");
        Ok(())
    })
    .await?;
    // A few may still wait on this side, and then publishing waits.
    while let Some(confirm) = timeout(Duration::from_secs(1), publisher.publish(run(3))).await.ok().transpose()? {
        confirms.push(confirm);
        ensure!(confirms.len() < 100, "it takes runs without end");
    }
    let confirms = unconfirmed(confirms)?;
    let room = async |broker: &RabbitMq| {
        let findings = broker.examine().await;
        findings.into_iter().find(|finding| finding.check == "disk").context("a finding of its disk")
    };
    let found = room(&broker).await?;
    ensure!(found.verdict == Verdict::Fail && found.says.contains("alarm"), "{found:?}");

    drop(publisher);
    eventually("the connection is closed", async || {
        ensure!(proxy.open() == 0, "{} are open", proxy.open());
        Ok(())
    })
    .await?;
    ensure!(timeout(PATIENCE, join_all(confirms)).await?.iter().all(Result::is_err), "confirmed without a connection");

    server.control(&["set_vm_memory_high_watermark", "0.4"]).await?;
    broker.publisher().await?.publish(run(2)).await?.await?;
    let found = room(&broker).await?;
    ensure!(found.verdict == Verdict::Ok && found.says.contains("cannot be seen"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_dropped_closes_its_connection_even_when_the_broker_does_not_answer() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("dropped").await?;
    let proxy = Proxy::start(&sandbox.rabbitmq_url()).await?;
    let broker = RabbitMq::new(&proxy.url)?;
    for answers in [Answers::Pass, Answers::Cut] {
        let (publisher, runs, events) =
            (broker.publisher().await?, broker.subscribe().await?, broker.event_publisher(BTreeSet::new()).await?);
        assert_eq!(proxy.open(), 3);
        proxy.answers(answers);
        drop((publisher, runs, events));
        eventually("every connection is closed", async || {
            ensure!(proxy.open() == 0, "{} are open, answers: {answers:?}", proxy.open());
            Ok(())
        })
        .await?;
        proxy.answers(Answers::Pass);
    }
    Ok(())
}

#[tokio::test]
async fn a_broker_that_accepts_and_says_nothing_is_given_up_without_leaving_a_connection_behind() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("mute").await?;
    let proxy = Proxy::start(&sandbox.rabbitmq_url()).await?;
    proxy.answers(Answers::Cut);
    let broker = RabbitMq::new(&proxy.url)?;
    {
        // Whoever waits may lose patience before the broker's time is up.
        let mut impatient = broker.publisher();
        eventually("it has connected", async || {
            ensure!(futures::poll!(&mut impatient).is_pending(), "it got an answer");
            ensure!(proxy.open() == 1, "{} are open", proxy.open());
            Ok(())
        })
        .await?;
    }
    eventually("the connection is closed", async || {
        ensure!(proxy.open() == 0, "{} are open", proxy.open());
        Ok(())
    })
    .await
}

/// Those that have no outcome yet, which must be all.
fn unconfirmed(confirms: Vec<Confirm>) -> anyhow::Result<Vec<Confirm>> {
    confirms
        .into_iter()
        .map(|mut confirm| match (&mut confirm).now_or_never() {
            None => Ok(confirm),
            Some(outcome) => bail!("a run that the broker cannot have confirmed has an outcome: {outcome:?}"),
        })
        .collect()
}

async fn published(publisher: &mut dyn Publisher, position: u64) -> Result<(), PortError> {
    publisher.publish(run(position)).await?.await
}

async fn next(runs: &mut Runs) -> anyhow::Result<Run> {
    Ok(timeout(PATIENCE, runs.next()).await.context("nothing came")?.context("the subscription ended")??)
}

/// Looks until it holds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match holds().await {
            Ok(()) => return Ok(()),
            Err(state) if Instant::now() > deadline => return Err(state.context(format!("waiting until {what}"))),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// What becomes of the broker's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Pass,
    /// They come later; that the broker has closed the connection shows at once.
    Held,
    /// Nothing comes, not even the end.
    Cut,
}

/// Stands between us and the broker, and counts the connections that are open on our side.
struct Proxy {
    url: String,
    answers: watch::Sender<Answers>,
    open: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(broker: &str) -> anyhow::Result<Self> {
        let mut url = reqwest::Url::parse(broker)?;
        let to = (Ipv4Addr::LOCALHOST, url.port().context("no port")?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        url.set_port(Some(listener.local_addr()?.port())).ok().context("no port")?;
        let (answers, open) = (watch::Sender::new(Answers::Pass), Arc::new(AtomicUsize::new(0)));
        let (sender, count) = (answers.clone(), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((ours, _)) = listener.accept().await {
                let (answers, count) = (sender.subscribe(), Arc::clone(&count));
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(theirs) = TcpStream::connect(to).await {
                        forward(ours, theirs, answers).await;
                    }
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { url: url.into(), answers, open })
    }

    fn answers(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Until we close, or the broker does and we may know.
async fn forward(ours: TcpStream, theirs: TcpStream, mut answers: watch::Receiver<Answers>) {
    let ((mut our_read, mut our_write), (mut their_read, mut their_write)) = (ours.into_split(), theirs.into_split());
    let requests = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = our_read.read(&mut buffer).await {
            // If it is gone, that shows on the other way.
            let _ = their_write.write_all(&buffer[..length]).await;
        }
    };
    let replies = async {
        let mut kept = Vec::new();
        loop {
            let pass = async { answers.wait_for(|answers| *answers == Answers::Pass).await.is_ok() };
            tokio::select! {
                read = their_read.read_buf(&mut kept) => if matches!(read, Ok(0) | Err(_)) { break },
                pass = pass, if !kept.is_empty() => {
                    if !pass || our_write.write_all(&kept).await.is_err() {
                        return;
                    }
                    kept.clear();
                }
            }
        }
        if answers.wait_for(|answers| *answers != Answers::Cut).await.is_ok_and(|answers| *answers == Answers::Pass) {
            let _ = our_write.write_all(&kept).await;
        }
    };
    tokio::select! {
        () = requests => {}
        () = replies => {}
    }
}

fn run(position: u64) -> Run {
    let id = Uuid::from_u128(u128::from(position));
    Arc::from([Arc::new(Recorded {
        position: Position(position),
        stream: StreamId { category: Category::Message, id },
        version: 1,
        event_type: "message.posted".to_owned(),
        schema: 1,
        facts: "{}".to_owned(),
        content: None,
        thread: None,
        actor: None,
        command: CommandId::new(id),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: id,
        causation: None,
        at: DateTime::UNIX_EPOCH,
        hash: [0; 32],
        decoded: Decoded::default(),
    })])
}
