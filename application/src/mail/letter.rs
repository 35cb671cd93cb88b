//! What a mail says.

use std::time::Duration;

use askama::Template;
use chrono::{DateTime, Utc};

use super::OneTimeToken;
use crate::port::one_time::Purpose;

/// What both forms of a mail are made of. In HTML everything is escaped, what people chose included.
pub(super) struct Letter {
    pub(super) subject: &'static str,
    pub(super) text: String,
    pub(super) html: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    name: Option<&'a str>,
    purpose: &'a str,
    link: &'a str,
    lifetime: &'a str,
    otherwise: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    subject: &'a str,
    name: Option<&'a str>,
    purpose: &'a str,
    link: &'a str,
    lifetime: &'a str,
    otherwise: &'a str,
}

#[derive(Template)]
#[template(path = "mail/farewell.txt")]
struct FarewellText<'a> {
    name: Option<&'a str>,
    link: &'a str,
    final_at: &'a str,
}

#[derive(Template)]
#[template(path = "mail/farewell.html")]
struct FarewellHtml<'a> {
    subject: &'a str,
    name: Option<&'a str>,
    link: &'a str,
    final_at: &'a str,
}

/// The mail that brings somebody a token.
///
/// # Errors
/// It cannot be written.
pub(super) fn letter(
    purpose: Purpose,
    name: Option<&str>,
    link_base: &str,
    token: &OneTimeToken,
    lifetime: Duration,
) -> Result<Letter, askama::Error> {
    let (subject, page, purpose, otherwise) = match purpose {
        Purpose::PasswordReset => (
            "Set a new password",
            "reset-password",
            "Somebody has asked to set a new password for your account. If it was you, follow this link:",
            "If it was not you, there is nothing to do: your password stays as it is.",
        ),
        Purpose::EmailVerification => (
            "Verify your email address",
            "verify-email",
            "This address was given for an account. If it is yours, follow this link:",
            "If it is not, there is nothing to do.",
        ),
        Purpose::AccountDeletion => return Err(askama::Error::custom("this mail brings no token")),
    };
    // Behind the #, which browsers keep to themselves: it is in no log of a server and in no Referer.
    let link = &format!("{}/{page}#token={}", link_base.trim_end_matches('/'), token.write());
    let lifetime = &duration(lifetime);
    Ok(Letter {
        subject,
        text: Text { name, purpose, link, lifetime, otherwise }.render()?,
        html: Html { subject, name, purpose, link, lifetime, otherwise }.render()?,
    })
}

/// The mail that tells somebody until when they can keep their account.
///
/// # Errors
/// It cannot be written.
pub(super) fn farewell(name: Option<&str>, link_base: &str, final_at: DateTime<Utc>) -> Result<Letter, askama::Error> {
    let (subject, link) = ("Your account is to be deleted", &format!("{}/", link_base.trim_end_matches('/')));
    let final_at = &final_at.format("%-d %B %Y at %H:%M UTC").to_string();
    Ok(Letter {
        subject,
        text: FarewellText { name, link, final_at }.render()?,
        html: FarewellHtml { subject, name, link, final_at }.render()?,
    })
}

/// In the largest unit that it is a whole number of.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        _ if seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(purpose: Purpose, name: Option<&str>) -> Letter {
        letter(purpose, name, "https://chat.example/", &OneTimeToken::new([7; 32]), Duration::from_hours(1)).unwrap()
    }

    #[test]
    fn both_forms_lead_to_the_configured_place_with_the_token_where_no_server_sees_it() {
        for (purpose, page) in [(Purpose::PasswordReset, "reset-password"), (Purpose::EmailVerification, "verify-email")] {
            let Letter { text, html, .. } = written(purpose, Some("Alice"));
            let link = format!("https://chat.example/{page}#token={}", OneTimeToken::new([7; 32]).write());
            assert!(text.lines().any(|line| line == link), "{text}");
            assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
        }
    }

    #[test]
    fn what_people_are_called_is_text_and_never_markup() {
        let name = "<img src=x onerror=\"alert('&')\">";
        let Letter { text, html, .. } = written(Purpose::PasswordReset, Some(name));
        assert!(text.contains(name), "in plain text it is what it is: {text}");
        assert!(!html.contains("<img") && html.contains("Hello &#60;img src=x onerror=&#34;alert(&#39;&#38;&#39;)&#34;&#62;,"), "{html}");
    }

    #[test]
    fn whoever_leaves_is_told_until_when_and_where_they_can_stay() {
        let final_at = DateTime::from_timestamp(1_765_704_300, 0).unwrap();
        let Letter { text, html, .. } = farewell(Some("Alice & Bob"), "https://chat.example/", final_at).unwrap();
        assert!(text.starts_with("Hello Alice & Bob,\n") && html.contains("<p>Hello Alice &#38; Bob,</p>"), "{text}{html}");
        for form in [&text, &html] {
            assert!(form.contains("14 December 2025 at 09:25 UTC") && form.contains("https://chat.example/"), "{form}");
            assert!(!form.contains("token"), "{form}");
        }
    }

    #[test]
    fn whoever_has_no_name_is_greeted_without_one() {
        let Letter { text, html, .. } = written(Purpose::EmailVerification, None);
        assert!(text.starts_with("Hello,\n") && html.contains("<p>Hello,</p>"), "{text}{html}");
    }

    #[test]
    fn how_long_it_is_good_for_is_told_as_people_would() {
        for (seconds, told) in [(3_600, "1 hour"), (86_400, "24 hours"), (5_400, "90 minutes"), (60, "1 minute"), (2, "2 seconds")] {
            assert_eq!(duration(Duration::from_secs(seconds)), told);
        }
    }
}
