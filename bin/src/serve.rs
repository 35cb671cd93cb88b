//! `posthaste serve`: starts the parts of a process and stops them again, in the order that loses nothing.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use posthaste_application::Ports;
use posthaste_application::append::append_queue;
use posthaste_application::content::deletions::Deletions;
use posthaste_application::deliver::{Feed, Hub, Listener, ack_queue};
use posthaste_application::execute::{Doorkeeper, Executor};
use posthaste_application::limit::allowance::Allowances;
use posthaste_application::mail::Courier;
use posthaste_application::presence::{Lookout, Renewer};
use posthaste_application::read::read_queue;
use posthaste_application::shared_tail::SharedTail;
use posthaste_application::signal::{Telling, signal_queue};
use posthaste_infrastructure::http::{self, App, Build, HttpListener, Limits};
use posthaste_infrastructure::prometheus::Prometheus;
use posthaste_infrastructure::ws::{self, Doors, Gateway, GatewaySettings, SocketEndpoint};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::readiness::{Probe, Scrape};
use crate::roles::{self, Role, guard};
use crate::{cli, compose};

/// How long what has begun may take to end when the process is stopped; sockets are given their spread before that.
const DRAIN: Duration = Duration::from_secs(10);

/// A running process.
pub(crate) struct Server {
    address: SocketAddr,
    ports: Ports,
    stopping: CancellationToken,
    /// How long it is not ready, and takes on work all the same, before it takes no connections any more.
    grace: Duration,
    closing: CancellationToken,
    /// What takes on work: ends first, within `patience`.
    front: JoinSet<anyhow::Result<()>>,
    patience: Duration,
    /// What the front is served by: ends when there is nobody left to serve.
    middle: JoinSet<anyhow::Result<()>>,
    retiring: CancellationToken,
    /// What finishes work: ends when nothing is in front of it any more.
    back: JoinSet<anyhow::Result<()>>,
    finishing: CancellationToken,
}

/// Serves until it is told to stop or a part of it ends.
pub(crate) async fn serve(config: anyhow::Result<Config>, roles: Vec<Role>) -> anyhow::Result<()> {
    let config = config?;
    let collector = compose::telemetry(&config)?;
    cli::init_logs(false, collector.as_ref());
    let served = serve_until_told(&config, &roles).await;
    if let Some(collector) = collector {
        let flush = config.telemetry().flush();
        // It blocks, and the requests it makes are made here.
        tokio::task::spawn_blocking(move || collector.stop(flush)).await?;
    }
    served
}

async fn serve_until_told(config: &Config, roles: &[Role]) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let server = start(config, roles).await?;
    // A server goes on without anybody who reads this.
    let _ = greet(&server, roles);
    tokio::select! {
        _ = terminated.recv() => tracing::info!("told to stop"),
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = server.stopping.cancelled() => {}
    }
    tokio::select! {
        stopped = server.stop() => stopped,
        _ = terminated.recv() => anyhow::bail!("told to stop again, and stopped at once: what was acked last will be pushed again"),
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted again, and stopped at once: what was acked last will be pushed again"),
    }
}

fn greet(server: &Server, roles: &[Role]) -> io::Result<()> {
    let (address, mut out) = (server.address(), io::stdout().lock());
    writeln!(out, "Posthaste is listening on http://{address}")?;
    if roles.contains(&Role::Api) {
        writeln!(out, "  API documentation   http://{address}/docs")?;
        writeln!(out, "  sockets             ws://{address}/v1/ws")?;
        writeln!(out, "  see it work         posthaste demo")?;
    }
    Ok(())
}

/// Starts the parts that these roles ask for.
pub(crate) async fn start(config: &Config, roles: &[Role]) -> anyhow::Result<Server> {
    // Before anything is done that is measured.
    let prometheus = Prometheus::install()?;
    let edges = compose::edges(config)?;
    let ports = compose::ports(config).await?;
    // Bound before anything runs: an address that is taken must not start a relay.
    let listener =
        HttpListener::bind(config.server().listen).await.with_context(|| format!("cannot listen on {}", config.server().listen))?;
    let address = listener.local_addr();
    let (stopping, closing) = (CancellationToken::new(), CancellationToken::new());
    let (retiring, finishing) = (CancellationToken::new(), CancellationToken::new());
    // To a process that serves nobody, nobody is sent.
    let sent_to = roles.contains(&Role::Api) || roles.contains(&Role::Gateway);
    let grace = if sent_to { config.drain_grace() } else { Duration::ZERO };
    let (mut front, mut middle, mut back) = (JoinSet::new(), JoinSet::new(), JoinSet::new());

    let (queue, mut appender) = append_queue(Arc::clone(&ports.log));
    // Those who follow the log share its end; whoever looks anything up reads the log itself.
    let tail = Arc::new(SharedTail::new(Arc::clone(&ports.log)));
    if roles.contains(&Role::Projector) || roles.contains(&Role::Relay) {
        appender = appender.telling(Arc::clone(&tail));
    }
    let head = ports.log.head().await.context("the log cannot be read")?.position;
    let hub = Arc::new(Hub::new(head));
    let (acks, ack_writer) = ack_queue(Arc::clone(&ports.cursors), Arc::clone(&hub));
    let doorkeeper = Doorkeeper::new(Arc::clone(&ports.passcodes), Arc::clone(&ports.passwords));
    let executor = Executor::new(Arc::clone(&ports.log), queue, config.rules().rules(), doorkeeper);
    let (signals, signal_writer) = signal_queue(Arc::clone(&ports.signals), Arc::new(Arc::clone(&ports.views)), Arc::clone(&ports.clock));
    let executes = Arc::new(Telling::new(executor.clone(), signals.clone()));
    let (reads, read_writer) = read_queue(Arc::clone(&ports.log), executes, Arc::clone(&ports.clock), Arc::clone(&ports.ids));
    back.spawn(async move {
        // Whatever was accepted is answered, also while stopping.
        appender.run().await;
        Ok(())
    });
    let (clock, finish) = (Arc::clone(&ports.clock), finishing.clone());
    back.spawn(async move {
        roles::write_acks(ack_writer, clock, finish).await;
        Ok(())
    });
    let finish = finishing.clone();
    back.spawn(async move {
        roles::write_reads(read_writer, finish).await;
        Ok(())
    });
    let finish = finishing.clone();
    back.spawn(async move {
        roles::tell(signal_writer, finish).await;
        Ok(())
    });

    let mut app = http::operations();
    if roles.contains(&Role::Api) {
        app = http::routes();
    }
    if roles.contains(&Role::Gateway) {
        let timing = config.gateway().presence();
        let (presence, views, clock) = (&ports.presence, &ports.views, &ports.clock);
        let renewer = Renewer::new(Arc::clone(&hub), Arc::clone(presence), Arc::clone(clock), timing);
        let lookout = Arc::new(Lookout::new(Arc::clone(presence), Arc::clone(views), Arc::clone(clock), timing));
        middle.spawn(guard("presence", stopping.clone(), ended(roles::presence::renew(renewer, timing, retiring.clone()))));
        middle.spawn(guard("lookout", stopping.clone(), ended(roles::presence::look_out(Arc::clone(&lookout), timing, retiring.clone()))));
        let settings = GatewaySettings {
            drain_grace: grace,
            origins: edges.origins.clone(),
            frames: config.limits().frames(),
            ..config.gateway().settings()
        };
        let gateway = Gateway {
            lookout,
            ports: ports.clone(),
            executor: executor.clone(),
            hub: Arc::clone(&hub),
            acks,
            reads: reads.clone(),
            signals,
            allowances: Allowances::default(),
            doors: Doors::new(settings.connects_per_s, settings.connects_waiting),
            settings,
            stopping: stopping.clone(),
            connections: TaskTracker::new(),
        };
        let gateway = Arc::new(gateway);
        app = app.at("/v1/ws", SocketEndpoint::new(Arc::clone(&gateway))).at("/v1/asyncapi.json", ws::document_endpoint());
        let feed = Feed::new(Arc::clone(&ports.log), Arc::clone(&ports.broker), Arc::clone(&hub));
        // Sockets are served to their end.
        middle.spawn(guard("feed", stopping.clone(), ended(roles::feed(feed, retiring.clone()))));
        let listener = Listener::new(Arc::clone(&ports.signals), Arc::clone(&hub));
        middle.spawn(guard("listener", stopping.clone(), ended(roles::listen(listener, retiring.clone()))));
        let (newest, cursors) = (Arc::clone(&hub), Arc::clone(&ports.cursors));
        middle.spawn(ended(roles::look_for_newer(newest, cursors, retiring.clone())));
        let token = closing.clone();
        front.spawn(async move {
            token.cancelled().await;
            gateway.connections.close();
            gateway.connections.wait().await;
            Ok(())
        });
    }
    if roles.contains(&Role::Projector) {
        let project = roles::projectors::project(Arc::clone(&tail), ports.clone(), retiring.clone());
        middle.spawn(guard("projectors", stopping.clone(), project));
        middle.spawn(ended(roles::dead::fold_anew(ports.clone(), retiring.clone())));
        middle.spawn(ended(roles::dead::tell(ports.clone(), retiring.clone())));
    }
    if roles.contains(&Role::Relay) {
        let timing = config.relay().timing();
        let relay = roles::new_relay(tail, &ports, timing);
        if let Some(sealer) = compose::sealer(config, &ports, relay.holder())? {
            middle.spawn(ended(roles::seals::seal(sealer, ports.clone(), retiring.clone())));
        }
        let deletions = Deletions::new(ports.clone(), executor.clone(), relay.holder());
        middle.spawn(ended(roles::deletions::complete(deletions, retiring.clone())));
        middle.spawn(guard("relay", stopping.clone(), roles::relay(relay, ports.clone(), timing.lease, retiring.clone())));
    }

    if roles.contains(&Role::Webhooks)
        && let Some(webhooks) = &ports.webhooks
    {
        roles::webhooks::spawn(webhooks, &ports, &stopping, &mut front);
    }

    if roles.contains(&Role::Mail)
        && let Some(mail) = &ports.mail
    {
        let courier = Courier::new(ports.clone(), mail.clone(), executor.clone());
        front.spawn(guard("mail", stopping.clone(), ended(roles::mail::send(courier, stopping.clone()))));
    }

    let fed = roles.contains(&Role::Gateway).then(|| Arc::clone(&hub));
    let probe = Arc::new(Probe::new(&ports, fed, config.readiness().limits(), stopping.clone()));
    back.spawn(ended(roles::gather(prometheus.clone(), finishing.clone())));
    let app_state = App {
        executor,
        reads,
        limiter: compose::limiter(config, &ports),
        edges: edges.clone(),
        ports: ports.clone(),
        limits: Limits::default(),
        lifetimes: config.lifetimes(),
        registration: config.registration(),
        build: Build { version: env!("CARGO_PKG_VERSION"), commit: option_env!("POSTHASTE_COMMIT") },
        readiness: Arc::clone(&probe) as _,
        exposition: Arc::new(Scrape { probe, prometheus }),
    };
    let endpoint = http::edge(app, Arc::new(app_state));
    let shutdown = closing.clone().cancelled_owned();
    let connections = config.server().connections();
    let served = ended(http::serve(listener, endpoint, connections, edges.proxies, shutdown, DRAIN));
    front.spawn(guard("HTTP server", stopping.clone(), served));
    tracing::info!(address = %address, roles = ?roles, "started");
    let patience = DRAIN + config.gateway().settings().drain_spread;
    Ok(Server { address, ports, stopping, grace, closing, front, patience, middle, retiring, back, finishing })
}

async fn ended(part: impl Future<Output = ()>) -> anyhow::Result<()> {
    part.await;
    Ok(())
}

impl Server {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its ports.
    pub(crate) const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Stops taking on work, finishes what was taken on, and ends.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stopping.cancel();
        // Whoever sends people here learns from `readyz` that they should not, and needs a connection to ask.
        sleep(self.grace).await;
        self.closing.cancel();
        let front = finish(&mut self.front, self.patience).await;
        self.retiring.cancel();
        let middle = finish(&mut self.middle, DRAIN).await;
        // With the last executor gone, the append queue ends when it is empty.
        self.finishing.cancel();
        let back = finish(&mut self.back, DRAIN).await;
        tracing::info!("stopped");
        front.and(middle).and(back)
    }
}

/// Waits for all parts, within the time there is; the first failure is what is reported.
async fn finish(parts: &mut JoinSet<anyhow::Result<()>>, patience: Duration) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    let all = async {
        while let Some(part) = parts.join_next().await {
            outcome = std::mem::replace(&mut outcome, Ok(())).and(part.context("a part of the process panicked").and_then(|part| part));
        }
    };
    if timeout(patience, all).await.is_err() {
        tracing::warn!("not everything ended in time");
        parts.abort_all();
    }
    outcome
}
