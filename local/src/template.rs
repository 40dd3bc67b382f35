//! Reads from `template.yaml` what the local server needs: the functions with their routes
//! and environment, CORS, and the tables.

mod intrinsics;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::yaml;

/// What the template describes, for one set of parameters.
#[derive(Clone, Debug)]
pub struct Template {
    /// The functions, sorted by name.
    pub functions: Vec<Function>,
    /// What pages of other origins are allowed to do.
    pub cors: Cors,
    /// The tables, in the order of the template.
    pub tables: Vec<Table>,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The name of the package, its binary and its folder: `get-task`.
    pub name: String,
    /// The name of the resource, such as `GetTaskFunction`.
    pub logical_id: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// In megabytes.
    pub memory_size: u32,
    /// The environment. A value is `None` if only AWS can resolve it.
    pub environment: BTreeMap<String, Option<String>>,
    /// The routes that invoke the function.
    pub routes: Vec<Route>,
    /// The actions that the function may use, and on which tables and indexes.
    pub permissions: BTreeSet<Permission>,
}

impl Function {
    /// Whether it needs tokens and tasks: then it has a table.
    #[must_use]
    pub fn serves_users(&self) -> bool {
        self.environment.get("TASKS_TABLE") != Some(&Some(String::new()))
    }
}

/// A DynamoDB action on a table or on one of its indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action without its prefix, such as `GetItem`.
    pub action: String,
    /// A table, or an index of a table, such as `TasksTable/index/by_id`.
    pub resource: String,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "PascalCase")]
pub struct Route {
    /// The method, in upper case.
    pub method: String,
    /// The path, with parameters in braces: `/api/tasks/{task_id}`.
    pub path: String,
}

/// The route key: `GET /api/tasks/{task_id}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The CORS configuration of the HTTP API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)] // The names are API Gateway's.
pub struct Cors {
    pub allow_origins: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    #[serde(default)]
    pub allow_credentials: bool,
    pub max_age: u32,
}

/// A DynamoDB table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)] // The names are DynamoDB's.
pub struct Table {
    /// The name of the resource, which is also the name of the table.
    #[serde(skip)]
    pub name: String,
    pub attribute_definitions: Vec<AttributeDefinition>,
    pub key_schema: Vec<KeyElement>,
    #[serde(default)]
    pub global_secondary_indexes: Vec<Index>,
    pub time_to_live_specification: Option<TimeToLive>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)]
pub struct KeyElement {
    pub attribute_name: String,
    pub key_type: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)]
pub struct Index {
    pub index_name: String,
    pub key_schema: Vec<KeyElement>,
    pub projection: Projection,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)]
pub struct Projection {
    pub projection_type: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs)]
pub struct TimeToLive {
    pub attribute_name: String,
}

impl Template {
    /// Reads the template at `path`. `parameters` override the template's defaults.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or contains something that the local server does not
    /// support. The message says where.
    pub fn read(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Template> {
        let file = || format!("reading {}", path.display());
        let text = std::fs::read_to_string(path).with_context(file)?;
        Template::parse(&text, parameters).with_context(file)
    }

    fn parse(text: &str, parameters: &BTreeMap<String, String>) -> Result<Template> {
        let document = yaml::parse(text)?;
        let document = intrinsics::resolve(document, parameters)?;
        let defaults = &document["Globals"]["Function"];
        let (mut functions, mut tables, mut cors) = (Vec::new(), Vec::new(), None);
        for (logical_id, resource) in document["Resources"].as_object().into_iter().flatten() {
            let read = || format!("resource {logical_id}");
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::Serverless::Function" => {
                    functions.push(function(logical_id, resource, defaults).with_context(read)?)
                }
                "AWS::Serverless::HttpApi" => {
                    let body = &resource["Properties"]["DefinitionBody"];
                    cors = Some(part(&body["x-amazon-apigateway-cors"]).with_context(read)?);
                }
                "AWS::DynamoDB::Table" => {
                    let table: Table = part(&resource["Properties"]).with_context(read)?;
                    tables.push(Table { name: logical_id.clone(), ..table });
                }
                _ => {}
            }
        }
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Template { functions, cors: cors.context("no AWS::Serverless::HttpApi")?, tables })
    }

    /// The names of the functions.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.functions.iter().map(|function| function.name.as_str()).collect()
    }

    /// The variables of all functions.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<&str> {
        let functions = self.functions.iter();
        functions.flat_map(|function| function.environment.keys().map(String::as_str)).collect()
    }

    /// The function `name`.
    ///
    /// # Errors
    ///
    /// If there is no such function; the message lists all of them.
    pub fn function(&self, name: &str) -> Result<&Function> {
        self.functions.iter().find(|function| function.name == name).with_context(|| {
            let names = self.names().join(", ");
            format!("no function {name} in template.yaml; there are {names}")
        })
    }
}

fn function(logical_id: &str, resource: &Value, defaults: &Value) -> Result<Function> {
    let name = resource["Metadata"]["BuildProperties"]["Binary"]
        .as_str()
        .context("Metadata.BuildProperties.Binary is missing")?;
    let own = &resource["Properties"];
    let setting = |name: &str| own.get(name).or_else(|| defaults.get(name));
    let number = |name: &str| {
        let value = setting(name).and_then(Value::as_u64);
        value.with_context(|| format!("{name} is missing or not a number"))
    };
    let mut environment = BTreeMap::new();
    for settings in [defaults, own] {
        let variables = &settings["Environment"]["Variables"];
        for (name, value) in variables.as_object().into_iter().flatten() {
            // Only CloudFormation can resolve a dynamic reference.
            let value = value.as_str().filter(|text| !text.contains("{{resolve:"));
            environment.insert(name.clone(), value.map(str::to_owned));
        }
    }
    let mut routes = Vec::new();
    for event in own["Events"].as_object().into_iter().flat_map(|events| events.values()) {
        if event["Type"] != "HttpApi" {
            bail!("an event of type {}, which the local server does not support", event["Type"]);
        }
        routes.push(part(&event["Properties"])?);
    }
    Ok(Function {
        permissions: permissions(&own["Policies"])?,
        name: name.to_owned(),
        logical_id: logical_id.to_owned(),
        timeout: Duration::from_secs(number("Timeout")?),
        memory_size: u32::try_from(number("MemorySize")?)?,
        environment,
        routes,
    })
}

/// The permissions in the `Policies` of a function.
fn permissions(policies: &Value) -> Result<BTreeSet<Permission>> {
    let mut permissions = BTreeSet::new();
    for policy in policies.as_array().into_iter().flatten() {
        let statements = policy["Statement"].as_array().context("a policy without statements")?;
        for statement in statements {
            for action in one_or_many(&statement["Action"])? {
                for resource in one_or_many(&statement["Resource"])? {
                    let action = action.strip_prefix("dynamodb:").context("another service")?;
                    let resource = intrinsics::local_name(&resource)
                        .with_context(|| format!("{resource} is no table"))?;
                    permissions.insert(Permission {
                        action: action.to_owned(),
                        resource: resource.to_owned(),
                    });
                }
            }
        }
    }
    Ok(permissions)
}

fn one_or_many(value: &Value) -> Result<Vec<String>> {
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        many => part(many),
    }
}

fn part<T: DeserializeOwned>(value: &Value) -> Result<T> {
    Ok(T::deserialize(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Origins:
    Type: String
    Default: http://a.example,http://b.example
  Size:
    Type: Number
    Default: 0
Conditions:
  HasThings: !Not [!Equals [!Ref Origins, ""]]
  HasOthers: !Equals [!Ref Origins, ""]
  IsLarge: !Not [!Equals [!Ref Size, "0"]]
Globals:
  Function:
    Timeout: 10
    MemorySize: 256
    Environment:
      Variables:
        TABLE: !GetAtt ThingsInUse.Value
        SECRET: !Sub "{{resolve:secretsmanager:${Origins}:SecretString}}"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        x-amazon-apigateway-cors:
          allowOrigins: !Split [",", !Ref Origins]
          allowMethods: [GET]
          allowHeaders: [authorization]
          exposeHeaders: [etag]
          maxAge: 600
  GetThingFunction:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: get-thing } }
    Properties:
      Timeout: 3
      MemorySize: !If [IsLarge, 1024, !Ref AWS::NoValue]
      Environment: { Variables: { OWN: "yes" } }
      Events:
        Http:
          Type: HttpApi
          Properties: { ApiId: !Ref Api, Method: GET, Path: "/things/{id}" }
      Policies:
        - Statement:
            - Action: dynamodb:Query
              Resource: !Sub
                - "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ThingsInUse.Value}/${Index}"
                - Index: !If [IsLarge, "*", index/by_id]
  ThingsInUse:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !If [HasOthers, !Ref Others, !Ref Things] }
  Others:
    Type: AWS::DynamoDB::Table
    Condition: HasOthers
    Properties: !Ref AWS::NoValue
  Things:
    Type: AWS::DynamoDB::Table
    Condition: HasThings
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
"#;

    #[test]
    fn functions_routes_cors_and_tables_are_parsed() {
        let template = Template::parse(TEMPLATE, &BTreeMap::new()).unwrap();
        let function = template.function("get-thing").unwrap();
        assert_eq!(function.timeout, Duration::from_secs(3));
        assert_eq!(function.memory_size, 256);
        assert_eq!(function.environment["TABLE"].as_deref(), Some("Things"));
        assert_eq!(function.environment["SECRET"], None);
        assert_eq!(function.environment["OWN"].as_deref(), Some("yes"));
        let resource = "Things/index/by_id".to_owned();
        let permission = Permission { action: "Query".to_owned(), resource };
        assert_eq!(function.permissions, BTreeSet::from([permission]));
        let route = Route { method: "GET".into(), path: "/things/{id}".into() };
        assert_eq!(function.routes, [route]);
        assert_eq!(template.cors.allow_origins, ["http://a.example", "http://b.example"]);
        let tables: Vec<&str> = template.tables.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(tables, ["Things"], "only those whose condition holds");
    }

    #[test]
    fn a_parameter_overrides_its_default() {
        let given = BTreeMap::from([("Origins".to_owned(), "http://c.example".to_owned())]);
        let template = Template::parse(TEMPLATE, &given).unwrap();
        assert_eq!(template.cors.allow_origins, ["http://c.example"]);
    }

    #[test]
    fn something_unsupported_is_an_error_that_names_the_resource() {
        let text = TEMPLATE.replace("Type: HttpApi", "Type: Schedule");
        let error = Template::parse(&text, &BTreeMap::new()).unwrap_err();
        assert!(format!("{error:#}").contains("resource GetThingFunction: an event of type"));
    }
}
