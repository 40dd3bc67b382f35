//! The log line of one request: JSON in CloudWatch's embedded metric format, from which
//! CloudWatch extracts metrics without another request.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::Level;

use super::Audience;
use crate::task::Timestamp;

/// The metric that is also recorded per version of a function: a deployment is rolled
/// back only for the errors of its own version.
pub const SERVER_ERRORS: &str = "ServerErrors";

/// The metrics of a request, with their units.
pub const METRICS: [(&str, &str); 4] = [
    ("Duration", "Milliseconds"),
    ("ColdStart", "Count"),
    ("ClientErrors", "Count"),
    (SERVER_ERRORS, "Count"),
];

/// The metrics that only requests with a user have.
pub const USER_METRICS: [(&str, &str); 3] =
    [("RequestUnits", "Count"), ("Attempts", "Count"), ("RefusedTokens", "Count")];

/// The dimensions of the metrics: all requests of users together, and each operation.
/// Requests for health and docs only count by operation. They are easy and may be many, so
/// among the others they would hide errors and delays.
pub const DIMENSIONS: [&[&str]; 2] = [&["operation"], &[]];

/// The additional dimensions of [`SERVER_ERRORS`].
pub const VERSION_DIMENSIONS: [&[&str]; 1] = [&["operation", "version"]];

/// What all functions call themselves in the log.
const SERVICE: &str = "tasks-api";

/// The log line of a request. Names follow the conventions of Powertools for AWS Lambda,
/// as far as it has one.
/// <https://docs.aws.amazon.com/powertools/python/latest/core/logger/>
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) timestamp: Timestamp,
    #[serde(skip)]
    pub(super) severity: Level,
    /// The name of the severity.
    level: &'static str,
    message: String,
    service: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_name: Option<&'a str>,
    pub(super) function_request_id: &'a str,
    pub(super) correlation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) xray_trace_id: Option<&'a str>,
    pub(super) cold_start: bool,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    status: u16,
    /// A hash of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<&'a str>,
    /// Present if the reply is a list without a limit that did not fit: a client that
    /// does not follow its `Link` misses the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<bool>,
    /// How many operations a batch has, and how many of them failed with a 5xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operations: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_operations: Option<usize>,
    #[serde(rename = "Duration")]
    duration: f64,
    #[serde(rename = "ColdStart")]
    pub(super) cold_starts: u8,
    #[serde(rename = "ClientErrors")]
    client_errors: u8,
    #[serde(rename = "ServerErrors")]
    server_errors: u8,
    #[serde(rename = "RequestUnits", skip_serializing_if = "Option::is_none")]
    pub(super) request_units: Option<f64>,
    #[serde(rename = "Attempts", skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
    /// Requests without a token do not count: any passer-by sends those.
    #[serde(rename = "RefusedTokens", skip_serializing_if = "Option::is_none")]
    pub(super) refused_tokens: Option<u8>,
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    pub(super) metrics: Option<Dated<'a>>,
}

impl Line<'_> {
    /// Returns the line of a request that got a reply with `status`. `has_failed` if that is a
    /// 5xx, or a part of the request got one.
    pub(super) fn new(
        operation: &'static str,
        status: StatusCode,
        has_failed: bool,
        duration: Duration,
    ) -> Self {
        let severity = if has_failed { Level::ERROR } else { Level::INFO };
        Line {
            timestamp: Timestamp::now(),
            severity,
            level: severity.as_str(),
            message: format!("{operation} {}", status.as_u16()),
            service: SERVICE,
            function_name: None,
            function_request_id: "",
            correlation_id: "",
            xray_trace_id: None,
            cold_start: false,
            operation,
            version: None,
            status: status.as_u16(),
            user: None,
            error: None,
            detail: None,
            cause: None,
            cut: None,
            operations: None,
            failed_operations: None,
            duration: (duration.as_secs_f64() * 1e6).round() / 1000.0,
            cold_starts: 0,
            client_errors: u8::from(status.is_client_error()),
            server_errors: u8::from(has_failed),
            request_units: None,
            attempts: None,
            refused_tokens: None,
            metrics: None,
        }
    }

    /// Returns the line for people: `name=value` for each of its fields.
    pub(super) fn text(&self) -> String {
        let fields = serde_json::to_value(self).unwrap_or_default();
        let fields = fields.as_object().into_iter().flatten();
        let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={value}")).collect();
        fields.join(" ")
    }
}

/// Tells CloudWatch which fields of a line are metrics.
#[derive(Debug)]
pub(super) struct Directives(Value);

/// The [`Directives`] of one line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dated<'a> {
    timestamp: i64,
    cloud_watch_metrics: &'a Value,
}

impl Directives {
    pub(super) fn of(namespace: &str, audience: Audience) -> Directives {
        let (of_users, dimensions) = match audience {
            Audience::Users => (USER_METRICS.as_slice(), DIMENSIONS.as_slice()),
            Audience::Everybody => (&[][..], &DIMENSIONS[..1]),
        };
        let all = METRICS.iter().chain(of_users);
        let metrics: Vec<_> = all.map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
        let errors = [json!({"Name": SERVER_ERRORS, "Unit": "Count"})];
        Directives(json!([
            {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics},
            {"Namespace": namespace, "Dimensions": VERSION_DIMENSIONS, "Metrics": errors},
        ]))
    }

    /// Returns the directives for a line logged at `moment`.
    pub(super) fn at(&self, moment: Timestamp) -> Dated<'_> {
        Dated { timestamp: moment.unix_millis(), cloud_watch_metrics: &self.0 }
    }
}
