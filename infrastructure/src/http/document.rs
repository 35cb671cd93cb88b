//! The resources, described more exactly than the framework does by itself: what can be null, what cannot be negative, and each path once.

use std::collections::HashMap;
use std::sync::LazyLock;

use poem::PathPattern;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method};
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, MetaPath, MetaSchema, MetaSchemaRef, Registry};

use super::api;

/// Resources whose description says everything that holds for their values.
pub(super) struct Exact<T>(pub(super) T);

impl<T: OpenApi> OpenApi for Exact<T> {
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            // A path whose operations are in several files is one path.
            match paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        for parameter in paths.iter_mut().flat_map(|path| &mut path.operations).flat_map(|operation| &mut operation.params) {
            bound(&mut parameter.schema);
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        for schema in registry.schemas.values_mut() {
            let MetaSchema { properties, required, .. } = schema;
            for (name, property) in properties {
                bound(property);
                if !required.contains(name) {
                    nullable(property);
                }
            }
        }
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.0.add_routes(routes);
    }
}

/// Unsigned integers are not negative: their format alone is ours, and says nothing to a program.
fn bound(schema: &mut MetaSchemaRef) {
    let MetaSchemaRef::Inline(schema) = schema else { return };
    if schema.ty == "integer" && schema.format.is_some_and(|format| format.starts_with("uint")) {
        schema.minimum.get_or_insert(0.0);
    }
    if let Some(items) = &mut schema.items {
        bound(items);
    }
}

/// What may be absent may as well be null, in requests and in responses.
fn nullable(schema: &mut MetaSchemaRef) {
    match schema {
        MetaSchemaRef::Inline(schema) => schema.nullable = true,
        MetaSchemaRef::Reference(_) => {
            let all_of = vec![schema.clone()];
            *schema = MetaSchemaRef::Inline(Box::new(MetaSchema { all_of, nullable: true, ..MetaSchema::ANY }));
        }
    }
}

/// The methods that a path has, as the header `Allow` lists them.
pub(super) fn allowed(path: Option<&PathPattern>) -> HeaderValue {
    static ALLOWED: LazyLock<HashMap<String, HeaderValue>> = LazyLock::new(|| {
        let mut routes = HashMap::new();
        api().add_routes(&mut routes);
        let allowed = routes.into_iter().map(|(path, methods)| {
            let mut methods: Vec<_> = methods.into_keys().collect();
            if methods.contains(&Method::GET) {
                methods.push(Method::HEAD);
            }
            methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
            (path, HeaderValue::from_str(&methods.join(", ")).expect("methods are ASCII"))
        });
        allowed.collect()
    });
    // What is no operation can only be looked at: the document, its page, the socket.
    path.and_then(|path| ALLOWED.get(&*path.0)).cloned().unwrap_or(HeaderValue::from_static("GET, HEAD"))
}
