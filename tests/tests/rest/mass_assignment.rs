//! Nobody sets what is not theirs to set by sending it along.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Person, key, reply};
use crate::Server;

/// Each object within a value, and itself, with a field more.
fn with_a_field_more(value: &Value, field: &str) -> Vec<Value> {
    let mut changed = Vec::new();
    if let Value::Object(object) = value {
        let mut object = object.clone();
        object.insert(field.to_owned(), json!(true));
        changed.push(Value::Object(object));
    }
    let parts: Vec<String> = match value {
        Value::Object(object) => object.keys().map(|key| format!("/{key}")).collect(),
        Value::Array(items) => (0..items.len()).map(|index| format!("/{index}")).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for part in parts {
        for inner in with_a_field_more(value.pointer(&part).unwrap(), field) {
            let mut outer = value.clone();
            *outer.pointer_mut(&part).unwrap() = inner;
            changed.push(outer);
        }
    }
    changed
}

#[tokio::test]
async fn mass_assignment_is_refused_wherever_a_body_is_taken() {
    let server = Server::start().await;
    let document: Value = serde_json::from_str(&posthaste_infrastructure::http::document()).unwrap();
    let user = Person::new(&server.base_url, "ambitious").await.client;
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
            // Who may act there is asked first: the table of who may what is about that.
            if path.starts_with("/v1/admin/") {
                continue;
            }
            let reference = content.values().next().unwrap()["schema"]["$ref"].as_str().unwrap();
            let example = &document.pointer(reference.trim_start_matches('#')).unwrap()["example"];
            let method: Method = method.to_uppercase().parse().unwrap();
            let place: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { key().to_string() } else { part.to_owned() }).collect();
            for field in ["admin", "email_verified", "suspended_at"] {
                for body in with_a_field_more(example, field) {
                    // What an authenticator has answered is taken as it is, and checked by its signature.
                    if body.pointer(&format!("/credential/{field}")).or(body.pointer(&format!("/passkey/credential/{field}"))).is_some() {
                        continue;
                    }
                    let request = user.request(method.clone(), &place.join("/")).header("idempotency-key", key().to_string());
                    let answered = reply(request.json(&body)).await;
                    let told = answered.problem(400, "validation");
                    assert!(told["detail"].as_str().unwrap().contains(field), "{method} {path} {body}: {told}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 90, "{tried}");
    let me = user.get("/v1/me").await.expect(200);
    assert_eq!(me["email_verified"], false, "{me}");
}
