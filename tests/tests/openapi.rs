//! The REST document: committed, and as complete as it claims to be. `UPDATE_SNAPSHOTS=1` writes the committed one anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use posthaste_application::problem::Code;
use serde_json::Value;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

fn document() -> Value {
    serde_json::from_str(&posthaste_infrastructure::http::document()).unwrap()
}

/// Every operation as (where it is, itself).
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let served = posthaste_infrastructure::http::document();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|update| update == "1") {
        std::fs::write(Path::new(COMMITTED), &served).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let difference = served.lines().zip(committed.lines()).enumerate().find(|(_, (served, committed))| served != committed);
    assert!(served == committed, "docs/openapi.json is out of date (UPDATE_SNAPSHOTS=1 writes it), first at {difference:?}");
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() >= 43, "{}", operations.len());
    for (place, operation) in operations {
        for field in ["summary", "description", "operationId"] {
            assert!(operation[field].as_str().is_some_and(|text| !text.is_empty()), "{place} has no {field}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{place} does not describe {}", parameter["name"]);
        }
        let responses = operation["responses"].as_object().unwrap();
        if place.contains("/v1/") {
            for status in ["400", "500", "503"] {
                assert!(responses.contains_key(status), "{place} does not document {status}");
            }
            assert_eq!(
                responses.contains_key("401"),
                operation["security"].is_array()
                    || ["post /v1/sessions", "post /v1/sessions/oidc", "post /v1/sessions/passkey", "post /v1/sessions/refresh"]
                        .contains(&place.as_str()),
                "{place}"
            );
            assert_eq!(responses.contains_key("413"), operation["requestBody"].is_object(), "{place}");
        }
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{place}: {status} says nothing");
            if status.as_str() >= "400" {
                assert!(response["content"]["application/problem+json"].is_object(), "{place}: {status} is not a problem");
            }
        }
    }
}

#[test]
fn every_body_has_an_example() {
    let document = document();
    for (place, operation) in operations(&document) {
        let request = operation["requestBody"].as_object().into_iter().map(|request| &request["content"]);
        let responses = operation["responses"].as_object().unwrap().values().map(|response| &response["content"]);
        // What has nothing to say has no body.
        let bodies = request.chain(responses).filter(|content| !content.is_null()).flat_map(|content| content.as_object().unwrap());
        // Text is what it is.
        for (_, content) in bodies.filter(|(media_type, _)| !media_type.starts_with("text/plain")) {
            let reference = content["schema"]["$ref"].as_str().unwrap();
            let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
            assert!(schema["example"].is_object(), "{place}: {reference} has no example");
        }
    }
}

#[test]
fn what_may_be_absent_may_be_null_and_what_is_unsigned_has_a_least() {
    let document = document();
    let bounded = |place: &str, schema: &Value| {
        if schema["format"].as_str().is_some_and(|format| format.starts_with("uint")) {
            assert!(schema["minimum"].is_number(), "{place} has no minimum");
        }
    };
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{name}.{property}");
            assert_eq!(schema["nullable"] == true, !required.contains(&Value::from(property.as_str())), "{place}");
            bounded(&place, schema);
        }
    }
    for (place, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            bounded(&format!("{place}: {}", parameter["name"]), &parameter["schema"]);
        }
    }
}

#[test]
fn every_code_that_the_document_names_exists() {
    let document = document();
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let listed = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap();
    assert_eq!(listed.iter().map(|code| code.as_str().unwrap()).collect::<Vec<_>>(), codes);
    for (place, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.as_str() < "400" {
                continue;
            }
            // In these descriptions, "`code`:" introduces what the code means here.
            let description = response["description"].as_str().unwrap();
            let named = description.split('`').collect::<Vec<_>>();
            for pair in named.windows(2).filter(|pair| pair[1].starts_with(':')) {
                let code = Code::ALL.iter().find(|code| code.as_str() == pair[0]);
                let code = code.unwrap_or_else(|| panic!("{place}: {status} names {}", pair[0]));
                // The one status that says more than its code.
                if status != "415" {
                    assert_eq!(code.status().to_string(), *status, "{place}: {code}");
                }
            }
        }
    }
}
