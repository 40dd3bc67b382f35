//! Turns requests into events, in payload format 2.0 of HTTP APIs.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::net::IpAddr;

use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::template::Route;

/// The parameters of a path, by name.
pub(super) type PathParameters = Vec<(String, String)>;

/// The parts of an event.
pub(super) struct RequestParts<'a> {
    pub(super) route: &'a Route,
    /// Percent-decoded.
    pub(super) path: &'a str,
    pub(super) parameters: PathParameters,
    pub(super) http: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) source_ip: IpAddr,
    pub(super) request_id: &'a str,
}

/// The event as JSON.
pub(super) fn build(request: &RequestParts<'_>) -> String {
    let headers = &request.http.headers;
    let header = |name| headers.get(name).map(|value| text(value.as_bytes())).unwrap_or_default();
    let host = header("host");
    let route_key = format!("{} {}", request.route.method, request.route.path);
    let now = OffsetDateTime::now_utc();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.http.uri.query().unwrap_or_default(),
        "headers": event_headers(request),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split('.').next().unwrap_or_default(),
            "http": {
                "method": request.http.method.as_str(),
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip.to_string(),
                "userAgent": header("user-agent"),
            },
            "requestId": request.request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
        },
        "isBase64Encoded": false,
    });
    // Members without content are left out.
    let cookies: Vec<String> = headers
        .get_all("cookie")
        .iter()
        .flat_map(|value| text(value.as_bytes()).split("; ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if let Some(query) = request.http.uri.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = joined_query(query);
    }
    if !request.parameters.is_empty() {
        let parameters =
            request.parameters.iter().map(|(name, value)| (name.clone(), json!(value)));
        event["pathParameters"] = Value::Object(parameters.collect());
    }
    if !request.body.is_empty() {
        match std::str::from_utf8(request.body) {
            Ok(body) => event["body"] = json!(body),
            Err(_) => {
                event["body"] = json!(BASE64_STANDARD.encode(request.body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    event.to_string()
}

/// The parameters of `path`, if it matches `pattern`.
pub(super) fn match_path(pattern: &str, path: &str) -> Option<PathParameters> {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(parameters),
            (Some(pattern), Some(segment)) => {
                match pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) if !segment.is_empty() => {
                        parameters.push((name.to_owned(), segment.to_owned()));
                    }
                    None if pattern == segment => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

/// Percent-decodes a path, as HTTP APIs do.
pub(super) fn decode(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Header names are in lower case, and the values of one name are joined. Cookies have a
/// member of their own. The gateway sets the headers that say where a request comes from.
fn event_headers(request: &RequestParts<'_>) -> Map<String, Value> {
    let headers = &request.http.headers;
    let mut joined = Map::new();
    for name in headers.keys().filter(|name| *name != "cookie") {
        let values = headers.get_all(name).iter().map(|value| text(value.as_bytes()));
        joined.insert(name.as_str().to_owned(), json!(values.collect::<Vec<_>>().join(",")));
    }
    let host = joined.get("host").and_then(Value::as_str).unwrap_or_default();
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port).to_owned();
    joined.insert("x-forwarded-for".to_owned(), json!(request.source_ip.to_string()));
    joined.insert("x-forwarded-port".to_owned(), json!(port));
    joined.insert("x-forwarded-proto".to_owned(), json!("http"));
    joined
}

fn joined_query(query: &str) -> Value {
    let mut parameters: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let joined = match parameters.get(name.as_ref()).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        parameters.insert(name.into_owned(), json!(joined));
    }
    Value::Object(parameters)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `10/Feb/2027:09:00:00 +0000`
fn common_log_time(moment: OffsetDateTime) -> String {
    let month = moment.month().to_string();
    let (hour, minute, second) = moment.to_hms();
    format!(
        "{:02}/{}/{}:{hour:02}:{minute:02}:{second:02} +0000",
        moment.day(),
        month.get(..3).unwrap_or(&month),
        moment.year(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_segment_by_segment() {
        let id = |path| match_path("/api/tasks/{task_id}", path);
        assert_eq!(id("/api/tasks/7"), Some(vec![("task_id".into(), "7".into())]));
        for other in ["/api/tasks", "/api/tasks/", "/api/tasks/7/", "/api/tasks/7/complete", "/"] {
            assert_eq!(id(other), None, "{other}");
        }
        assert_eq!(match_path("/health", "/health"), Some(vec![]));
    }

    #[test]
    fn the_time_is_written_as_in_an_access_log() {
        let moment = OffsetDateTime::from_unix_timestamp(1_802_250_000).unwrap();
        assert_eq!(common_log_time(moment), "10/Feb/2027:09:00:00 +0000");
    }
}
