//! Everything that names an operation names the same ones: the functions'
//! folders, the template, the events, the README.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test, what fails is the message")]

mod monitoring;
mod rows;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use local::settings::{Settings, repository};
use local::template::{Function, Route, Template};
use local::yaml;
use serde_json::Value;
use shared::config::{Config, Logging};
use shared::deadlines;

fn template() -> Template {
    Settings::default().template().unwrap()
}

/// The template with the functions that are in every stack.
fn template_without_docs() -> Template {
    let off = BTreeMap::from([("DocsPage".to_owned(), "off".to_owned())]);
    Template::read(&repository().join("template.yaml"), &off).unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).unwrap()
}

fn entries(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The code spans in the first column of those README tables that have
/// `heading` as theirs.
fn first_column(heading: &str) -> BTreeSet<String> {
    let readme = readme();
    let header = format!("| {heading} |");
    let rows = readme.lines().skip_while(|line| !line.starts_with(&header)).skip(2);
    let cells = rows
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned());
    cells.collect()
}

#[test]
fn each_function_has_one_name_everywhere() {
    let folders: BTreeSet<String> = entries("functions").into_iter().collect();
    let functions = template().functions;
    let names: BTreeSet<String> = functions.iter().map(|it| it.name.clone()).collect();
    assert_eq!(folders, names, "functions/ and the template");
    for Function { name, logical_id, .. } in &functions {
        let [_, _, expected] = rows::spellings(name);
        assert_eq!(*logical_id, expected);
        let manifest = repository().join("functions").join(name).join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "the package of {name}");
        assert!(repository().join(format!("events/{name}.json")).exists(), "an event for {name}");
    }
}

#[test]
fn each_event_fits_the_route_of_its_function() {
    let template = template();
    let with_key_set = entries("events/key-set").into_iter().map(|file| format!("key-set/{file}"));
    let all = entries("events").into_iter().chain(with_key_set);
    for file in all.filter(|file| file != "key-set" && file != "key-set/jwks.json") {
        let name = file.trim_start_matches("key-set/").split('.').next().unwrap();
        let function = template.function(name).unwrap();
        let text = std::fs::read(repository().join("events").join(&file)).unwrap();
        let event: Value = serde_json::from_slice(&text).unwrap();
        let is_events = |route: &&Route| event["routeKey"] == route.to_string();
        let route = function.routes.iter().find(is_events).expect(&file);
        let route_key = route.to_string();
        assert_eq!(event["requestContext"]["routeKey"], route_key, "{file}");
        assert_eq!(event["requestContext"]["http"]["method"], route.method, "{file}");
        assert_eq!(event["requestContext"]["http"]["path"], event["rawPath"], "{file}");
        let mut path = route.path.clone();
        for (name, value) in event["pathParameters"].as_object().into_iter().flatten() {
            path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap());
        }
        assert_eq!(event["rawPath"], path, "{file}");
    }
}

#[test]
fn the_readme_lists_the_routes_of_the_template() {
    let routes: BTreeSet<String> =
        template().functions.iter().flat_map(|it| it.routes.iter().map(Route::to_string)).collect();
    assert_eq!(first_column("route"), routes);
}

#[test]
fn a_parameter_switches_the_page_off() {
    let template = template_without_docs();
    assert!(!template.names().contains(&"docs"));
    assert_eq!(template.names().len() + 1, self::template().names().len());
}

/// Whether a function may change items.
fn writes(function: &Function) -> bool {
    let actions = ["DeleteItem", "PutItem", "UpdateItem"];
    function.permissions.iter().any(|permission| actions.contains(&permission.action.as_str()))
}

#[test]
fn each_function_that_writes_can_be_stopped_for_a_restore() {
    let script = std::fs::read_to_string(repository().join("scripts/restore.sh")).unwrap();
    let (_, stopped) = script.split_once("for logical in ").unwrap();
    let (stopped, _) = stopped.split_once("; do").unwrap();
    let stopped: BTreeSet<&str> = stopped.split(' ').collect();
    let template = template();
    let writing = template.functions.iter().filter(|function| writes(function));
    assert_eq!(writing.map(|it| it.logical_id.as_str()).collect::<BTreeSet<_>>(), stopped);
}

#[test]
fn the_document_has_the_operations_of_the_template() {
    let text = std::fs::read_to_string(repository().join("openapi.yaml")).unwrap();
    let document = yaml::parse(&text).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters");
        for (method, operation) in methods {
            let route = Route { method: method.to_uppercase(), path: path.clone() };
            let name = operation["operationId"].as_str().unwrap();
            operations.insert(route.to_string(), name.to_owned());
        }
    }
    let routes = template().functions.into_iter().flat_map(|function| {
        function.routes.into_iter().map(move |route| {
            // One function serves the page and what belongs to it, and one the tools.
            let name = match route.to_string().as_str() {
                "GET /docs/{file}" => "docs-file".to_owned(),
                "GET /openapi.json" => "openapi".to_owned(),
                "GET /mcp" => "mcp-stream".to_owned(),
                "GET /.well-known/oauth-protected-resource/mcp" => "mcp-metadata".to_owned(),
                "GET /.well-known/oauth-protected-resource" => "mcp-metadata-at-root".to_owned(),
                _ => function.name.clone(),
            };
            (route.to_string(), name)
        })
    });
    assert_eq!(operations, routes.collect());
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// The variables that only `mcp` reads.
const MCP_VARIABLES: [&str; 2] = ["ALLOWED_ORIGINS", "MCP_RESOURCE"];

/// The variables that functions read, without those that Lambda sets.
fn variables() -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        let value =
            if name == "TRASH" { "on" } else { "https://issuer.example/long/enough/for/a/secret" };
        Some(value.to_owned())
    };
    Config::from_lookup(lookup).unwrap();
    Logging::from_lookup(lookup);
    let mut variables = asked.into_inner();
    variables.retain(|name| !name.starts_with("AWS_") || name == "AWS_ENDPOINT_URL_DYNAMODB");
    variables
}

#[test]
fn the_readme_and_the_template_know_every_variable_of_the_functions() {
    let variables = variables();
    let mut documented = first_column("variable");
    assert!(documented.remove("BETTER_AUTH_URL"), "CORS, which the gateway does");
    assert!(documented.remove("DOCS_TOKEN"), "the page's own");
    for variable in MCP_VARIABLES {
        assert!(documented.remove(variable), "{variable}, which only mcp has");
    }
    assert!(documented.remove("SSL_CERT_FILE`, `SSL_CERT_DIR"), "not ours");
    assert_eq!(documented, variables);
    for function in template().functions {
        let mut environment: BTreeSet<String> = function.environment.into_keys().collect();
        assert_eq!(environment.remove("DOCS_TOKEN"), function.name == "docs");
        for variable in MCP_VARIABLES {
            assert_eq!(environment.remove(variable), function.name == "mcp");
        }
        assert_eq!(environment, variables, "{}", function.name);
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_by_the_template_and_by_the_local_server() {
    let template = whole_template();
    let pattern = template["Parameters"]["BetterAuthUrl"]["AllowedPattern"].as_str().unwrap();
    // CloudFormation compares the whole value.
    let whole = serde_json::json!({ "pattern": format!("^(?:{pattern})$") });
    let deployed = jsonschema::validator_for(&whole).unwrap();
    for (value, is_good) in [
        ("https://app.example.com", true),
        ("http://localhost:3000,https://app.example.com", true),
        ("http://[::1]:3000", true),
        ("https://app.example.com/tasks", false),
        ("https://App.example.com", false),
        ("https://*.example.com", false),
        ("https://me@app.example.com", false),
        ("https://bücher.example", false),
        ("app.example.com", false),
        ("*", false),
        ("null", false),
    ] {
        assert_eq!(deployed.is_valid(&Value::from(value)), is_good, "{value}, deployed");
        let local = Settings::default().with("BETTER_AUTH_URL", value).template();
        assert_eq!(local.is_ok(), is_good, "{value}, locally");
    }
    // What does no harm, the local server puts right.
    for value in ["https://app.example.com/", "http://a.example, http://b.example"] {
        assert!(!deployed.is_valid(&Value::from(value)), "{value}, deployed");
        assert!(Settings::default().with("BETTER_AUTH_URL", value).template().is_ok());
    }
}

#[test]
fn the_workflows_are_valid_yaml_and_run_on_what_is_there() {
    let folder = repository().join(".github/workflows");
    let mut jobs = BTreeSet::new();
    for name in entries(".github/workflows") {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let workflow = yaml::parse(&text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        for (job, definition) in workflow["jobs"].as_object().unwrap() {
            let is_called = definition["uses"].as_str();
            let called = is_called.map(|path| repository().join(path.trim_start_matches("./")));
            assert!(called.is_none_or(|path| path.exists()), "{name}: {job}");
            jobs.insert(job.clone());
        }
    }
    assert!(jobs.contains("checks") && jobs.contains("build"), "{jobs:?}");
}

#[test]
fn the_indexes_of_the_template_are_those_of_the_design() {
    let template = template();
    let table = template.tables.iter().find(|table| table.name == local::TASKS_TABLE).unwrap();
    let keys: BTreeMap<&str, Vec<String>> = table
        .global_secondary_indexes
        .iter()
        .map(|index| {
            let elements = index.key_schema.iter();
            let keys = elements.map(|it| format!("{} {}", it.key_type, it.attribute_name));
            (index.index_name.as_str(), keys.collect())
        })
        .collect();
    let by = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let (user, half) = ("HASH user_id", "HASH completed");
    let (title, due, id) = ("RANGE title_key", "RANGE due_key", "RANGE task_id");
    let expected = BTreeMap::from([
        ("all_by_title", by(&[user, title, id])),
        ("all_by_due", by(&[user, due, id])),
        ("by_created", by(&[user, half, id])),
        ("by_title", by(&[user, half, title, id])),
        ("by_due", by(&[user, half, due, id])),
        ("by_deleted", by(&[user, "RANGE deleted_at", id])),
        ("by_updated", by(&[user, "RANGE updated_at", id])),
        ("by_id", by(&["HASH task_id"])),
    ]);
    assert_eq!(keys, expected);
}

/// The template with all that it holds, by its parameters' defaults.
fn whole_template() -> Value {
    let text = std::fs::read_to_string(repository().join("template.yaml")).unwrap();
    yaml::parse(&text).unwrap()
}

#[test]
fn a_replaced_version_of_a_function_is_kept_for_a_rollback() {
    for (name, resource) in whole_template()["Resources"].as_object().unwrap() {
        if resource["Type"] == "AWS::Serverless::Function" {
            assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
            assert!(resource.get("DeletionPolicy").is_none(), "{name}: its versions would have it");
            let description = &resource["Properties"]["VersionDescription"]["Fn::Sub"];
            let expected = "release ${Release}, settings ${SettingsVersion.VersionNumber}";
            assert_eq!(description, expected, "{name}: scripts/rollback.sh reads it");
        }
    }
}

#[test]
fn a_setting_of_the_functions_is_part_of_their_settings_version() {
    let template = whole_template();
    let content = &template["Resources"]["SettingsVersion"]["Properties"]["Content"]["Fn::Sub"];
    let functions = template["Resources"].as_object().unwrap().values();
    let own = functions.map(|resource| resource["Properties"]["Environment"].to_string());
    let settings = template["Globals"]["Function"].to_string() + &own.collect::<String>();
    let in_use = template["Resources"]["TasksTableInUse"].to_string()
        + &template["Resources"]["IdempotencyTableInUse"].to_string();
    // These change no version: how one is deployed, or what versions share.
    let others = ["Canary", "Release", "ReservedConcurrency", "PermissionsBoundary"];
    for (name, _) in template["Parameters"].as_object().unwrap() {
        let reference = [format!("{{\"Ref\":\"{name}\"}}"), format!("${{{name}}}")];
        let is_used = reference.iter().any(|it| settings.contains(it) || in_use.contains(it));
        if is_used && !others.contains(&name.as_str()) {
            let line = format!("{name}: ${{{name}}}");
            assert!(content.as_str().unwrap().contains(&line), "{name}");
        }
    }
}

#[test]
fn the_check_before_a_deployment_and_the_watch_router_know_each_function() {
    let functions = template().functions;
    let whole = whole_template();
    let check = &whole["Resources"]["PreTrafficCheck"]["Properties"]["Environment"]["Variables"];
    let versions = check["VERSIONS"]["Fn::Sub"].as_str().unwrap();
    let role = whole["Resources"]["PreTrafficCheckRole"].to_string();
    for function in functions.iter().filter(|function| function.name != "docs") {
        let id = &function.logical_id;
        assert!(versions.contains(&format!("${{{id}}}:${{{id}.Version.Version}}")), "{id}");
        assert!(role.contains(&format!("${{{id}.Arn}}:*")), "{id}");
    }
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let (_, router) = manifest.split_once("[workspace.metadata.lambda.watch.router]").unwrap();
    let router = router.split("\n[").next().unwrap();
    let mut routes = 0;
    for function in &functions {
        for Route { method, path } in &function.routes {
            let (_, rest) = router
                .split_once(&format!("\"{path}\" = ["))
                .unwrap_or_else(|| panic!("Cargo.toml lacks the route {path}"));
            let entry = format!("{{ method = \"{method}\", function = \"{}\" }}", function.name);
            assert!(rest.split(']').next().unwrap().contains(&entry), "{method} {path}");
            routes += 1;
        }
    }
    assert_eq!(router.matches("method = ").count(), routes);
}

#[test]
fn the_functions_that_serve_users_have_the_time_that_the_code_counts_on() {
    let mut serving = template().functions.into_iter().filter(Function::serves_users);
    assert!(serving.all(|function| function.timeout == deadlines::FUNCTION));
}

#[test]
fn no_log_level_can_be_chosen_that_drops_the_metrics() {
    let level = &whole_template()["Parameters"]["LogLevel"];
    assert_eq!(level["AllowedValues"], serde_json::json!(["TRACE", "DEBUG", "INFO"]));
}
