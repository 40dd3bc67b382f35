//! `openapi.yaml`, held against what the API really answers.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use local::settings::repository;
use local::yaml;
use serde_json::Value;

use super::Reply;

/// What belongs to the connection, to the gateway or to CORS, and is not the
/// API's to promise.
const NOT_THE_APIS: [&str; 5] =
    ["apigw-requestid", "connection", "content-length", "date", "transfer-encoding"];

/// A reply of the document.
#[derive(Clone, Debug)]
pub(crate) struct Documented {
    /// The operation's id.
    pub(crate) operation: String,
    pub(crate) status: u16,
    /// The names of its headers, in small letters, and whether they must be
    /// there.
    pub(crate) headers: Vec<(String, bool)>,
    /// Its media types with their schemas.
    content: Vec<(String, &'static Value)>,
    method: String,
    path: String,
}

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let text = std::fs::read_to_string(repository().join("openapi.yaml")).unwrap();
        yaml::parse(&text).unwrap()
    })
}

/// What `value` refers to, or itself.
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

/// All replies of the document.
pub(crate) fn replies() -> Vec<Documented> {
    let mut replies = Vec::new();
    for (path, item) in members(&document()["paths"]) {
        for (method, operation) in members(item).filter(|(key, _)| *key != "parameters") {
            for (status, reply) in members(&operation["responses"]) {
                let reply = resolve(reply);
                let header = |(name, header): (&String, &'static Value)| {
                    (name.to_lowercase(), resolve(header)["required"] == true)
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

/// Checks that the document has this reply, with its headers and its fields.
#[track_caller]
pub(crate) fn check(method: &str, target: &str, reply: &Reply) {
    static REPLIES: OnceLock<Vec<Documented>> = OnceLock::new();
    let path = target.split('?').next().unwrap();
    let mut known = REPLIES
        .get_or_init(replies)
        .iter()
        .filter(|it| it.method == method && fits_path(&it.path, path))
        .peekable();
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    // Not an operation, or not answered by one: the gateway.
    if known.peek().is_none() || body.get("message").is_some() {
        return;
    }
    let what = format!("{method} {path}: {}", reply.status);
    let documented = known.find(|it| it.status == reply.status.as_u16());
    let documented = documented.unwrap_or_else(|| panic!("{what} is not in the document"));
    for (name, required) in &documented.headers {
        assert!(!required || reply.headers.contains_key(name), "{what} without {name}");
    }
    for name in reply.headers.keys() {
        let is_known = NOT_THE_APIS.contains(&name.as_str())
            || name.starts_with("access-control-")
            || ["content-type", "vary"].contains(&name.as_str())
            || documented.headers.iter().any(|(known, _)| known == name);
        assert!(is_known, "{what}: the document does not know the header {name}");
    }
    check_body(&what, documented, reply, &body);
}

#[track_caller]
fn check_body(what: &str, documented: &Documented, reply: &Reply, body: &Value) {
    if documented.content.is_empty() {
        assert!(reply.body.is_empty(), "{what} has a body");
        return;
    }
    let media_type = reply.header("content-type").split(';').next().unwrap();
    let content = documented.content.iter().find(|(known, _)| known == media_type);
    let (_, schema) = content.unwrap_or_else(|| panic!("{what} is {media_type}"));
    let schema = resolve(schema);
    match body {
        Value::Array(items) => {
            for item in items {
                assert!(has_fields(&schema["items"], item), "{what}: {item}");
            }
        }
        body => assert!(has_fields(schema, body), "{what}: {body}"),
    }
}

/// Whether an object has the fields of a schema, all that are required and no
/// others, and likewise the objects in it.
fn has_fields(schema: &'static Value, value: &Value) -> bool {
    let schema = resolve(schema);
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().any(|schema| has_fields(schema, value));
    }
    let Some(object) = value.as_object() else { return true };
    let names: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let required = schema["required"].as_array().into_iter().flatten();
    let is_strict = schema["additionalProperties"] == false;
    required.map(|name| name.as_str().unwrap()).all(|name| names.contains(name))
        && object.iter().all(|(name, value)| match schema["properties"].get(name) {
            None => !is_strict,
            Some(schema) => match value.as_array() {
                Some(items) => items.iter().all(|item| has_fields(&resolve(schema)["items"], item)),
                None => has_fields(schema, value),
            },
        })
}
