//! An event read where its parts are stored: its type is the name of a variant, its facts and its content are the fields of that, which are never
//! made one object in memory.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, VariantAccess, Visitor};
use serde_json::Error;

use super::CONTENT;

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

macro_rules! forward_the_rest {
    () => {
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
            tuple_struct map struct enum identifier ignored_any
        }
    };
}

impl<'de> Deserializer<'de> for Stored<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    forward_the_rest!();
}

impl<'de> EnumAccess<'de> for Stored<'de> {
    type Error = Error;
    type Variant = Fields<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Fields<'de>), Error> {
        let variant = seed.deserialize(BorrowedStrDeserializer::<Error>::new(self.event_type))?;
        Ok((variant, Fields { facts: self.facts, content: self.content }))
    }
}

/// What an event has beside its type.
pub(super) struct Fields<'a> {
    facts: &'a str,
    content: Option<&'a [u8]>,
}

/// What an event never is.
fn no_event<T>() -> Result<T, Error> {
    Err(Error::custom("an event is a variant with fields"))
}

impl<'de> VariantAccess<'de> for Fields<'de> {
    type Error = Error;

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    /// An event with the fields of another struct among its own comes so.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn unit_variant(self) -> Result<(), Error> {
        no_event()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        no_event()
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut facts = serde_json::Deserializer::from_str(self.facts);
        let value = (&mut facts).deserialize_map(Whole { visitor, content: self.content })?;
        facts.end()?;
        Ok(value)
    }

    forward_the_rest!();
}

/// Shows a visitor the content before the facts.
struct Whole<'a, V> {
    visitor: V,
    content: Option<&'a [u8]>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Whole<'de, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of facts")
    }

    fn visit_map<A: MapAccess<'de>>(self, facts: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Parts { content: self.content, shown: None, facts })
    }
}

/// The content until it was shown, then the facts.
struct Parts<'a, A> {
    content: Option<&'a [u8]>,
    /// The content, between its key and its value.
    shown: Option<&'a [u8]>,
    facts: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.shown = self.content.take();
        match self.shown {
            Some(_) => seed.deserialize(BorrowedStrDeserializer::new(CONTENT)).map(Some),
            None => self.facts.next_key_seed(seed),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let Some(content) = self.shown else { return self.facts.next_value_seed(seed) };
        let mut content = serde_json::Deserializer::from_slice(content);
        let value = seed.deserialize(&mut content).map_err(A::Error::custom)?;
        content.end().map_err(A::Error::custom)?;
        Ok(value)
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
        // There is one content, where it is stored.
        assert!(read(&facts(r#","content":null"#), Some(text)).is_err());
        for wrong in ["", "{", r#"{"kind":"text","text":"hi"}}"#, r#"{"kind":"poem","text":"hi"}"#, r#"{"kind":"text","text":1}"#] {
            assert!(read(&facts(""), Some(wrong)).is_err(), "{wrong}");
        }
    }
}
