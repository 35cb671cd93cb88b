//! REST: the suite, which runs on every profile, and what only ports in memory can show.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod rest {
    mod accounts;
    pub(crate) mod client;
    mod courier;
    pub(crate) mod factors;
    pub(crate) mod groups;
    pub(crate) mod invitations;
    mod leaving;
    pub(crate) mod logins;
    mod mass_assignment;
    pub(crate) mod memory;
    mod messages;
    pub(crate) mod people;
    mod sign_ins;
    pub(crate) mod suite;
    mod unused;
}

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use posthaste_application::append::append_queue;
use posthaste_application::execute::{Doorkeeper, Executor, Rules};
use posthaste_application::limit::Limiter;
use posthaste_application::login::Lifetimes;
use posthaste_application::origin::Origins;
use posthaste_application::port::{Clock, Ids};
use posthaste_application::read::read_queue;
use posthaste_domain::{SessionId, UserId};
use posthaste_infrastructure::http::{
    self, App, Build, Check, ConnectionLimits, Edges, Exposition, HttpListener, Limits, Proxies, Readiness, Registration,
};
use posthaste_tests::{Profile, Stage};
use rest::client::{Client, Person, key, name, registration, reply, saying};
use rest::memory::Memory;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Ready, until told otherwise.
#[derive(Default)]
struct Switch {
    off: AtomicBool,
    broken: AtomicBool,
}

#[async_trait]
impl Readiness for Switch {
    async fn checks(&self) -> Vec<Check> {
        assert!(!self.broken.load(Ordering::SeqCst), "it is broken");
        let failure = self.off.load(Ordering::SeqCst).then(|| "it was switched off".to_owned());
        let check = |name, failure, required| Check { name, failure, required };
        vec![check("schema", None, true), check("redis", Some("gone".to_owned()), false), check("database", failure, true)]
    }
}

/// A server on ports in memory.
struct Server {
    base_url: String,
    address: SocketAddr,
    memory: Arc<Memory>,
    readiness: Arc<Switch>,
    _tasks: JoinSet<()>,
}

/// Measures nothing.
struct Nothing;

#[async_trait]
impl Exposition for Nothing {
    async fn text(&self) -> String {
        "# nothing\n".to_owned()
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(Registration::Open).await
    }

    async fn start_with(registration: Registration) -> Self {
        let memory = Memory::new();
        let readiness = Arc::new(Switch::default());
        let ports = memory.ports();
        let mut tasks = JoinSet::new();
        let (queue, appender) = append_queue(ports.log.clone());
        tasks.spawn(async move { _ = appender.run().await });
        memory.project(&mut tasks);
        let doorkeeper = Doorkeeper::new(ports.passcodes.clone(), ports.passwords.clone());
        let executor = Executor::new(ports.log.clone(), queue, Rules::default(), doorkeeper);
        let (reads, mut writer) = read_queue(ports.log.clone(), Arc::new(executor.clone()), ports.clock.clone(), ports.ids.clone());
        tasks.spawn(async move {
            loop {
                writer.arrived().await;
                writer.step().await;
            }
        });
        let limiter = ports.limiter.clone();
        let app = App {
            executor,
            reads,
            ports,
            limiter: Limiter::new(limiter.clone(), limiter, None),
            edges: Edges { origins: Origins::new(vec!["https://app.example".to_owned()]).expect("an origin"), ..Edges::default() },
            limits: Limits { view_wait: Duration::from_millis(100), request: Duration::from_secs(3), ..Limits::default() },
            lifetimes: Lifetimes::default(),
            registration,
            build: Build { version: "0.0.0", commit: None },
            readiness: readiness.clone(),
            exposition: Arc::new(Nothing),
        };
        let listener = HttpListener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr();
        let router = http::router(Arc::new(app));
        tasks.spawn(async move {
            http::serve(listener, router, ConnectionLimits::default(), Proxies::default(), std::future::pending(), Duration::ZERO).await
        });
        Self { base_url: format!("http://{address}"), address, memory, readiness, _tasks: tasks }
    }

    fn client(&self) -> Client {
        Client::new(&self.base_url)
    }

    /// What comes back for these bytes, until the server closes or says no more.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        let read = stream.read_to_string(&mut response);
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes the connection").unwrap();
        response
    }
}

#[tokio::test]
async fn the_suite_holds_on_the_embedded_profile() -> anyhow::Result<()> {
    rest::suite::suite(&Stage::start(Profile::Embedded, |settings| settings).await?.base()).await;
    Ok(())
}

#[tokio::test]
async fn the_suite_holds_on_the_distributed_profile() -> anyhow::Result<()> {
    rest::suite::suite(&Stage::start(Profile::Distributed, |settings| settings).await?.base()).await;
    Ok(())
}

#[tokio::test]
async fn the_suite_holds_on_ports_in_memory() {
    let server = Server::start().await;
    rest::suite::suite(&server.base_url).await;
}

#[tokio::test]
async fn what_is_promised_about_people_holds() {
    let server = Server::start().await;
    rest::people::suite(&server.base_url).await;
}
#[tokio::test]
async fn what_is_promised_about_groups_holds() {
    let server = Server::start().await;
    rest::groups::suite(&server.base_url).await;
}
#[tokio::test]
async fn what_is_promised_about_getting_in_holds() {
    let server = Server::start().await;
    rest::invitations::suite(&server.base_url).await;
}

#[tokio::test]
async fn an_expired_token_is_told_from_a_bad_one() {
    let server = Server::start().await;
    let now = server.memory.now();
    let token = |end| Memory::token(UserId::new(server.memory.next()), SessionId::new(server.memory.next()), end);
    rest::suite::an_expired_token_says_so(&server.base_url, &token(now - TimeDelta::seconds(1))).await;
    // Good, but of nobody in this log.
    server.client().with_token(&token(now + TimeDelta::seconds(60))).get("/v1/me").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_token_ends_when_the_login_said_it_would() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    let body = json!({"login": person.username, "password": rest::client::PASSWORD});
    let session = server.client().post("/v1/sessions", &body).await.expect(201);
    let end: DateTime<chrono::Utc> = session["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(session["expires_in_s"], 900);
    assert_eq!((end.timestamp(), end.timestamp_subsec_nanos()), (server.memory.now().timestamp() + 900, 0));
    assert!(session["access_token"].as_str().unwrap().ends_with(&format!(".{}", end.timestamp())));
}

#[tokio::test]
async fn a_registration_that_was_cut_off_is_repaired_by_its_retry() {
    let server = Server::start().await;
    let body = registration(&name("alice"));
    let (user, email) = (key(), body["email"].as_str().unwrap());
    server.memory.put_credentials(user, email, rest::client::PASSWORD);
    server.client().post_as(user, "/v1/users", &body).await.expect(201);
    let login = json!({"login": email, "password": rest::client::PASSWORD});
    assert_eq!(server.client().post("/v1/sessions", &login).await.expect(201)["user"]["id"], user.to_string());
}

#[tokio::test]
async fn credentials_left_under_a_key_belong_to_whoever_left_them() {
    let server = Server::start().await;
    let body = registration(&name("alice"));
    let email = body["email"].as_str().unwrap();
    let (other_password, other_email) = (key(), key());
    server.memory.put_credentials(other_password, email, "another password");
    server.memory.put_credentials(other_email, "somebody@example.com", rest::client::PASSWORD);
    for user in [other_password, other_email] {
        server.client().post_as(user, "/v1/users", &body).await.problem(422, "command_mismatch");
    }
}

#[tokio::test]
async fn a_registered_users_id_is_no_way_to_try_passwords() {
    let server = Server::start().await;
    let body = registration(&name("alice"));
    let user = key();
    let registered = server.client().post_as(user, "/v1/users", &body).await.expect(201);
    let hashed = server.memory.hashed.load(Ordering::SeqCst);
    let mut guess = body.clone();
    guess["password"] = json!("a guess, and a wrong one");
    assert_eq!(server.client().post_as(user, "/v1/users", &guess).await.expect(201), registered);
    assert_eq!(server.memory.hashed.load(Ordering::SeqCst), hashed, "no password was looked at");
}

#[tokio::test]
async fn a_password_that_cannot_be_right_is_not_hashed() {
    let server = Server::start().await;
    let mut body = registration(&name("alice"));
    body["password"] = json!("x".repeat(129));
    server.client().post("/v1/users", &body).await.problem(400, "validation");
    let login = json!({"login": "alice", "password": "x".repeat(129)});
    server.client().post("/v1/sessions", &login).await.problem(400, "validation");
    assert_eq!(server.memory.hashed.load(Ordering::SeqCst), 0);
    // An unknown account costs what a known one does.
    let login = json!({"login": "nobody", "password": "a wrong password"});
    server.client().post("/v1/sessions", &login).await.problem(401, "unauthorized");
    assert_eq!(server.memory.hashed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_is_found_in_the_log_by_its_id() {
    let server = Server::start().await;
    let id = key();
    let request = server.client().request(reqwest::Method::POST, "/v1/users").header("X-Request-Id", id.to_string());
    let registered = reply(request.json(&registration(&name("alice")))).await;
    assert_eq!(registered.request_id, id.to_string());
    registered.expect(201);
    assert_eq!(server.memory.correlations(), [id; 3]);
}

#[tokio::test]
async fn a_ticket_is_kept_for_whoever_asked() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    person.client.post("/v1/ws/tickets", &json!({})).await.expect(201);
    assert_eq!(server.memory.tickets_of(person.id.parse().unwrap()), 1);
}

#[tokio::test]
async fn an_outage_is_told_as_one_and_nothing_more() {
    let server = Server::start().await;
    let (alice, bob) = (Person::new(&server.base_url, "alice").await, Person::new(&server.base_url, "bob").await);
    let (thread, _) = alice.befriend(&bob).await;
    server.memory.down.store(true, Ordering::SeqCst);
    let path = format!("/v1/threads/{thread}/messages");
    for problem in [
        alice.client.post(&path, &saying("hello")).await.problem(503, "unavailable"),
        alice.client.get("/v1/me").await.problem(503, "unavailable"),
        server.client().post("/v1/users", &registration(&name("carol"))).await.problem(503, "unavailable"),
    ] {
        assert_eq!(problem["retry"], "after");
        assert!(!problem.to_string().contains("switched off"), "{problem}");
    }
    server.memory.down.store(false, Ordering::SeqCst);
    alice.client.post(&path, &saying("hello")).await.expect(201);
}

#[tokio::test]
async fn a_service_that_is_not_ready_says_why() {
    let server = Server::start().await;
    server.readiness.off.store(true, Ordering::SeqCst);
    let problem = server.client().get("/readyz").await;
    assert_eq!(problem.content_type, "application/problem+json");
    assert_eq!((problem.status, &problem.body["code"], &problem.body["ready"]), (503, &json!("unavailable"), &json!(false)));
    let checks = json!([
        {"name": "schema", "ok": true, "required": true},
        {"name": "redis", "ok": false, "required": false, "detail": "gone"},
        {"name": "database", "ok": false, "required": true, "detail": "it was switched off"},
    ]);
    assert_eq!(problem.body["checks"], checks);
    // Alive all the same.
    server.client().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_panic_is_a_fault_like_any_other() {
    let server = Server::start().await;
    server.readiness.broken.store(true, Ordering::SeqCst);
    let problem = server.client().get("/readyz").await.problem(500, "internal");
    assert!(!problem.to_string().contains("broken"), "{problem}");
    server.client().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_view_that_is_late_sends_no_member_away() {
    let server = Server::start().await;
    let (alice, bob) = (Person::new(&server.base_url, "alice").await, Person::new(&server.base_url, "bob").await);
    let eve = Person::new(&server.base_url, "eve").await;
    server.memory.late.store(true, Ordering::SeqCst);
    let (thread, position) = alice.befriend(&bob).await;
    let path = format!("/v1/threads/{thread}/messages");
    bob.client.get(&path).await.expect(200);
    eve.client.get(&path).await.problem(404, "not_found");
    // Whoever asks for a position is told that it was not reached.
    bob.client.get(&format!("{path}?after={position}")).await.problem(503, "view_behind");
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_has_a_limit_too() {
    let server = Server::start().await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let head = "POST /v1/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let response = server.raw(&format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(17))).await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    assert!(response.contains("application/problem+json") && response.contains("\"too_large\""), "{response}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for_for_ever() {
    let server = Server::start().await;
    let head = "POST /v1/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let response = server.raw(&format!("{head}content-length: 100\r\n\r\n{{")).await;
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    assert!(response.contains("application/problem+json") && response.contains("\"unavailable\""), "{response}");
}

#[tokio::test]
async fn a_fault_is_logged_once_and_with_its_cause_but_not_told() {
    let server = Server::start().await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let _guard = tracing::subscriber::set_default(logs::Recorder(lines.clone()));
    server.memory.down.store(true, Ordering::SeqCst);
    server.client().post("/v1/users", &registration(&name("carol"))).await.problem(503, "unavailable");
    let lines = lines.lock().unwrap();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("memory is unavailable")).collect();
    assert_eq!(told.len(), 1, "{lines:?}");
    assert!(told[0].contains("it was switched off"), "{told:?}");
    assert!(!lines.iter().any(|line| line.contains(rest::client::PASSWORD)), "{lines:?}");
}

/// What is logged, as text.
mod logs {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    pub(crate) struct Recorder(pub(crate) Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, "{field}={value:?} ").unwrap();
        }
    }

    impl Recorder {
        fn push(&self, visit: impl FnOnce(&mut Line)) {
            let mut line = Line(String::new());
            visit(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }

    impl Subscriber for Recorder {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("posthaste")
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            self.push(|line| span.record(line));
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            self.push(|line| values.record(line));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.push(|line| event.record(line));
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }
}

#[tokio::test]
async fn whoever_asks_to_set_a_password_anew_looks_nobody_up() {
    let server = Server::start().await;
    let username = name("alice");
    server.client().post("/v1/users", &registration(&username)).await.expect(201);
    let waiting = async || server.memory.mail_waiting().await;
    assert_eq!(waiting().await, 1, "the address is to be verified");
    let before = server.memory.asked();
    for (n, email) in (2..).zip([format!("{username}@example.com"), format!("{}@example.com", name("nobody"))]) {
        assert_eq!(server.client().post("/v1/password/reset", &json!({ "email": email })).await.status, 202);
        assert_eq!((server.memory.asked(), waiting().await), (before, n), "{email}");
    }
}
