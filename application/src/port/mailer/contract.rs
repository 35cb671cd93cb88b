//! What every mailer does, as tests that any adapter runs; see [`crate::mailer_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::{Mail, Mailer};

/// Where mails arrive that a mailer sends.
#[async_trait]
pub trait Arrivals: Send + Sync {
    /// Every mail that has arrived, as it came over the wire (RFC 5322); of those with one file name or place, the last.
    async fn arrived(&self) -> Vec<String>;
}

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a mailer
/// (`Arc<dyn Mailer>`), which sends from `posthaste@chat.example`, where its mails arrive (`Arc<dyn Arrivals>`), and whatever must live as
/// long as both.
#[macro_export]
macro_rules! mailer_contract {
    ($fresh:path) => {
        $crate::mailer_contract! { $fresh =>
            a_mail_arrives_with_everything_that_it_says
            the_same_mail_sent_again_has_the_same_message_id
            nobody_who_chooses_a_name_adds_a_header_or_a_recipient
            a_name_in_any_script_is_encoded
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (mailer, arrivals, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::mailer::contract::$behaviour(mailer, arrivals).await;
            }
        )+
    };
}

fn mail(n: u64) -> Mail {
    Mail {
        id: Uuid::from_u64_pair(4, n),
        at: DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
        to: Email::parse("ann@example.org").expect("an address"),
        name: Some("Ann Ashgrove".to_owned()),
        subject: "Set a new password".to_owned(),
        text: "Hello Ann,\n\n.and a line that begins with a dot\n".to_owned(),
        html: "<p>Hello Ann</p>\n".to_owned(),
    }
}

async fn send(mailer: &dyn Mailer, mail: &Mail) {
    mailer.send(mail).await.expect("the mail is taken over");
}

/// The lines of a mail before what it says, those that go on joined with those before them.
fn headers(message: &str) -> Vec<String> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

fn header<'a>(headers: &'a [String], name: &str) -> &'a str {
    let mut named = headers.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = named.next().unwrap_or_else(|| panic!("no {name} in {headers:#?}"));
    assert!(named.next().is_none(), "{name} is there twice: {headers:#?}");
    value
}

pub async fn a_mail_arrives_with_everything_that_it_says(mailer: Arc<dyn Mailer>, arrivals: Arc<dyn Arrivals>) {
    send(&*mailer, &mail(1)).await;
    let arrived = arrivals.arrived().await;
    let [message] = &arrived[..] else { panic!("{arrived:?}") };
    let headers = headers(message);
    for (name, value) in [
        ("From", "Posthaste <posthaste@chat.example>"),
        ("To", "\"Ann Ashgrove\" <ann@example.org>"),
        ("Subject", "Set a new password"),
        ("Date", "Mon, 21 Sep 2026 14:13:20 +0000"),
        ("Message-ID", "<00000000-0000-0004-0000-000000000001@chat.example>"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(header(&headers, name), value);
    }
    assert!(header(&headers, "Content-Type").starts_with("multipart/alternative"), "{message}");
    // Whoever shows only the first of the forms shows text.
    let (text, html) = (message.find("\r\n.and a line that begins with a dot\r\n"), message.find("<p>Hello Ann</p>"));
    assert!(text.is_some() && text < html, "{message}");
}

pub async fn the_same_mail_sent_again_has_the_same_message_id(mailer: Arc<dyn Mailer>, arrivals: Arc<dyn Arrivals>) {
    let id = async || {
        let arrived = arrivals.arrived().await;
        header(&headers(arrived.last().expect("it arrives")), "Message-ID").to_owned()
    };
    send(&*mailer, &mail(1)).await;
    let first = id().await;
    send(&*mailer, &Mail { at: mail(1).at + TimeDelta::hours(1), text: "Another token".to_owned(), ..mail(1) }).await;
    assert_eq!(id().await, first);
    send(&*mailer, &mail(2)).await;
    let ids: Vec<_> = arrivals.arrived().await.iter().map(|message| header(&headers(message), "Message-ID").to_owned()).collect();
    assert!(ids.iter().any(|id| *id != first), "another mail has another: {ids:?}");
}

pub async fn nobody_who_chooses_a_name_adds_a_header_or_a_recipient(mailer: Arc<dyn Mailer>, arrivals: Arc<dyn Arrivals>) {
    for (n, name) in (1..).zip([
        "Ann\r\nBcc: eve@example.org",
        "Ann\nBcc: eve@example.org\n\nhello",
        "Ann\rBcc: eve@example.org",
        "Ann\u{2028}Bcc: eve@example.org\u{85}",
        "\" <eve@example.org>, \"Ann",
        "eve@example.org>, <",
        "",
        "\r\n",
    ]) {
        send(&*mailer, &Mail { name: Some(name.to_owned()), subject: format!("About {name}"), ..mail(n) }).await;
    }
    let arrived = arrivals.arrived().await;
    assert_eq!(arrived.len(), 8);
    for message in arrived {
        let headers = headers(&message);
        let names: Vec<_> = headers.iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        assert_eq!(names.len(), headers.len(), "a line that is no header: {headers:#?}");
        assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("bcc")), "{headers:#?}");
        let to = header(&headers, "To");
        // Outside of what is quoted there is one address.
        let mut quoted = false;
        let bare: String = to
            .replace("\\\"", "")
            .chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted && *c != '"'
            })
            .collect();
        assert!(bare.trim().trim_matches(['<', '>']).ends_with("ann@example.org") && !bare.contains("eve"), "{to}");
        assert_eq!(bare.matches('@').count(), 1, "{to}");
    }
}

pub async fn a_name_in_any_script_is_encoded(mailer: Arc<dyn Mailer>, arrivals: Arc<dyn Arrivals>) {
    send(&*mailer, &Mail { name: Some("Zoë 日本 🎈".to_owned()), ..mail(1) }).await;
    let arrived = arrivals.arrived().await;
    let headers = headers(&arrived[0]);
    let to = header(&headers, "To");
    assert!(to.is_ascii() && to.contains("=?utf-8?") && to.ends_with("<ann@example.org>"), "{to}");
}
