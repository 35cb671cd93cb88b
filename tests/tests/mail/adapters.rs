//! The mailers, on a real server and a real folder.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use posthaste_application::port::Mailer;
use posthaste_application::port::mailer::contract::Arrivals;
use posthaste_application::port::mailer::{Mail, Unsent};
use posthaste_domain::text::Email;
use posthaste_infrastructure::lettre::{OutboxMailer, Sender, Smtp, SmtpMailer, SmtpTls};
use posthaste_tests::services::Scratch;
use posthaste_tests::smtp::{Postmaster, SmtpServer};
use uuid::Uuid;

fn from() -> Sender {
    Sender::parse("Posthaste <posthaste@chat.example>").unwrap()
}

fn server(smtp: &SmtpServer) -> Smtp {
    let timeout = Duration::from_secs(10);
    Smtp { host: "127.0.0.1".to_owned(), port: Some(smtp.port()), tls: SmtpTls::None, login: None, timeout }
}

fn mail() -> Mail {
    Mail {
        id: Uuid::from_u128(7),
        at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        to: Email::parse("ann@example.org").unwrap(),
        name: None,
        subject: "Hello".to_owned(),
        text: "Hello".to_owned(),
        html: "<p>Hello</p>".to_owned(),
    }
}

mod smtp {
    use super::*;

    posthaste_application::mailer_contract!(fresh);

    struct Taken(SmtpServer);

    #[async_trait]
    impl Arrivals for Taken {
        async fn arrived(&self) -> Vec<String> {
            let received = self.0.received();
            assert!(received.iter().all(|mail| mail.recipients == ["ann@example.org"]), "{received:?}");
            received.into_iter().map(|mail| mail.message).collect()
        }
    }

    async fn fresh(_test: &str) -> (Arc<dyn Mailer>, Arc<dyn Arrivals>, ()) {
        let taken = SmtpServer::start(0, Postmaster::Take).await.unwrap();
        (Arc::new(SmtpMailer::new(&server(&taken), from()).unwrap()), Arc::new(Taken(taken)), ())
    }
}

mod outbox {
    use super::*;

    posthaste_application::mailer_contract!(fresh);

    struct Folder(std::path::PathBuf);

    #[async_trait]
    impl Arrivals for Folder {
        async fn arrived(&self) -> Vec<String> {
            let files = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path());
            let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|extension| extension == "eml")).collect();
            files.sort();
            files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
        }
    }

    async fn fresh(_test: &str) -> (Arc<dyn Mailer>, Arc<dyn Arrivals>, Scratch) {
        let scratch = Scratch::new().unwrap();
        let folder = scratch.path().join("outbox");
        (Arc::new(OutboxMailer::new(&folder, from())), Arc::new(Folder(folder)), scratch)
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_its_owner_reads_an_outbox() {
        use std::os::unix::fs::PermissionsExt as _;
        let (mailer, _, scratch) = fresh("").await;
        mailer.send(&mail()).await.unwrap();
        let folder = scratch.path().join("outbox");
        let file = folder.join(format!("{}.eml", mail().id));
        let modes = [folder, file].map(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o700, 0o600]);
    }
}

#[tokio::test]
async fn what_the_server_says_tells_whether_it_is_tried_again_and_nothing_of_it_is_repeated() {
    let smtp = SmtpServer::start(0, Postmaster::Take).await.unwrap();
    let login = Some(("posthaste".to_owned(), "hush".to_owned()));
    let mailer = SmtpMailer::new(&Smtp { timeout: Duration::from_millis(300), login, ..server(&smtp) }, from()).unwrap();
    for (manner, expected) in [
        (Postmaster::Take, None),
        (Postmaster::Refuse(451), Some(Unsent::Temporary("the server answered 451".to_owned()))),
        (Postmaster::Refuse(550), Some(Unsent::Permanent("the server answered 550".to_owned()))),
        // It is not the mail that is wrong.
        (Postmaster::RefuseLogin(535), Some(Unsent::Temporary("the server answered 535".to_owned()))),
        (Postmaster::Hang, Some(Unsent::Temporary("the server did not answer in time".to_owned()))),
        (Postmaster::Cut, Some(Unsent::Temporary("the server cannot be reached".to_owned()))),
    ] {
        smtp.behave(manner);
        assert_eq!(mailer.send(&mail()).await.err(), expected, "{manner:?}");
    }
    drop(smtp);
    assert_eq!(mailer.send(&mail()).await, Err(Unsent::Temporary("the server cannot be reached".to_owned())));
}

#[tokio::test]
async fn where_tls_is_asked_for_nothing_is_said_in_the_open() {
    let smtp = SmtpServer::start(0, Postmaster::Take).await.unwrap();
    for tls in [SmtpTls::StartTls, SmtpTls::Tls] {
        let login = Some(("posthaste".to_owned(), "hush".to_owned()));
        let mailer = SmtpMailer::new(&Smtp { tls, login, timeout: Duration::from_millis(500), ..server(&smtp) }, from()).unwrap();
        assert!(matches!(mailer.send(&mail()).await, Err(Unsent::Temporary(_))), "{tls:?}");
    }
    let said = smtp.commands();
    assert!(said.iter().any(|command| command.starts_with("EHLO")), "{said:?}");
    assert!(!said.iter().any(|command| ["AUTH", "MAIL", "RCPT", "DATA"].iter().any(|verb| command.starts_with(verb))), "{said:?}");
    assert!(smtp.received().is_empty());
}

#[tokio::test]
async fn an_address_that_has_no_mailbox_is_given_up() {
    let smtp = SmtpServer::start(0, Postmaster::Take).await.unwrap();
    let mailer = SmtpMailer::new(&server(&smtp), from()).unwrap();
    let nowhere = Mail { to: Email::parse("a..b@example.org").unwrap(), ..mail() };
    assert!(matches!(mailer.send(&nowhere).await, Err(Unsent::Permanent(_))));
    assert!(smtp.received().is_empty());
}
