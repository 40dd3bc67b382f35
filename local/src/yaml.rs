//! Converts YAML to JSON. CloudFormation's short tags become its long function names:
//! `!Ref Table` becomes `{"Ref": "Table"}`.

use anyhow::{Context, Result, bail};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Parses the first document in `text`.
///
/// # Errors
///
/// If it is not YAML, or JSON cannot represent it.
pub fn parse(text: &str) -> Result<Value> {
    let documents = Yaml::load_from_str(text)?;
    value(documents.first().context("an empty document")?)
}

fn value(node: &Yaml<'_>) -> Result<Value> {
    Ok(match node {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(nodes) => Value::Array(nodes.iter().map(value).collect::<Result<_>>()?),
        Yaml::Mapping(nodes) => {
            let mut object = Map::new();
            for (key, node) in nodes {
                let key = key.as_str().context("a key that is not a string")?;
                object.insert(key.to_owned(), value(node)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tag, node) => {
            let name = match tag.suffix.as_str() {
                "Ref" => "Ref".to_owned(),
                name => format!("Fn::{name}"),
            };
            json!({ name: value(node)? })
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            bail!("an unsupported YAML node: {node:?}")
        }
    })
}
