//! What a message says: read and written by the domain, so that REST and the socket take the very same; the document describes its kinds.

use std::borrow::Cow;

use poem_openapi::registry::{MetaDiscriminatorObject, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::message::MessageContent;
use serde_json::Value;
use uuid::Uuid;

use super::example;
use super::problem::ApiError;

/// What a message says.
pub(super) struct Content(Value);

impl Content {
    /// As the domain takes it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(self) -> Result<MessageContent, ApiError> {
        serde_json::from_value(self.0).map_err(|error| Problem::with(Code::Validation, format!("`content`: {error}")).into())
    }
}

impl From<MessageContent> for Content {
    fn from(content: MessageContent) -> Self {
        Self(serde_json::to_value(content).expect("content is plain structs with string keys"))
    }
}

#[derive(Enum)]
#[oai(rename = "TextKind", rename_all = "snake_case")]
enum TextKind {
    Text,
}

/// Plain text.
#[derive(Object)]
#[oai(rename = "TextContent", deny_unknown_fields, example)]
struct Text {
    kind: TextKind,
    /// 1 to 8,000 characters after trimming.
    text: String,
}

impl Example for Text {
    fn example() -> Self {
        Self { kind: TextKind::Text, text: "See you at eight.".to_owned() }
    }
}

#[derive(Enum)]
#[oai(rename = "AttachmentsKind", rename_all = "snake_case")]
enum AttachmentsKind {
    Attachments,
}

/// Uploaded files.
#[derive(Object)]
#[oai(rename = "AttachmentsContent", deny_unknown_fields, example)]
struct Attachments {
    kind: AttachmentsKind,
    /// Each file once.
    #[oai(validator(min_items = 1, max_items = 10))]
    attachments: Vec<Attachment>,
    /// A few words about them: 1 to 8,000 characters after trimming.
    text: Option<String>,
}

impl Example for Attachments {
    fn example() -> Self {
        Self { kind: AttachmentsKind::Attachments, attachments: vec![Attachment::example()], text: Some("The menu".to_owned()) }
    }
}

/// A reference to an uploaded file.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Attachment {
    /// Which file.
    file: Uuid,
    /// What it is called: 1 to 255 characters.
    name: String,
    /// What kind of file it is.
    media_type: String,
    /// Its size.
    bytes: u64,
}

impl Example for Attachment {
    fn example() -> Self {
        Self { file: example::FILE, name: "menu.pdf".to_owned(), media_type: "application/pdf".to_owned(), bytes: 48_213 }
    }
}

impl Type for Content {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "MessageContent".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |registry| {
            Text::register(registry);
            Attachments::register(registry);
            let kinds = [("text", Text::name()), ("attachments", Attachments::name())];
            let mapping = kinds.map(|(kind, name)| (kind.to_owned(), format!("#/components/schemas/{name}")));
            MetaSchema {
                description: Some("What a message says."),
                one_of: vec![Text::schema_ref(), Attachments::schema_ref()],
                discriminator: Some(MetaDiscriminatorObject { property_name: "kind", mapping: mapping.into() }),
                example: Self::example().to_json(),
                ..MetaSchema::ANY
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for Content {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

/// Takes anything: [`Content::read`] says what is wrong with it, and where.
impl ParseFromJSON for Content {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self(value.unwrap_or_default()))
    }
}

impl Example for Content {
    fn example() -> Self {
        Self(Text::example().to_json().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_is_read_and_written_as_the_domain_has_it() {
        let file = json!({ "file": example::FILE, "name": "menu.pdf", "media_type": "application/pdf", "bytes": 7 });
        for content in [
            json!({ "kind": "text", "text": "hi" }),
            json!({ "kind": "attachments", "attachments": [file] }),
            json!({ "kind": "attachments", "attachments": [file], "text": "hi" }),
        ] {
            let read = Content(content.clone()).read().unwrap();
            assert_eq!(Content::from(read).to_json(), Some(content));
        }
    }

    #[test]
    fn the_examples_of_the_document_are_content() {
        for example in [Text::example().to_json(), Attachments::example().to_json(), Content::example().to_json()] {
            let content = Content(example.clone().unwrap());
            assert_eq!(Content::from(content.read().unwrap()).to_json(), example);
        }
    }

    #[test]
    fn what_is_no_content_is_told_so() {
        for bad in [json!(null), json!("hi"), json!({ "text": "hi" }), json!({ "kind": "system", "text": "hi" }), json!({ "kind": "text" })]
        {
            let problem = Content(bad.clone()).read().unwrap_err().0;
            assert!(problem.code == Code::Validation && problem.detail.unwrap().starts_with("`content`"), "{bad}");
        }
        let bold = json!({ "kind": "text", "text": "hi", "bold": true });
        assert!(Content(bold).read().is_err());
    }
}
