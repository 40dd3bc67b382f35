//! Resolves CloudFormation's intrinsic functions, as for a stack on this machine.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// Replaces all functions in `document` by their values. Where CloudFormation would generate
/// a name, it uses the logical id.
pub(super) fn resolve(mut document: Value, parameters: &BTreeMap<String, String>) -> Result<Value> {
    // Rules only check the parameters of a deployment.
    document["Rules"].take();
    let mut names = BTreeMap::new();
    for (name, parameter) in document["Parameters"].as_object().into_iter().flatten() {
        let default = parameter.get("Default").map(text);
        names.insert(name.clone(), parameters.get(name).cloned().or(default).unwrap_or_default());
    }
    for logical_id in document["Resources"].as_object().into_iter().flatten().map(|(id, _)| id) {
        names.insert(logical_id.clone(), logical_id.clone());
    }
    for (name, value) in [
        ("AWS::StackName", "local"),
        ("AWS::Region", "us-east-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ] {
        names.insert(name.to_owned(), value.to_owned());
    }
    let mut scope = Scope { names, conditions: BTreeMap::new() };
    for (name, condition) in document["Conditions"].as_object().into_iter().flatten() {
        let holds = walk(condition.clone(), &scope)?;
        let holds = holds.as_bool().with_context(|| format!("the condition {name}"))?;
        scope.conditions.insert(name.clone(), holds);
    }
    for (logical_id, resource) in document["Resources"].as_object().into_iter().flatten() {
        if resource["Type"] == "AWS::SSM::Parameter" {
            let value = walk(resource["Properties"]["Value"].clone(), &scope)?;
            scope.names.insert(format!("{logical_id}.Value"), text(&value));
        }
    }
    if let Some(resources) = document["Resources"].as_object_mut() {
        for (logical_id, resource) in resources.iter() {
            let condition = resource["Condition"].as_str();
            if let Some(unknown) = condition.filter(|it| !scope.conditions.contains_key(*it)) {
                bail!("resource {logical_id}: there is no condition {unknown}");
            }
        }
        resources.retain(|_, resource| {
            resource["Condition"].as_str().is_none_or(|condition| scope.conditions[condition])
        });
    }
    walk(document, &scope)
}

/// A parameter's value as `Ref` returns it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The names and conditions that functions may refer to.
struct Scope {
    names: BTreeMap<String, String>,
    conditions: BTreeMap<String, bool>,
}

fn walk(value: Value, scope: &Scope) -> Result<Value> {
    Ok(match value {
        Value::Array(values) => {
            let mut walked = walk_each(values, scope)?;
            walked.retain(|value| !is_no_value(value));
            Value::Array(walked)
        }
        Value::Object(object) => match object.iter().next() {
            Some((key, _)) if object.len() == 1 && is_function(key) => {
                let function = key.clone();
                let argument = match object.into_iter().next() {
                    // `AWS::NoValue` stays: arguments are identified by their position.
                    Some((_, Value::Array(values))) => Value::Array(walk_each(values, scope)?),
                    Some((_, value)) => walk(value, scope)?,
                    None => Value::Null,
                };
                call(&function, &argument, scope)?
            }
            _ => {
                let mut walked = Map::new();
                for (key, value) in object {
                    let value = walk(value, scope)?;
                    if !is_no_value(&value) {
                        walked.insert(key, value);
                    }
                }
                Value::Object(walked)
            }
        },
        scalar => scalar,
    })
}

fn walk_each(values: Vec<Value>, scope: &Scope) -> Result<Vec<Value>> {
    values.into_iter().map(|value| walk(value, scope)).collect()
}

/// The key that marks a property to be left out.
const NO_VALUE: &str = "AWS::NoValue";

fn is_no_value(value: &Value) -> bool {
    value.get(NO_VALUE).is_some()
}

fn is_function(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

fn call(function: &str, argument: &Value, scope: &Scope) -> Result<Value> {
    let wrong = || format!("{function} of {argument}");
    Ok(match function {
        "Ref" if argument == NO_VALUE => json!({ NO_VALUE: true }),
        "Ref" => json!(named(argument.as_str().with_context(wrong)?, &scope.names)?),
        "Fn::GetAtt" => json!(attribute(argument.as_str().with_context(wrong)?, &scope.names)),
        "Fn::Sub" => match argument.as_array().map(Vec::as_slice) {
            Some([template, variables]) => {
                let mut names = scope.names.clone();
                for (name, value) in variables.as_object().with_context(wrong)? {
                    names.insert(name.clone(), text(value));
                }
                json!(substitute(template.as_str().with_context(wrong)?, &names)?)
            }
            _ => json!(substitute(argument.as_str().with_context(wrong)?, &scope.names)?),
        },
        "Fn::Split" => {
            let by = argument[0].as_str().with_context(wrong)?;
            let text = argument[1].as_str().with_context(wrong)?;
            json!(text.split(by).collect::<Vec<_>>())
        }
        "Fn::Equals" => json!(argument[0] == argument[1]),
        "Fn::Not" => json!(!argument[0].as_bool().with_context(wrong)?),
        "Fn::If" => {
            let condition = argument[0].as_str().with_context(wrong)?;
            let holds = scope.conditions.get(condition).with_context(wrong)?;
            argument[if *holds { 1 } else { 2 }].clone()
        }
        _ => bail!("the function {function}, which the local server does not support"),
    })
}

fn named<'a>(name: &str, names: &'a BTreeMap<String, String>) -> Result<&'a str> {
    names.get(name).map(String::as_str).with_context(|| format!("there is no {name}"))
}

/// An attribute: the value of an SSM parameter, or of another resource an ARN that nothing
/// resolves.
fn attribute(name: &str, names: &BTreeMap<String, String>) -> String {
    let value = names.get(name).cloned();
    value.unwrap_or_else(|| format!("arn:aws:local:us-east-1:123456789012:{name}"))
}

/// The table or index in an ARN: `Table/index/name` for
/// `arn:aws:dynamodb:us-east-1:123456789012:table/Table/index/name`.
pub(super) fn local_name(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:dynamodb:us-east-1:123456789012:table/")
}

/// `text` with each `${Name}` and `${Name.Attribute}` replaced.
fn substitute(text: &str, names: &BTreeMap<String, String>) -> Result<String> {
    let mut parts = text.split("${");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').context("${ without }")?;
        if name.contains('.') {
            result.push_str(&attribute(name, names));
        } else {
            result.push_str(named(name, names)?);
        }
        result.push_str(rest);
    }
    Ok(result)
}
