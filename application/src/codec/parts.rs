//! An event taken apart as it is stored: its facts in one JSON object, its personal content apart from them, and its type in neither.
//!
//! Every object has its keys in the order of the alphabet, whatever the order of the fields in the program, so that an event has one form.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStructVariant, Serializer};
use serde_json::{Error, Value};

use super::CONTENT;

/// The facts, and the content if there is any.
pub(super) fn of(event: &impl Serialize) -> Result<(String, Option<Vec<u8>>), Error> {
    event.serialize(Parts::default())
}

/// The fields of an event, each as JSON.
#[derive(Default)]
struct Parts {
    /// The values of all facts, one after the other.
    json: Vec<u8>,
    /// The key of each fact, and where its value ends.
    facts: Vec<(Cow<'static, str>, usize)>,
    content: Option<Vec<u8>>,
    /// The key whose value comes next, where keys and values come one by one.
    next: Option<String>,
}

/// Adds a value as JSON.
fn write(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    let begin = json.len();
    serde_json::to_writer(&mut *json, value)?;
    // The keys of what is within have their order, too.
    if matches!(json.get(begin), Some(b'{' | b'[')) {
        let within: Value = serde_json::from_slice(&json[begin..])?;
        json.truncate(begin);
        serde_json::to_writer(json, &within)?;
    }
    Ok(())
}

impl Parts {
    fn take(&mut self, key: Cow<'static, str>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        if key == CONTENT {
            let mut content = Vec::new();
            write(&mut content, value)?;
            self.content = Some(content).filter(|content| content != b"null");
            return Ok(());
        }
        write(&mut self.json, value)?;
        self.facts.push((key, self.json.len()));
        Ok(())
    }

    fn joined(self) -> Result<(String, Option<Vec<u8>>), Error> {
        let begins = std::iter::once(0).chain(self.facts.iter().map(|(_, end)| *end));
        let mut facts: Vec<_> = begins.zip(&self.facts).map(|(begin, (key, end))| (&**key, &self.json[begin..*end])).collect();
        facts.sort_unstable();
        // Quotes, a colon and a comma for each, and braces around all.
        let length = facts.iter().map(|(key, value)| key.len() + value.len() + 4).sum::<usize>() + 2;
        let mut object = Vec::with_capacity(length);
        for (key, value) in facts {
            // Names of fields have nothing in them that JSON would escape.
            for part in [if object.is_empty() { b"{\"" } else { b",\"" }, key.as_bytes(), b"\":", value] {
                object.extend_from_slice(part);
            }
        }
        if object.is_empty() {
            object.push(b'{');
        }
        object.push(b'}');
        Ok((String::from_utf8(object).map_err(Error::custom)?, self.content))
    }
}

impl SerializeStructVariant for Parts {
    type Ok = (String, Option<Vec<u8>>);
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.take(Cow::Borrowed(key), value)
    }

    fn end(self) -> Result<Self::Ok, Error> {
        self.joined()
    }
}

/// An event with the fields of another struct among its own comes so.
impl SerializeMap for Parts {
    type Ok = (String, Option<Vec<u8>>);
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let Value::String(key) = serde_json::to_value(key)? else { return no_event() };
        self.next = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let Some(key) = self.next.take() else { return no_event() };
        self.take(Cow::Owned(key), value)
    }

    fn end(self) -> Result<Self::Ok, Error> {
        self.joined()
    }
}

/// What an event never is.
fn no_event<T>() -> Result<T, Error> {
    Err(Error::custom("an event is a variant with fields"))
}

macro_rules! never {
    ($($method:ident($($value:ty),*) -> $what:ty;)+) => {
        $(fn $method(self, $(_: $value),*) -> Result<$what, Error> {
            no_event()
        })+
    };
}

type Never = Impossible<(String, Option<Vec<u8>>), Error>;

impl Serializer for Parts {
    type Ok = (String, Option<Vec<u8>>);
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Self;
    type SerializeStruct = Never;
    type SerializeStructVariant = Self;

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Error> {
        value.serialize(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    never! {
        serialize_bool(bool) -> Self::Ok;
        serialize_i8(i8) -> Self::Ok;
        serialize_i16(i16) -> Self::Ok;
        serialize_i32(i32) -> Self::Ok;
        serialize_i64(i64) -> Self::Ok;
        serialize_u8(u8) -> Self::Ok;
        serialize_u16(u16) -> Self::Ok;
        serialize_u32(u32) -> Self::Ok;
        serialize_u64(u64) -> Self::Ok;
        serialize_f32(f32) -> Self::Ok;
        serialize_f64(f64) -> Self::Ok;
        serialize_char(char) -> Self::Ok;
        serialize_str(&str) -> Self::Ok;
        serialize_bytes(&[u8]) -> Self::Ok;
        serialize_none() -> Self::Ok;
        serialize_unit() -> Self::Ok;
        serialize_unit_struct(&'static str) -> Self::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_struct(&'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, Error> {
        no_event()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Self::Ok, Error> {
        no_event()
    }
}
