//! The document of the socket as a judge of frames: what it does not describe must not be sent.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::sync::{LazyLock, OnceLock};

use jsonschema::{Draft, Validator};
use posthaste_domain::Event;
use serde_json::{Value, json};
use uuid::Uuid;

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A client, which may send fields that the server does not know.
    Client,
    /// The server, which sends nothing that is not described.
    Server,
}

impl Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// The document, as it is served.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let document = posthaste_infrastructure::ws::document();
        serde_json::from_str(&document).expect("the document is JSON")
    });
    &DOCUMENT
}

/// One for each frame, and for each event and operation, compiled once: suites push tens of thousands of frames.
static VALIDATORS: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
    let schemas = &document()["components"]["schemas"];
    let names = schemas.as_object().into_iter().flatten().map(|(name, _)| name);
    let frames = names.filter(|name| [Side::Client, Side::Server].iter().any(|side| name.starts_with(&format!("{side}."))));
    let validator = |name: &String| {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": { "schemas": schemas } });
        let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true).with_format("uuid", is_uuid);
        (name.clone(), options.build(&schema).unwrap_or_else(|error| panic!("the schema {name}: {error}")))
    };
    frames.map(validator).collect()
});

/// The dialect of the document does not know this format by itself.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

static OF_TOMORROW: OnceLock<()> = OnceLock::new();

/// From now on, events that only a newer version knows may be pushed: the document has nothing to say about them but that they may come.
pub fn allow_events_of_tomorrow() {
    let _ = OF_TOMORROW.set(());
}

fn is_newer(event: &Value) -> bool {
    let newest = event["type"].as_str().and_then(Event::newest_schema);
    newest.is_none_or(|newest| event["v"].as_u64().is_some_and(|v| v > newest.into()))
}

/// Whether the document allows this side to send this frame.
///
/// # Errors
/// What it does not allow.
pub fn judge(side: Side, frame: &Value) -> Result<(), String> {
    let field = |name: &str| frame[name].as_str().unwrap_or_default();
    let t = field("t");
    if (side, t) == (Side::Server, "ev") && OF_TOMORROW.get().is_some() && is_newer(frame) {
        return Ok(());
    }
    let name = match (side, t) {
        (Side::Client, "cmd") => format!("{side}.cmd.{}", field("op")),
        (Side::Server, "ev") => format!("{side}.ev.{}", field("type")),
        (Side::Client | Side::Server, t) => format!("{side}.{t}"),
    };
    let validator = VALIDATORS.get(&name).ok_or_else(|| format!("docs/asyncapi.json has no {name}: {frame}"))?;
    validator.validate(frame).map_err(|error| {
        let place = error.instance_path().to_string();
        format!("not as docs/asyncapi.json describes {name}, at {place:?}: {error}; the frame is {frame}")
    })
}

/// Fails the test that sees a frame which the document does not allow.
///
/// # Panics
/// With the frame, and what is wrong with it.
pub fn uphold(side: Side, frame: &Value) {
    if let Err(breach) = judge(side, frame) {
        panic!("the {side} broke the contract: {breach}");
    }
}
