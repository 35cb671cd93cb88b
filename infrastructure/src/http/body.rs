//! Bodies of requests, held against the document: what is wrong is named by its field, and nothing is taken for what it is not.

use std::sync::LazyLock;

use poem::http::StatusCode;
use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload as _};
use poem_openapi::registry::{MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OpenApi as _};
use posthaste_application::problem::{Code, Problem};
use serde_json::Value;
use uuid::Uuid;

use super::Api;
use super::problem::ApiError;

/// Every schema of the document.
static SCHEMAS: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::new();
    Api::register(&mut registry);
    registry
});

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = <Json<T> as ApiExtractor<'a>>::TYPES;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        <Json<T> as ApiExtractor<'a>>::request_meta()
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> poem::Result<Self> {
        if !request.content_type().is_some_and(Json::<T>::check_content_type) {
            return Err(poem::Error::from_string("the body must be application/json", StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = body.take()?.into_bytes().await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| invalid(format!("the body is not JSON: {error}")))?;
        check(&T::schema_ref(), &value, "").map_err(invalid)?;
        Ok(Self(T::parse_from_json(Some(value)).map_err(|error| invalid(error.into_message()))?))
    }
}

fn invalid(detail: String) -> ApiError {
    Problem::with(Code::Validation, detail).into()
}

/// Holds a value against a schema, as far as the bodies here need it; `path` says where it is.
fn check(schema: &MetaSchemaRef, value: &Value, path: &str) -> Result<(), String> {
    let schema = resolve(schema);
    if schema.nullable && value.is_null() {
        return Ok(());
    }
    for part in &schema.all_of {
        check(part, value, path)?;
    }
    match (schema.ty, value) {
        ("object", Value::Object(fields)) => {
            let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
            for field in fields.keys() {
                if !schema.properties.iter().any(|(name, _)| name == field) {
                    return Err(format!("`{}` is not a known field", at(field)));
                }
            }
            for (name, property) in &schema.properties {
                match fields.get(*name) {
                    Some(value) => check(property, value, &at(name))?,
                    None if schema.required.contains(name) => return Err(format!("`{}` is missing", at(name))),
                    None => {}
                }
            }
            Ok(())
        }
        ("object", _) if path.is_empty() => Err("the body must be an object".to_owned()),
        ("object", _) => Err(format!("`{path}` must be an object")),
        ("string", Value::String(text)) => {
            if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
                let known: Vec<_> = schema.enum_items.iter().filter_map(Value::as_str).collect();
                return Err(format!("`{path}` must be one of: {}", known.join(", ")));
            }
            if schema.format == Some("uuid") && text.parse::<Uuid>().is_err() {
                return Err(format!("`{path}` must be a UUID"));
            }
            Ok(())
        }
        ("string", _) => Err(format!("`{path}` must be a string")),
        _ => Ok(()),
    }
}

fn resolve(schema: &MetaSchemaRef) -> &MetaSchema {
    match schema {
        MetaSchemaRef::Inline(schema) => schema,
        MetaSchemaRef::Reference(name) => &SCHEMAS.schemas[name],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_taken_where_the_document_says_so_and_nowhere_else() {
        let required = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let optional = MetaSchemaRef::Inline(Box::new(MetaSchema { all_of: vec![required.clone()], nullable: true, ..MetaSchema::ANY }));
        assert_eq!(check(&optional, &Value::Null, "title"), Ok(()));
        assert_eq!(check(&optional, &Value::from(7), "title"), Err("`title` must be a string".to_owned()));
        assert_eq!(check(&required, &Value::Null, "title"), Err("`title` must be a string".to_owned()));
    }
}
