//! The alarms and the dashboard of `template.yaml`, and what `docs/operations.md` says of
//! them.

use std::collections::{BTreeMap, BTreeSet};

use local::settings::repository;
use serde_json::Value;
use shared::telemetry::{METRICS, USER_METRICS};

use crate::whole_template;

/// CloudWatch takes so many metrics in an alarm.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>
const MOST_METRICS: usize = 10;

/// The properties of the template's alarms, by name.
fn alarms() -> BTreeMap<String, Value> {
    let template = whole_template();
    let resources = template["Resources"].as_object().unwrap();
    let alarms = resources.iter().filter(|(_, it)| it["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, alarm)| (name.clone(), alarm["Properties"].clone())).collect()
}

/// The metrics of ours that `value` speaks of, wherever that is in it.
fn own_metrics(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let namespace = object.get("Namespace").map(Value::to_string).unwrap_or_default();
            if let Some(name) = object.get("MetricName").filter(|_| namespace.contains("TasksApi"))
            {
                found.insert(name.as_str().unwrap().to_owned());
            }
            object.values().for_each(|value| own_metrics(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| own_metrics(value, found)),
        _ => {}
    }
}

#[test]
fn every_metric_that_is_watched_is_one_that_is_written() {
    let template = whole_template();
    let mut watched = BTreeSet::new();
    own_metrics(&template["Resources"], &mut watched);
    assert!(!watched.is_empty());
    let dashboard = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap();
    for before in ["[\"TasksApi/${AWS::StackName}\", \"", "operation} MetricName=\\\""] {
        for rest in dashboard.split(before).skip(1) {
            watched.insert(rest.split(['"', '\\']).next().unwrap().to_owned());
        }
    }
    assert!(["Duration", "Attempts", "RefusedTokens"].iter().all(|name| watched.contains(*name)));
    let written = METRICS.into_iter().chain(USER_METRICS);
    let mut written: BTreeSet<String> = written.map(|(name, _)| name.to_owned()).collect();
    for resource in template["Resources"].as_object().unwrap().values() {
        let filters = resource["Properties"]["MetricTransformations"].as_array();
        for filter in filters.into_iter().flatten() {
            written.insert(filter["MetricName"].as_str().unwrap().to_owned());
        }
    }
    assert!(watched.is_subset(&written), "{watched:?} of {written:?}");
}

#[test]
fn the_runbook_tells_what_to_do_about_each_alarm() {
    let path = repository().join("docs/operations.md");
    let runbook = std::fs::read_to_string(path).unwrap();
    let sections: BTreeMap<&str, &str> = runbook
        .split("\n### ")
        .filter_map(|section| section.split_once('\n'))
        .filter(|(heading, _)| heading.ends_with("Alarm"))
        .collect();
    let alarms = alarms();
    for (name, alarm) in &alarms {
        let section = sections.get(name.as_str());
        let section = section.unwrap_or_else(|| panic!("the runbook has no section {name}"));
        let (topic, urgency) = match alarm["AlarmActions"][0]["Ref"].as_str() {
            Some("PageTopic") => ("PageTopic", "**Page.**"),
            Some("TicketTopic") => ("TicketTopic", "**Ticket.**"),
            _ => ("", "**Rolls back.**"),
        };
        assert!(section.trim_start().starts_with(urgency), "{name}: {topic}");
        assert_eq!(alarm["AlarmActions"], alarm["OKActions"], "{name}");
    }
    let mut known: BTreeSet<&str> = alarms.keys().map(String::as_str).collect();
    // Those of deploy/heartbeat.yaml.
    known.extend(["HeartbeatAlarm", "CertificateAlarm"]);
    assert_eq!(sections.into_keys().collect::<BTreeSet<_>>(), known, "an alarm that is no more");
}

#[test]
fn each_alarm_names_its_stack_and_links_to_runbook_and_dashboard() {
    let template = whole_template();
    let name = &template["Resources"]["Dashboard"]["Properties"]["DashboardName"]["Fn::Sub"];
    let dashboard = format!("#dashboards/dashboard/{}", name.as_str().unwrap());
    for (name, alarm) in alarms() {
        let description = alarm["AlarmDescription"]["Fn::Sub"].as_str().unwrap();
        assert!(description.starts_with("${AWS::StackName} (${Stage}): "), "{name}");
        let runbook = format!("Runbook: ${{RunbookUrl}}#{} ", name.to_lowercase());
        assert!(description.contains(&runbook), "{name}");
        assert!(description.ends_with(&dashboard), "{name}");
        // CloudWatch takes 1,024 characters, and the parameters' values are longer.
        assert!(description.len() < 600, "{name}");
    }
}

/// How many metrics an alarm watches.
fn metrics_of(alarm: &Value) -> usize {
    let metrics = alarm["Metrics"].as_array();
    metrics.map_or(1, |all| all.iter().filter(|it| it.get("MetricStat").is_some()).count())
}

#[test]
fn no_alarm_has_more_metrics_than_cloudwatch_takes() {
    for (name, alarm) in alarms() {
        let metrics = metrics_of(&alarm);
        assert!(metrics <= MOST_METRICS, "{name} watches {metrics} metrics: divide it once more");
    }
}

#[test]
fn the_dashboard_shows_each_alarm_or_a_deployment_watches_it() {
    let template = whole_template();
    let dashboard = template["Resources"]["Dashboard"].to_string();
    let deployment = template["Globals"]["Function"]["DeploymentPreference"].to_string();
    for name in alarms().into_keys() {
        let is_shown = dashboard.contains(&format!("${{{name}.Arn}}"));
        let is_watched = deployment.contains(&format!("{{\"Ref\":\"{name}\"}}"));
        assert_eq!(is_watched, name.starts_with("NewVersion"), "{name}");
        assert_ne!(is_shown, is_watched, "{name}");
    }
}

#[test]
fn the_cost_of_monitoring_counts_the_alarms_and_their_metrics() {
    let path = repository().join("docs/operations.md");
    let document = std::fs::read_to_string(path).unwrap().replace('\n', " ");
    let (always, canary): (Vec<_>, Vec<_>) = alarms()
        .into_iter()
        .map(|(name, alarm)| (name.starts_with("NewVersion"), metrics_of(&alarm)))
        .partition(|(is_canary, _)| !is_canary);
    let sum = |alarms: &[(bool, usize)]| alarms.iter().map(|(_, metrics)| metrics).sum::<usize>();
    let sentence = format!(
        "{} alarms watch {} metrics; with a canary, {} watch {}",
        always.len(),
        sum(&always),
        always.len() + canary.len(),
        sum(&always) + sum(&canary)
    );
    assert!(document.contains(&sentence), "docs/operations.md should say: {sentence}");
}
