//! A `cmd` as a [`Command`]: its `op` is the variant, its `body` the fields. The names are the enum's own, so there is no table of them here.

use std::borrow::Cow;
use std::fmt;

use posthaste_application::execute::Command;
use posthaste_application::problem::{Code, Problem};
use serde::de::value::EnumAccessDeserializer;
use serde::de::{
    self, Deserialize as _, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer as _, MapAccess, VariantAccess, Visitor,
};
use serde_json::value::RawValue;

use super::SUBPROTOCOL;

/// The command of an `op` and its `body`.
pub(super) fn command(op: &str, body: &RawValue) -> Result<Command, Problem> {
    Command::deserialize(EnumAccessDeserializer::new(Asked { op, body })).map_err(|refused| match refused {
        Refused::Op => Problem::with(Code::UnsupportedOp, format!("there is no operation '{op}' in {SUBPROTOCOL}")),
        Refused::Body(detail) => Problem::with(Code::Validation, detail),
    })
}

#[derive(Clone, Copy)]
struct Asked<'a> {
    op: &'a str,
    body: &'a RawValue,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("there is no such operation")]
    Op,
    #[error("{0}")]
    Body(String),
}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(detail: T) -> Self {
        Self::Body(detail.to_string())
    }

    // The fields are read by another deserializer, with errors of its own: only the `op` is a variant here.
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::Op
    }
}

impl<'de> EnumAccess<'de> for Asked<'de> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        Ok((seed.deserialize(self.op.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for Asked<'de> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.body).map_err(de::Error::custom)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refused> {
        self.body.deserialize_seq(visitor).map_err(de::Error::custom)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.body.deserialize_map(Fields(visitor)).map_err(de::Error::custom)
    }
}

/// Reads fields, and names the one that cannot be read.
struct Fields<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the operation, an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, fields: M) -> Result<V::Value, M::Error> {
        self.0.visit_map(Named { fields, name: Cow::Borrowed("") })
    }
}

struct Named<'de, M> {
    fields: M,
    name: Cow<'de, str>,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Named<'de, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        let Some(name) = self.fields.next_key()? else { return Ok(None) };
        self.name = name;
        seed.deserialize(self.name.as_ref().into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, M::Error> {
        let Self { fields, name } = self;
        fields.next_value_seed(seed).map_err(|error| de::Error::custom(format_args!("`{name}`: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use posthaste_application::problem::Code;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0192f0c1-2f3a-7cc4-9b1e-5d0a3f6b7c8d";

    fn asked(op: &str, body: &Value) -> Result<Command, Problem> {
        command(op, &serde_json::from_str::<Box<RawValue>>(&body.to_string()).unwrap())
    }

    fn refused(op: &str, body: &Value) -> (Code, String) {
        let problem = asked(op, body).unwrap_err();
        (problem.code, problem.detail.unwrap().into_owned())
    }

    #[test]
    fn an_op_and_its_body_are_the_command_that_serde_reads_from_both() {
        let bodies = [
            ("friendship.request", json!({ "user": ID })),
            ("thread.create", json!({ "kind": "group", "title": "Tea", "members": [ID] })),
            ("thread.update", json!({ "thread": ID, "revision": 3, "description": null, "passcode": "open sesame" })),
            ("thread.create_link", json!({ "thread": ID, "max_uses": 5 })),
            ("message.post", json!({ "thread": ID, "content": { "kind": "text", "text": "hi" }, "reply_to": ID, "mentions": [ID] })),
            ("message.react", json!({ "message": ID, "emoji": "👍" })),
            ("subscription.mute", json!({ "thread": ID })),
        ];
        for (op, body) in bodies {
            let whole: Command = serde_json::from_value(json!({ (op): body })).unwrap();
            assert_eq!(format!("{:?}", asked(op, &body).unwrap()), format!("{whole:?}"), "{op}");
        }
    }

    #[test]
    fn what_is_null_and_what_is_absent_are_told_apart() {
        let Command::UpdateThread { description, avatar, .. } =
            asked("thread.update", &json!({ "thread": ID, "description": null })).unwrap()
        else {
            panic!("another command")
        };
        assert_eq!((description, avatar), (Some(None), None));
    }

    #[test]
    fn what_is_no_op_is_told_so_whatever_its_body() {
        for op in ["message.explode", "", "user.register", "subscription.read", "RegisterUser", "PostMessage"] {
            assert_eq!(refused(op, &json!({ "thread": ID, "upto": 3 })).0, Code::UnsupportedOp, "{op}");
        }
    }

    #[test]
    fn a_bad_body_is_told_which_field_it_is() {
        let content = json!({ "kind": "text", "text": "hi" });
        for (body, named) in [
            (json!({ "thread": ID }), "`content`"),
            (json!({ "thread": 7, "content": content }), "`thread`"),
            (json!({ "thread": "kitchen", "content": content }), "`thread`"),
            (json!({ "thread": ID, "content": content, "silent": true }), "`silent`"),
            (json!({ "thread": ID, "content": { "kind": "hologram" } }), "`content`"),
            (json!({ "thread": ID, "content": { "kind": "text", "text": " " } }), "`content`"),
            (json!({ "thread": ID, "thread": ID, "content": content, "mentions": [3] }), "`mentions`"),
            (json!([ID, content]), "object"),
            (json!(7), "object"),
            (Value::Null, "object"),
        ] {
            let (code, detail) = refused("message.post", &body);
            assert_eq!(code, Code::Validation, "{body}: {detail}");
            assert!(detail.contains(named), "{body}: {detail}");
        }
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused() {
        let body: Box<RawValue> = serde_json::from_str(&format!(r#"{{"user":"{ID}","user":"{ID}"}}"#)).unwrap();
        let problem = command("friendship.request", &body).unwrap_err();
        assert_eq!((problem.code, problem.detail.unwrap().contains("`user`")), (Code::Validation, true));
    }
}
