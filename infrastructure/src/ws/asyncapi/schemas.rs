//! The schemas of the frames and of everything in them.

use posthaste_application::deliver::Push;
use posthaste_application::execute::Command;
use posthaste_application::recorded::Position;
use posthaste_domain::Event;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::ws::frame::{ClientFrame, Executed, ServerFrame};

/// Every event still has its first shape.
const EVENT_SHAPE: u16 = 1;

const COMPONENTS: &str = "/components/schemas";

/// A frame of the protocol.
pub(super) struct Frame {
    /// Who sends it.
    sender: &'static str,
    /// Its `t`.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: String,
    /// The names of the frames that answer it.
    pub(super) answers: Vec<String>,
}

impl Frame {
    fn new(sender: &'static str, variant: &Variant) -> Self {
        let answers = variant.schema.get("x-answers").and_then(Value::as_array);
        let answers = answers.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { sender, name: variant.name.clone(), description: variant.description(), answers }
    }

    /// The name of its schema, and of its message.
    pub(super) fn schema(&self) -> String {
        format!("{}.{}", self.sender, self.name)
    }
}

/// The frames, and the schemas of all they are made of.
pub(super) struct Schemas {
    /// What a client sends.
    pub(super) client: Vec<Frame>,
    /// What the server sends.
    pub(super) server: Vec<Frame>,
    /// The schemas, by name.
    pub(super) components: Map<String, Value>,
}

impl Schemas {
    /// Of `posthaste.v1`.
    pub(super) fn new() -> Self {
        let (client, sent) = client();
        let (server, pushed) = server();
        Self { client, server, components: join(sent, pushed) }
    }
}

fn client() -> (Vec<Frame>, Map<String, Value>) {
    let mut side = Side::new(SchemaSettings::draft07().for_deserialize());
    let result = json!({ "$ref": format!("#{COMPONENTS}/{}", Executed::schema_name()) });
    let mut frames = Vec::new();
    for mut variant in variants::<ClientFrame>(&mut side.generator, "t") {
        frames.push(Frame::new("client", &variant));
        variant.schema.remove("x-answers");
        if variant.name == "cmd" {
            let commands = variants::<Command>(&mut side.generator, "op").into_iter().map(|mut command| {
                let mut frame = variant.clone();
                frame.schema.insert("description".to_owned(), command.description().into());
                frame.schema.insert("x-result".to_owned(), result.clone());
                // A command may have no body.
                for field in ["op", "body"] {
                    match command.take(field) {
                        Some(schema) => frame.put(field, schema),
                        None => drop(frame.take(field)),
                    }
                }
                (command.name, frame.schema)
            });
            side.insert_choice("client.cmd", &variant.description(), commands.collect());
        } else {
            side.insert(format!("client.{}", variant.name), variant.schema);
        }
    }
    (frames, side.finish())
}

fn server() -> (Vec<Frame>, Map<String, Value>) {
    let mut side = Side::new(SchemaSettings::draft07().for_serialize().with_transform(RecursiveTransform(pin_down)));
    let mut frames = Vec::new();
    for variant in variants::<ServerFrame<'_>>(&mut side.generator, "t") {
        frames.push(Frame::new("server", &variant));
        side.insert(format!("server.{}", variant.name), variant.schema);
    }
    let mut ev = Variant { name: "ev".to_owned(), schema: Push::schema(&mut side.generator) };
    ev.schema.insert("description".to_owned(), "Something happened; it stands in the log for ever.".into());
    frames.push(Frame::new("server", &ev));
    let prev = side.generator.subschema_for::<Position>();
    ev.put("t", json!({ "type": "string", "const": "ev" }));
    ev.put("prev", describe(prev, "Where the `ev` before it on this connection stands; `welcome.cursor` for the first."));
    let events = variants::<Event>(&mut side.generator, "type").into_iter().map(|mut event| {
        let mut frame = ev.clone();
        frame.schema.insert("description".to_owned(), event.description().into());
        if let Some(name) = event.take("type") {
            frame.put("type", name);
        }
        frame.put("v", json!({ "type": "integer", "const": EVENT_SHAPE }));
        // Erased content is absent.
        event.optional("content");
        event.schema.remove("description");
        frame.put("body", event.schema.into());
        (event.name, frame.schema)
    });
    side.insert_choice("server.ev", &ev.description(), events.collect());
    (frames, side.finish())
}

/// The schemas of what one side sends.
struct Side {
    generator: SchemaGenerator,
    components: Map<String, Value>,
}

impl Side {
    fn new(settings: SchemaSettings) -> Self {
        let generator = settings.with(|settings| settings.definitions_path = COMPONENTS.into()).into_generator();
        Self { generator, components: Map::new() }
    }

    /// Adds a schema, in the form the document's dialect has.
    fn insert(&mut self, name: String, mut schema: Schema) {
        for transform in self.generator.transforms_mut() {
            transform.transform(&mut schema);
        }
        self.components.insert(name, schema.into());
    }

    /// Adds a schema for each choice, and one that is any of them.
    fn insert_choice(&mut self, name: &str, description: &str, choices: Vec<(String, Schema)>) {
        let one_of: Vec<_> = choices.iter().map(|(choice, _)| json!({ "$ref": format!("#{COMPONENTS}/{name}.{choice}") })).collect();
        self.components.insert(name.to_owned(), json!({ "description": description, "oneOf": one_of }));
        for (choice, schema) in choices {
            self.insert(format!("{name}.{choice}"), schema);
        }
    }

    fn finish(mut self) -> Map<String, Value> {
        let mut components = self.generator.take_definitions(true);
        components.extend(self.components);
        components
    }
}

/// One map of both. What the two sides see differently under one name is the client's under a name of its own.
fn join(client: Map<String, Value>, mut server: Map<String, Value>) -> Map<String, Value> {
    let quoted = |name: &str| format!("\"#{COMPONENTS}/{name}\"");
    let mut differing: Vec<String> = client
        .iter()
        .filter(|(name, schema)| server.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| name.clone())
        .collect();
    let mut seen = 0;
    while let Some(reference) = differing.get(seen).map(|name| quoted(name)) {
        seen += 1;
        for (name, schema) in &client {
            if server.contains_key(name) && !differing.contains(name) && schema.to_string().contains(&reference) {
                differing.push(name.clone());
            }
        }
    }
    for (mut name, schema) in client {
        let mut schema = schema.to_string();
        for name in &differing {
            schema = schema.replace(&quoted(name), &quoted(&format!("client.{name}")));
        }
        if differing.contains(&name) {
            name = format!("client.{name}");
        }
        server.insert(name, serde_json::from_str(&schema).expect("it was JSON, and still is"));
    }
    server
}

/// What is sent has no field that is not described, and a field that may be absent is never null.
fn pin_down(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, field) in fields {
        if required.iter().all(|required| required != name) {
            forbid_null(field);
        }
    }
    schema.insert("additionalProperties".to_owned(), false.into());
}

fn forbid_null(field: &mut Value) {
    let Some(field) = field.as_object_mut() else { return };
    if field.get("default").is_some_and(Value::is_null) {
        field.remove("default");
    }
    if let Some(Value::Array(types)) = field.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            field.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = field.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if choices.len() == 1 {
            let choices = field.remove("anyOf").unwrap_or_default();
            field.insert("allOf".to_owned(), choices);
        }
    }
}

fn describe(mut schema: Schema, description: &str) -> Value {
    schema.insert("description".to_owned(), description.into());
    schema.into()
}

/// A variant of an enum whose name is in a field.
#[derive(Clone)]
struct Variant {
    name: String,
    schema: Schema,
}

impl Variant {
    fn description(&self) -> String {
        self.schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn member<T>(&mut self, name: &str, read: impl FnOnce(&mut Value) -> Option<&mut T>) -> Option<&mut T> {
        self.schema.get_mut(name).and_then(read)
    }

    /// A field may be absent.
    fn optional(&mut self, field: &str) {
        if let Some(required) = self.member("required", Value::as_array_mut) {
            required.retain(|name| name != field);
        }
    }

    /// Removes a field.
    fn take(&mut self, field: &str) -> Option<Value> {
        self.optional(field);
        self.member("properties", Value::as_object_mut).and_then(|fields| fields.remove(field))
    }

    /// Sets the schema of a field that is always there.
    fn put(&mut self, field: &str, mut schema: Value) {
        self.optional(field);
        if let Some(fields) = self.member("properties", Value::as_object_mut) {
            if let (Some(before), Some(now)) = (fields.get(field).and_then(|before| before.get("description")), schema.as_object_mut()) {
                now.entry("description").or_insert_with(|| before.clone());
            }
            fields.insert(field.to_owned(), schema);
        }
        if let Some(required) = self.member("required", Value::as_array_mut) {
            required.push(field.into());
        }
    }
}

/// The variants of an enum whose name is in the field `tag`, in their order, those of enums in it included.
fn variants<T: JsonSchema>(generator: &mut SchemaGenerator, tag: &str) -> Vec<Variant> {
    let mut found = Vec::new();
    let schema = T::json_schema(generator);
    find_variants(generator, schema, tag, &mut found);
    found
}

fn find_variants(generator: &mut SchemaGenerator, schema: Schema, tag: &str, found: &mut Vec<Variant>) {
    if let Some(name) = schema.pointer(&format!("/properties/{tag}/const")).and_then(Value::as_str) {
        let name = name.to_owned();
        found.push(Variant { name, schema });
        return;
    }
    let prefix = format!("#{COMPONENTS}/");
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(&prefix)) {
        // Nothing else refers to it.
        let definition = generator.definitions_mut().remove(name).expect("what is referred to is defined");
        let definition = Schema::try_from(definition).expect("definitions are schemas");
        return find_variants(generator, definition, tag, found);
    }
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array).cloned();
    let choices = choices.unwrap_or_else(|| panic!("a variant that {tag} does not name: {}", schema.as_value()));
    for choice in choices {
        let choice = Schema::try_from(choice).expect("a choice is a schema");
        find_variants(generator, choice, tag, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn what_both_sides_see_alike_is_described_once_and_what_they_see_differently_twice() {
        let of = |name: &str| json!({ "$ref": format!("#{COMPONENTS}/{name}") });
        let client = map(json!({ "Id": 1, "Body": 2, "Content": [of("Body"), of("Id")], "client.cmd": of("Content"), "Own": of("Id") }));
        let server = map(json!({ "Id": 1, "Body": 3, "Content": [of("Body"), of("Id")], "server.ev": of("Content") }));
        let joined = map(json!({
            "Id": 1,
            "Own": of("Id"),
            "Body": 3,
            "Content": [of("Body"), of("Id")],
            "server.ev": of("Content"),
            "client.Body": 2,
            "client.Content": [of("client.Body"), of("Id")],
            "client.cmd": of("client.Content"),
        }));
        assert_eq!(join(client, server), joined);
    }

    #[test]
    fn a_command_without_a_body_and_commands_in_a_group_are_found() {
        #[derive(JsonSchema)]
        #[schemars(tag = "op", content = "body", deny_unknown_fields)]
        #[expect(dead_code, reason = "only described")]
        enum Asked {
            #[schemars(rename = "me.rest")]
            Rest,
            #[schemars(rename = "me.say")]
            Say { what: Option<String> },
        }
        #[derive(JsonSchema)]
        #[schemars(untagged)]
        #[expect(dead_code, reason = "only described")]
        enum Group {
            Asked(Asked),
        }
        let mut generator = Side::new(SchemaSettings::draft07().for_deserialize()).generator;
        let mut found = variants::<Group>(&mut generator, "op");
        assert_eq!(found.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["me.rest", "me.say"]);
        assert_eq!(found[0].take("body"), None);
        assert_eq!(found[1].take("body").expect("it has one")["additionalProperties"], false);
    }
}
