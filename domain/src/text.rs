//! Text that was checked once, at the edge, and is right ever after.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

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
    /// The text of a message: 1 to 8,000 characters after trimming.
    MessageBody = message_body;
}

impl MessageBody {
    /// The most characters a message may have.
    pub const MAX_CHARACTERS: usize = 8_000;
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
fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
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
    let text = text.trim();
    length("display_name", text, 1, 64)?;
    if text.chars().any(char::is_control) {
        return Err(TextError::Malformed { field: "display_name", rule: "must not have control characters" });
    }
    Ok(text.to_owned())
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
    let text = text.trim();
    length("text", text, 1, MessageBody::MAX_CHARACTERS)?;
    // PostgreSQL's text search and many clients cannot hold it, and nobody types it.
    if text.contains('\0') {
        return Err(TextError::Malformed { field: "text", rule: "must not have NUL characters" });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
