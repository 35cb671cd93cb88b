//! Text that was checked once, at the edge, and is right ever after.

mod chosen;

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Why a text was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Fewer characters than allowed.
    #[error("{field} must have at least {min} characters")]
    TooShort {
        /// What was being named.
        field: &'static str,
        /// The least number of characters.
        min: usize,
    },
    /// More characters than allowed.
    #[error("{field} must have at most {max} characters")]
    TooLong {
        /// What was being named.
        field: &'static str,
        /// The greatest number of characters.
        max: usize,
    },
    /// Characters that do not belong there.
    #[error("{field} {rule}")]
    Malformed {
        /// What was being named.
        field: &'static str,
        /// What it must look like.
        rule: &'static str,
    },
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $check:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it as it will be shown.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                $check(text).map(Self)
            }

            /// As it is shown.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// A public handle: 3 to 32 of letters, digits, `_`, `.` and `-`; unique without regard to case.
    Username = username;
    /// What others see beside a username: 1 to 64 characters.
    DisplayName = display_name;
    /// An address to write to: up to 254 characters; unique without regard to case. Never enters an event.
    Email = email;
    /// What somebody calls one of their logins: 1 to 64 characters. Never enters an event.
    SessionName = session_name;
    /// The text of a message: 1 to 8,000 characters after trimming.
    MessageBody = message_body;
    /// What a group or channel is called: 1 to 100 characters.
    Title = title;
    /// What a group or channel is about: 1 to 1,000 characters.
    Description = description;
    /// One emoji, as a reaction: 1 to 16 characters, no letters and no white space.
    Emoji = emoji;
    /// What an uploaded file is called: 1 to 255 characters.
    FileName = file_name;
    /// What kind of file it is, such as `image/png`: up to 127 characters.
    MediaType = media_type;
    /// Who takes in the log, such as `view:threads` or `webhook:crm`: 1 to 100 characters.
    ConsumerName = consumer_name;
    /// A stream as it is written, `<category>-<id>`, also of a category that this program does not know: 1 to 100 characters.
    StreamName = stream_name;
}

impl MessageBody {
    /// The most characters a message may have.
    pub const MAX_CHARACTERS: usize = 8_000;
}

impl Title {
    /// The form that is searched.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl DisplayName {
    /// The form that is searched.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl Username {
    /// The form that is compared.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl Email {
    /// The form that is compared.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Compatibility-normalised and lower-cased, so that look-alikes of case and width are one name.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // ASCII and the letters of Latin-1 have one form only.
    let simple = |c: char| matches!(c, '\0'..='\x7f' | 'À'..='ÿ');
    let mut folded = String::with_capacity(text.len());
    // A blank joins with nothing before or after it, so what is between blanks can be folded by itself.
    for part in text.split_inclusive(' ') {
        if part.chars().all(simple) || is_nfkc_quick(part.chars()) == IsNormalized::Yes {
            let begun = folded.len();
            folded.extend(part.chars().flat_map(char::to_lowercase));
            let lower = &folded[begun..];
            if !lower.chars().all(simple) && is_nfkc_quick(lower.chars()) != IsNormalized::Yes {
                let normal: String = lower.nfkc().collect();
                folded.truncate(begun);
                folded.push_str(&normal);
            }
        } else {
            folded.extend(part.nfkc().flat_map(char::to_lowercase).nfkc());
        }
    }
    folded
}

fn length(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), TextError> {
    let characters = text.chars().count();
    if characters < min {
        Err(TextError::TooShort { field, min })
    } else if characters > max {
        Err(TextError::TooLong { field, max })
    } else {
        Ok(())
    }
}

fn username(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    length("username", text, 3, 32)?;
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        Ok(text.to_owned())
    } else {
        Err(TextError::Malformed { field: "username", rule: "may have only letters, digits, '_', '.' and '-'" })
    }
}

fn display_name(text: &str) -> Result<String, TextError> {
    one_line("display_name", text, 64)
}

fn session_name(text: &str) -> Result<String, TextError> {
    one_line("name", text, 64)
}

fn title(text: &str) -> Result<String, TextError> {
    one_line("title", text, 100)
}

fn file_name(text: &str) -> Result<String, TextError> {
    one_line("name", text, 255)
}

fn consumer_name(text: &str) -> Result<String, TextError> {
    one_line("consumer", text, 100)
}

fn stream_name(text: &str) -> Result<String, TextError> {
    one_line("stream", text, 100)
}

fn one_line(field: &'static str, text: &str, max: usize) -> Result<String, TextError> {
    let text = text.trim();
    length(field, text, 1, max)?;
    if text.chars().any(char::is_control) {
        return Err(TextError::Malformed { field, rule: "must not have control characters" });
    }
    Ok(text.to_owned())
}

fn emoji(text: &str) -> Result<String, TextError> {
    length("emoji", text, 1, 16)?;
    // Keycaps begin with an ASCII digit, `#` or `*`; no emoji is made of ASCII alone.
    let belongs = |c: char| !c.is_alphabetic() && !c.is_whitespace() && !c.is_control();
    if text.chars().all(belongs) && !text.is_ascii() {
        Ok(text.to_owned())
    } else {
        Err(TextError::Malformed { field: "emoji", rule: "must be an emoji" })
    }
}

fn media_type(text: &str) -> Result<String, TextError> {
    length("media_type", text, 3, 127)?;
    let token = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c));
    if text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(TextError::Malformed { field: "media_type", rule: "must look like image/png" })
    }
}

fn email(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    length("email", text, 3, 254)?;
    let well_formed = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if well_formed { Ok(text.to_owned()) } else { Err(TextError::Malformed { field: "email", rule: "must be an address like name@host" }) }
}

fn message_body(text: &str) -> Result<String, TextError> {
    paragraphs("text", text, MessageBody::MAX_CHARACTERS)
}

fn description(text: &str) -> Result<String, TextError> {
    paragraphs("description", text, 1_000)
}

fn paragraphs(field: &'static str, text: &str, max: usize) -> Result<String, TextError> {
    let text = text.trim();
    length(field, text, 1, max)?;
    // PostgreSQL's text search and many clients cannot hold it, and nobody types it.
    if text.contains('\0') {
        return Err(TextError::Malformed { field, rule: "must not have NUL characters" });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn folding_in_parts_is_folding_the_whole(text in "([a-zA-Z 0-9.]|[ ÉéİıßſΣςﬁＡｶﾞ\u{301}\u{308}\u{327}\u{345}\u{3099}\u{a0}\u{2009}\u{a8}\u{b4}🚀]){0,24}") {
            let whole: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
            prop_assert_eq!(fold(&text), whole);
        }
    }

    #[test]
    fn usernames_that_differ_only_in_case_are_one() {
        let one = Username::parse("Alice").unwrap();
        let other = Username::parse("aLICE").unwrap();
        assert_ne!(one, other);
        assert_eq!(one.folded(), other.folded());
    }

    #[test]
    fn a_message_is_trimmed_before_it_is_measured() {
        assert_eq!(MessageBody::parse("  hi \n").unwrap().as_str(), "hi");
        assert_eq!(MessageBody::parse(" \t "), Err(TextError::TooShort { field: "text", min: 1 }));
        assert!(MessageBody::parse(&"é".repeat(8_000)).is_ok());
        assert_eq!(MessageBody::parse(&"é".repeat(8_001)), Err(TextError::TooLong { field: "text", max: 8_000 }));
    }

    #[test]
    fn stored_text_is_checked_when_it_is_read_back() {
        assert!(serde_json::from_str::<Username>("\"no spaces\"").is_err());
        assert_eq!(serde_json::to_string(&Username::parse("bob").unwrap()).unwrap(), "\"bob\"");
    }

    #[test]
    fn an_address_needs_both_sides_of_its_sign() {
        for wrong in ["nobody", "@host", "name@", "a@b@c", "a b@c"] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Email::parse("A@B.example").unwrap().folded(), "a@b.example");
    }

    #[test]
    fn an_emoji_is_a_few_signs_that_are_no_letters() {
        for emoji in ["🎈", "❤️", "👩‍👩‍👧‍👦", "1️⃣", "🇩🇪"] {
            assert!(Emoji::parse(emoji).is_ok(), "{emoji}");
        }
        for wrong in ["", "a", "1", "+1", "🎈a", "🎈 ", " 🎈", "é", &"🎈".repeat(17)] {
            assert!(Emoji::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_media_type_has_two_parts_and_no_case() {
        assert_eq!(MediaType::parse("Image/PNG").unwrap().as_str(), "image/png");
        for wrong in ["png", "image/", "/png", "image/png; q=1", "image/png/2", "im age/png"] {
            assert!(MediaType::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_title_is_one_line_and_a_description_several() {
        assert_eq!(Title::parse(" Rust ").unwrap().as_str(), "Rust");
        assert!(Title::parse("one\ntwo").is_err());
        assert!(Title::parse(&"é".repeat(100)).is_ok() && Title::parse(&"é".repeat(101)).is_err());
        assert!(Description::parse("one\ntwo").is_ok());
        assert!(Description::parse("one\0two").is_err());
        assert!(FileName::parse(&"é".repeat(255)).is_ok() && FileName::parse(&"é".repeat(256)).is_err());
    }
}
