//! An event read where its parts are stored: its type, its facts and its content are one JSON object to whoever asks, and are never made
//! one in memory.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Error;

use super::{CONTENT, TYPE};

/// The parts of an event as they are stored.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) event_type: &'a str,
    pub(super) facts: &'a str,
    pub(super) content: Option<&'a [u8]>,
}

impl Stored<'_> {
    /// The event that they are.
    pub(super) fn read<E: DeserializeOwned>(self) -> Result<E, Error> {
        E::deserialize(self)
    }
}

impl<'de> Deserializer<'de> for Stored<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut facts = serde_json::Deserializer::from_str(self.facts);
        let value = (&mut facts).deserialize_map(Whole { visitor, event_type: self.event_type, content: self.content })?;
        facts.end()?;
        Ok(value)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// Shows a visitor the type and the content before the facts.
struct Whole<'a, V> {
    visitor: V,
    event_type: &'a str,
    content: Option<&'a [u8]>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Whole<'de, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of facts")
    }

    fn visit_map<A: MapAccess<'de>>(self, facts: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Parts { event_type: Some(self.event_type), content: self.content, value: Value::Fact, facts })
    }
}

/// What the key was of that was shown last.
enum Value<'a> {
    Type(&'a str),
    Content(&'a [u8]),
    Fact,
}

/// The type and the content until they were shown, then the facts.
struct Parts<'a, A> {
    event_type: Option<&'a str>,
    content: Option<&'a [u8]>,
    value: Value<'a>,
    facts: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = if let Some(event_type) = self.event_type.take() {
            self.value = Value::Type(event_type);
            TYPE
        } else if let Some(content) = self.content.take() {
            self.value = Value::Content(content);
            CONTENT
        } else {
            self.value = Value::Fact;
            return self.facts.next_key_seed(seed);
        };
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        match self.value {
            Value::Type(event_type) => seed.deserialize(BorrowedStrDeserializer::new(event_type)),
            Value::Content(content) => {
                let mut content = serde_json::Deserializer::from_slice(content);
                let value = seed.deserialize(&mut content).map_err(A::Error::custom)?;
                content.end().map_err(A::Error::custom)?;
                Ok(value)
            }
            Value::Fact => self.facts.next_value_seed(seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use posthaste_domain::message::MessageEvent;

    use super::*;

    const IDS: &str = r#""message":"00000000-0000-0000-0000-000000000001","thread":"00000000-0000-0000-0000-000000000002""#;

    fn read(facts: &str, content: Option<&str>) -> Result<MessageEvent, Error> {
        Stored { event_type: "message.posted", facts, content: content.map(str::as_bytes) }.read()
    }

    fn facts(more: &str) -> String {
        format!(r#"{{{IDS},"author":"00000000-0000-0000-0000-000000000003"{more}}}"#)
    }

    #[test]
    fn facts_and_content_are_one_event() {
        let MessageEvent::Posted { content, .. } = read(&facts(""), Some(r#"{"kind":"text","text":"hi"}"#)).unwrap() else { panic!() };
        assert_eq!(content.known().and_then(|content| content.text()).map(|text| text.as_str()), Some("hi"));
        let MessageEvent::Posted { content, .. } = read(&facts(""), None).unwrap() else { panic!() };
        assert_eq!(content.known(), None);
    }

    #[test]
    fn what_is_more_or_less_than_that_is_no_event() {
        let text = r#"{"kind":"text","text":"hi"}"#;
        for wrong in ["", "[]", "null", "{", &format!("{}x", facts("")), &facts("").replace("author", "by"), &facts(r#","author":1"#)] {
            assert!(read(wrong, Some(text)).is_err(), "{wrong}");
        }
        // There is one type and one content, each where it is stored.
        for twice in [r#","type":"message.deleted""#, r#","content":null"#] {
            assert!(read(&facts(twice), Some(text)).is_err(), "{twice}");
        }
        for wrong in ["", "{", r#"{"kind":"text","text":"hi"}}"#, r#"{"kind":"poem","text":"hi"}"#, r#"{"kind":"text","text":1}"#] {
            assert!(read(&facts(""), Some(wrong)).is_err(), "{wrong}");
        }
    }
}
