//! What the courier of mails makes of what it finds, by a clock that is told what time it is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::SubsecRound as _;
use posthaste_application::append::append_queue;
use posthaste_application::execute::{Command, Doorkeeper, Envelope, Executor, Rules};
use posthaste_application::login::{Lifetimes, Logins};
use posthaste_application::mail::{self, Courier, MOST_GOOD, MailPorts, MailTerms};
use posthaste_application::port::mail_queue::memory::MemoryMailQueue;
use posthaste_application::port::mailer::{Mail, Unsent};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::port::{MailQueue, Mailer, Ports};
use posthaste_domain::CommandId;
use posthaste_domain::text::{DisplayName, Email, Username};
use posthaste_domain::user::Profile;
use posthaste_infrastructure::system::SystemRandomness;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::memory::Memory;

const ADDRESS: &str = "alice@example.org";

/// Keeps what it is sent.
#[derive(Default)]
struct Letterbox(Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for Letterbox {
    async fn send(&self, mail: &Mail) -> Result<(), Unsent> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

pub(super) struct Office {
    memory: Arc<Memory>,
    pub(super) ports: Ports,
    pub(super) executor: Executor,
    courier: Courier,
    letterbox: Arc<Letterbox>,
    queue: Arc<MemoryMailQueue>,
    _tasks: JoinSet<()>,
}

impl Office {
    pub(super) fn open() -> Self {
        let (memory, letterbox, queue) = (Memory::new(), Arc::new(Letterbox::default()), Arc::new(MemoryMailQueue::default()));
        let mail = MailPorts {
            queue: queue.clone(),
            mailer: letterbox.clone(),
            randomness: Arc::new(SystemRandomness),
            terms: MailTerms::default(),
        };
        let ports = Ports { mail: Some(mail.clone()), ..memory.ports() };
        let (appends, appender) = append_queue(ports.log.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { _ = appender.run().await });
        let doorkeeper = Doorkeeper::new(ports.passcodes.clone(), ports.passwords.clone());
        let executor = Executor::new(ports.log.clone(), appends, Rules::default(), doorkeeper);
        let courier = Courier::new(ports.clone(), mail, executor.clone());
        Self { memory, ports, executor, courier, letterbox, queue, _tasks: tasks }
    }

    pub(super) async fn register(&self) {
        let user = Uuid::from_u128(1);
        self.memory.put_credentials(user, ADDRESS, "a password of mine");
        let profile = Profile { username: Username::parse("alice").unwrap(), display_name: DisplayName::parse("Alice").unwrap() };
        let envelope = Envelope { command: CommandId::new(user), actor: None, correlation: user, at: self.ports.clock.now() };
        self.executor.execute(envelope, Command::RegisterUser { profile, email: Email::parse(ADDRESS).unwrap() }).await.unwrap();
    }

    pub(super) async fn owe(&self, n: u128, purpose: Purpose) {
        assert!(mail::owe(&self.ports, Uuid::from_u128(n), purpose, Email::parse(ADDRESS).unwrap()).await.unwrap());
    }

    /// Lets so many seconds pass, and sends what is due; gives how much waits then, and how much was sent since the beginning.
    pub(super) async fn later(&self, seconds: i64) -> (u64, usize) {
        self.memory.pass(seconds);
        self.courier.step().await.unwrap();
        (self.queue.status().await.unwrap().waiting, self.letterbox.0.lock().unwrap().len())
    }
}

#[tokio::test]
async fn a_registration_that_is_on_its_way_is_waited_for_and_one_that_never_comes_is_not() {
    let office = Office::open();
    office.owe(1, Purpose::EmailVerification).await;
    assert_eq!(office.later(0).await, (1, 0));
    office.register().await;
    assert_eq!(office.later(30).await, (0, 1));
    let mail = office.letterbox.0.lock().unwrap()[0].clone();
    assert_eq!((mail.to.as_str(), mail.name.as_deref(), mail.id), (ADDRESS, Some("Alice"), Uuid::from_u128(1)));

    let office = Office::open();
    office.owe(1, Purpose::EmailVerification).await;
    assert_eq!(office.later(59).await, (1, 0));
    assert_eq!(office.later(60).await, (0, 0));
    // Who does not have the address may not have it yet only when it was given for a registration.
    office.owe(2, Purpose::PasswordReset).await;
    assert_eq!(office.later(0).await, (0, 0));
}

#[tokio::test]
async fn a_mail_that_nobody_lives_to_send_is_given_up_and_not_begun_for_ever() {
    let office = Office::open();
    office.register().await;
    office.owe(1, Purpose::PasswordReset).await;
    let terms = MailTerms::default();
    for _ in 0..terms.tries {
        office.memory.pass(i64::try_from(terms.hold.as_secs()).unwrap());
        let now = office.ports.clock.now().trunc_subsecs(6);
        assert_eq!(office.queue.take(now, now + terms.hold, 10).await.unwrap().len(), 1, "and is killed");
    }
    assert_eq!(office.later(i64::try_from(terms.hold.as_secs()).unwrap()).await, (0, 0));
    assert_eq!(office.queue.dead(10).await.unwrap()[0].reason, "it was begun too often");
}

#[tokio::test]
async fn nobody_is_sent_more_than_a_few_links_that_are_good_however_often_somebody_asks() {
    let office = Office::open();
    office.register().await;
    for n in 1..=MOST_GOOD {
        office.owe(n as u128, Purpose::PasswordReset).await;
        assert_eq!(office.later(60).await, (0, n));
        // Within a minute it is too soon.
        office.owe(100 + n as u128, Purpose::PasswordReset).await;
        assert_eq!(office.later(0).await, (0, n));
    }
    office.owe(200, Purpose::PasswordReset).await;
    assert_eq!(office.later(60).await, (0, MOST_GOOD), "as many are good");
    office.owe(201, Purpose::EmailVerification).await;
    assert_eq!(office.later(0).await, (0, MOST_GOOD + 1), "that is for something else");
    office.owe(202, Purpose::PasswordReset).await;
    assert_eq!(office.later(3_600).await, (0, MOST_GOOD + 2), "they have run out");
    let mails = office.letterbox.0.lock().unwrap();
    let links: BTreeSet<_> = mails.iter().filter_map(|mail| mail.text.lines().find(|line| line.contains("#token="))).collect();
    assert_eq!(links.len(), mails.len(), "each has a token of its own");
}

#[tokio::test]
async fn a_token_is_good_for_the_password_that_it_was_sent_for_and_what_was_broken_off_goes_on() {
    let office = Office::open();
    office.register().await;
    office.owe(1, Purpose::PasswordReset).await;
    assert_eq!(office.later(0).await, (0, 1));
    let text = office.letterbox.0.lock().unwrap()[0].text.clone();
    let token = text.split_once("#token=").unwrap().1.lines().next().unwrap();
    let logins = Logins { ports: &office.ports, executor: &office.executor, lifetimes: Lifetimes::default(), correlation: Uuid::nil() };
    let reset = async |password: &str| mail::reset_password(&logins, token, password.to_owned()).await.unwrap();
    // Somehow it was changed meanwhile, and the token was not removed.
    office.memory.put_hash(Uuid::from_u128(1), "plain:changed elsewhere".to_owned());
    assert!(!reset("a password of a thief").await);
    assert_eq!(office.memory.hash_of(Uuid::from_u128(1)), "plain:changed elsewhere");
    // If it is what was asked for, all that is left to do is done, and then nothing is.
    assert!(reset("changed elsewhere").await);
    assert!(!reset("changed elsewhere").await);
}
