//! Converts an event of API Gateway into a request, and a response into what API Gateway
//! expects (payload format 2.0).
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//!
//! `lambda_http` has such a conversion too, but it builds a URL from the query, the path,
//! `Host` and `X-Forwarded-Proto`, which the caller chooses, and panics if they do not
//! form one. Nothing here needs the URL, so none is built.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
// Hidden in its documentation, but `lambda_http` parses events into this type. Its error
// says only that the event is unknown, and quotes none of it.
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request, RequestExt};

use super::{Problem, Response};

/// The query string of a request as the caller sent it, without the `?`.
#[derive(Clone, Debug)]
pub(super) struct RawQuery(pub(super) String);

/// Returns the gateway's id of a request, which the caller finds in `apigw-requestid`.
pub(crate) fn request_id(event: &LambdaRequest) -> Option<String> {
    match event {
        LambdaRequest::ApiGatewayV2(event) => event.request_context.request_id.clone(),
        _ => None,
    }
}

/// Converts `event` into a request. Never panics, whatever strings the event holds.
///
/// The URI of the request is always `/`: use [`super::path`] and [`super::query`]
/// instead.
///
/// # Errors
///
/// 400 if the event is not one of an HTTP API, or if it says that its body is base64 and
/// it is not.
pub(crate) fn request(event: LambdaRequest) -> Result<Request, Problem> {
    let LambdaRequest::ApiGatewayV2(event) = event else {
        return Err(Problem::bad_request("The event does not come from an HTTP API"));
    };
    let mut request = Request::new(body(event.body, event.is_base64_encoded)?);
    *request.method_mut() = event.request_context.http.method;
    *request.headers_mut() = event.headers;
    let query = RawQuery(event.raw_query_string.unwrap_or_default());
    request.extensions_mut().insert(query);
    let path = event.raw_path.unwrap_or_default();
    Ok(request.with_raw_http_path(path).with_path_parameters(event.path_parameters))
}

fn body(text: Option<String>, is_base64: bool) -> Result<Body, Problem> {
    match text {
        None => Ok(Body::Empty),
        Some(text) if is_base64 => BASE64_STANDARD
            .decode(text)
            .map(Body::Binary)
            .map_err(|_| Problem::bad_request("The body is not valid base64")),
        Some(text) => Ok(Body::Text(text)),
    }
}

/// Converts `response` into the reply that API Gateway expects.
pub(crate) fn reply(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut reply = ApiGatewayV2httpResponse::default();
    reply.status_code = parts.status.as_u16().into();
    reply.headers = parts.headers;
    reply.is_base64_encoded = matches!(body, Body::Binary(_));
    reply.body = Some(body).filter(|body| !body.is_empty());
    reply
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::http;

    /// Converts a minimal event, with `change` applied, into a request.
    fn read(change: &Value) -> Result<Request, Problem> {
        let mut event = json!({"requestContext": {"http": {"method": "GET"}}});
        for (name, value) in change.as_object().unwrap() {
            event[name] = value.clone();
        }
        request(serde_json::from_str(&event.to_string()).unwrap())
    }

    /// Returns up to ten characters, most of which break URLs, headers or base64.
    fn odd(random: &mut Rng) -> String {
        const ODD: [char; 20] = [
            '"', '<', ' ', '#', '?', '/', '\\', ':', '@', '[', '%', '&', '=', '+', '\0', '\n',
            '\u{7f}', 'ä', '👋', '\u{feff}',
        ];
        let length = random.usize(0..=10);
        let one = |random: &mut Rng| match random.u8(0..4) {
            0 => random.char(..),
            1 => random.alphanumeric(),
            _ => ODD[random.usize(0..ODD.len())],
        };
        (0..length).map(|_| one(random)).collect()
    }

    #[test]
    fn any_strings_in_an_event_arrive_and_nothing_panics() {
        let mut random = Rng::with_seed(7);
        for _ in 0..10_000 {
            let [path, query, name, value, host, protocol, stage, body] =
                std::array::from_fn(|_| odd(&mut random));
            let is_base64 = random.bool();
            let is_header = |text: &str| HeaderValue::from_str(text).is_ok();
            let headers: serde_json::Map<String, Value> =
                [("host", &host), ("x-forwarded-proto", &protocol), ("cookie", &value)]
                    .into_iter()
                    .filter(|(_, text)| is_header(text))
                    .map(|(name, text)| (name.to_owned(), json!(text)))
                    .collect();
            let read = read(&json!({
                "rawPath": path,
                "rawQueryString": query,
                "pathParameters": {&name: value},
                "headers": headers,
                "cookies": [value],
                "body": body,
                "isBase64Encoded": is_base64,
                "requestContext": {
                    "http": {"method": "PATCH"}, "domainName": host, "stage": stage,
                },
            }));
            let decoded = BASE64_STANDARD.decode(&body);
            let expected = if is_base64 { decoded.ok() } else { Some(body.into_bytes()) };
            let Some(expected) = expected else {
                assert_eq!(read.unwrap_err().status(), StatusCode::BAD_REQUEST);
                continue;
            };
            let request = read.unwrap();
            assert_eq!(request.body().as_ref(), expected);
            assert_eq!(request.method(), "PATCH");
            assert_eq!(http::path(&request), path);
            assert_eq!(http::path_parameter(&request, &name), Some(value.as_str()));
            for (name, text) in headers {
                let sent = &request.headers()[name.parse::<HeaderName>().unwrap()];
                assert_eq!(sent.as_bytes(), text.as_str().unwrap().as_bytes());
            }
            // Any string is a query, though not always a useful one.
            let _ = http::query(&request);
        }
    }

    #[test]
    fn a_parameter_keeps_its_value_whether_it_is_percent_encoded_or_not() {
        let mut random = Rng::with_seed(8);
        for _ in 0..10_000 {
            let value = odd(&mut random);
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            // These characters have a meaning in a query string.
            let raw = value.replace('%', "%25").replace('&', "%26").replace('+', "%2B");
            let query = format!("a={raw}&limit=1&b={encoded}");
            let request = read(&json!({"rawQueryString": query})).unwrap();
            let parameters = http::query(&request);
            assert_eq!(parameters["a"], [value.as_str()], "{query}");
            assert_eq!(parameters["b"], [value.as_str()], "{query}");
            assert_eq!(parameters["limit"], ["1"], "{query}");
        }
    }

    #[test]
    fn what_an_event_lacks_is_empty() {
        let request = read(&json!({})).unwrap();
        assert!(request.body().is_empty() && request.headers().is_empty());
        assert_eq!(http::path(&request), "");
        assert!(http::query(&request).is_empty());
        assert_eq!(http::path_parameter(&request, "task_id"), None);
    }

    #[test]
    fn a_reply_says_whether_its_body_is_base64() {
        let reply = |body| serde_json::to_value(reply(Response::new(body))).unwrap();
        let text = reply(Body::Text("ä".into()));
        assert_eq!((&text["body"], &text["isBase64Encoded"]), (&json!("ä"), &json!(false)));
        let binary = reply(Body::Binary(vec![0xff]));
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
        let empty = reply(Body::Empty);
        assert_eq!((&empty["body"], &empty["isBase64Encoded"]), (&json!(null), &json!(false)));
    }
}
