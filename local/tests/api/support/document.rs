//! Checks the replies of the API against `openapi.yaml`.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use local::settings::repository;
use local::yaml;
use serde_json::{Value, json};

use super::Reply;

/// Headers of the connection and of the gateway, which the document does not promise.
const NOT_DOCUMENTED: [&str; 5] =
    ["apigw-requestid", "connection", "content-length", "date", "transfer-encoding"];

/// A documented reply.
#[derive(Clone, Debug)]
pub(crate) struct Documented {
    /// The operation's id.
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<Header>,
    /// Its media types with their schemas.
    pub(crate) content: Vec<(String, &'static Value)>,
    method: String,
    path: String,
}

/// A documented header.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// In lower case.
    pub(crate) name: String,
    required: bool,
    schema: &'static Value,
}

/// The document `openapi.yaml`.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let text = std::fs::read_to_string(repository().join("openapi.yaml")).unwrap();
        yaml::parse(&text).unwrap()
    })
}

/// Follows references from `value`.
fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let found = document().pointer(reference.trim_start_matches('#'));
            resolve(found.unwrap_or_else(|| panic!("{reference} is not in the document")))
        }
        None => value,
    }
}

fn members(value: &'static Value) -> impl Iterator<Item = (&'static String, &'static Value)> {
    value.as_object().into_iter().flatten()
}

/// All documented replies.
pub(crate) fn replies() -> Vec<Documented> {
    let mut replies = Vec::new();
    for (path, item) in members(&document()["paths"]) {
        for (method, operation) in members(item).filter(|(key, _)| *key != "parameters") {
            for (status, reply) in members(&operation["responses"]) {
                let reply = resolve(reply);
                let header = |(name, header): (&String, &'static Value)| {
                    let header = resolve(header);
                    let (name, required) = (name.to_lowercase(), header["required"] == true);
                    Header { name, required, schema: &header["schema"] }
                };
                replies.push(Documented {
                    operation: operation["operationId"].as_str().unwrap().to_owned(),
                    status: status.parse().unwrap(),
                    headers: members(&reply["headers"]).map(header).collect(),
                    content: members(&reply["content"])
                        .map(|(media_type, content)| (media_type.clone(), &content["schema"]))
                        .collect(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                });
            }
        }
    }
    replies
}

fn fits_path(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(a, b)| a == b || (a.starts_with('{') && !b.is_empty()))
}

/// A validator for a schema of the document. Making one takes longer than the request whose
/// reply it checks, so each is made once.
pub(crate) fn validator(schema: &'static Value) -> &'static Validator {
    static MADE: Mutex<BTreeMap<usize, &'static Validator>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    made.entry(std::ptr::from_ref(schema).addr()).or_insert_with(|| {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": document()["components"],
        });
        Box::leak(Box::new(jsonschema::validator_for(&whole).unwrap()))
    })
}

/// Whether the reply comes from the gateway itself.
fn is_gateways(reply: &Reply) -> bool {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let is_message = body.as_object().is_some_and(|it| it.len() == 1 && it.contains_key("message"));
    is_message && !reply.headers.contains_key("x-content-type-options")
}

/// Checks that this reply is documented: its status, its headers with their values, and its
/// body.
#[track_caller]
pub(crate) fn check(method: &str, target: &str, reply: &Reply) {
    static REPLIES: OnceLock<Vec<Documented>> = OnceLock::new();
    let path = target.split('?').next().unwrap();
    let mut known = REPLIES
        .get_or_init(replies)
        .iter()
        .filter(|it| it.method == method && fits_path(&it.path, path))
        .peekable();
    if known.peek().is_none() || is_gateways(reply) {
        return;
    }
    let what = format!("{method} {path}: {}", reply.status);
    let documented = known.find(|it| it.status == reply.status.as_u16());
    let documented = documented.unwrap_or_else(|| panic!("{what} is not in the document"));
    check_headers(&what, documented, reply);
    check_body(&what, documented, reply);
}

#[track_caller]
fn check_headers(what: &str, documented: &Documented, reply: &Reply) {
    for header in &documented.headers {
        let Some(value) = reply.headers.get(&header.name) else {
            assert!(!header.required, "{what} without {}", header.name);
            continue;
        };
        let number = value.parse::<u64>().map(Value::from);
        let value = match header.schema["type"].as_str() {
            Some("integer") => number.unwrap_or(Value::Null),
            _ => Value::from(value.as_str()),
        };
        assert!(validator(header.schema).is_valid(&value), "{what}: {}: {value}", header.name);
    }
    for (name, value) in &reply.headers {
        let is_known = NOT_DOCUMENTED.contains(&name.as_str())
            || name.starts_with("access-control-")
            || name == "content-type"
            || (name == "vary" && value == "origin")
            || documented.headers.iter().any(|known| known.name == *name);
        assert!(is_known, "{what}: the header {name} is not in the document");
    }
}

#[track_caller]
fn check_body(what: &str, documented: &Documented, reply: &Reply) {
    if documented.content.is_empty() {
        assert!(reply.body.is_empty(), "{what} has a body");
        return;
    }
    let media_type = reply.header("content-type").split(';').next().unwrap();
    let content = documented.content.iter().find(|(known, _)| known == media_type);
    let (_, schema) =
        content.unwrap_or_else(|| panic!("{what}: {media_type} is not in the document"));
    // Compressed bodies have tests of their own.
    if media_type.ends_with("json") && !reply.headers.contains_key("content-encoding") {
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        if let Err(error) = validator(schema).validate(&body) {
            panic!("{what}: {error} at {}", error.instance_path());
        }
    }
}
