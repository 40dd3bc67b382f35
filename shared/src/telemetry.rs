//! What a function tells about itself: the log, and in it one line for each
//! request, which is also its metrics.
//!
//! The line is JSON in CloudWatch's embedded metric format, from which CloudWatch
//! makes metrics without another request.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use lambda_http::Context;
use ring::hmac;
use serde_json::{Map, Value, json};
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::auth::User;
use crate::config::variable;
use crate::http::{Problem, Response};
use crate::task::Timestamp;

/// The metric of requests with a token that was refused.
pub(crate) const REFUSED_TOKENS: &str = "RefusedTokens";

/// The metric that is also told for each version of a function: a deployment is
/// taken back by what its own version does.
pub const SERVER_ERRORS: &str = "ServerErrors";

/// The metrics of a request, with their units.
pub const METRICS: [(&str, &str); 7] = [
    ("Duration", "Milliseconds"),
    ("ColdStart", "Count"),
    ("RequestUnits", "Count"),
    ("Attempts", "Count"),
    ("ClientErrors", "Count"),
    (SERVER_ERRORS, "Count"),
    (REFUSED_TOKENS, "Count"),
];

/// By what they can be looked at: all together, or each operation.
pub const DIMENSIONS: [&[&str]; 2] = [&[], &["operation"]];

/// By what [`SERVER_ERRORS`] can be looked at besides.
pub const VERSION_DIMENSIONS: [&[&str]; 1] = [&["operation", "version"]];

tokio::task_local! {
    static RECORD: RefCell<Record>;
}

/// What is noted while a request is being answered.
#[derive(Debug, Default)]
struct Record {
    user: Option<String>,
    attempts: u32,
    units: f64,
}

/// Notes on whose behalf the request is answered.
pub(crate) fn note_user(user: &User) {
    note(|record| record.user = Some(user.id().to_owned()));
}

/// Notes a request to DynamoDB, with the request units that it has told.
pub(crate) fn note_attempt(units: f64) {
    note(|record| {
        record.attempts += 1;
        record.units += units;
    });
}

fn note(change: impl FnOnce(&mut Record)) {
    // Outside of a request there is nobody to note it for.
    let _ = RECORD.try_with(|record| change(&mut record.borrow_mut()));
}

/// How a function tells about itself.
#[derive(Debug)]
pub(crate) struct Telemetry {
    operation: &'static str,
    version: Option<String>,
    /// `METRICS_NAMESPACE`; without it the line holds no metrics.
    namespace: Option<String>,
    /// `USER_HASH_KEY`; without it the line does not name the user.
    key: Option<hmac::Key>,
    is_text: bool,
    filter: Targets,
    is_cold: AtomicBool,
}

impl Telemetry {
    /// Starts logging for the function `operation`.
    pub(crate) fn start(operation: &'static str) -> Telemetry {
        let is_text = variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|it| it == "Text");
        let filter = filter(variable("RUST_LOG"), variable("AWS_LAMBDA_LOG_LEVEL"));
        start_logging(is_text, filter.clone());
        std::panic::set_hook(Box::new(|panic| {
            // Where, and not what: the text may quote what was sent.
            let place = panic.location().map(ToString::to_string);
            tracing::error!(place, "panicked");
        }));
        Telemetry {
            operation,
            version: variable("AWS_LAMBDA_FUNCTION_VERSION"),
            namespace: variable("METRICS_NAMESPACE"),
            key: variable("USER_HASH_KEY")
                .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())),
            is_text,
            filter,
            is_cold: AtomicBool::new(true),
        }
    }

    /// Answers one request with `reply`, and writes its line. If `reply` panics, so
    /// does this, when the line is written.
    pub(crate) async fn of_request(
        &self,
        context: Context,
        reply: impl Future<Output = Result<Response, Problem>>,
    ) -> Response {
        let began = Instant::now();
        let is_cold = self.is_cold.swap(false, Ordering::Relaxed);
        let answer = async {
            let reply = caught(reply).await;
            (reply, RECORD.with(RefCell::take))
        };
        let (reply, record) = RECORD.scope(RefCell::default(), answer).await;
        let mut line = Map::new();
        let response = match reply {
            Ok(reply) => Ok(reply.unwrap_or_else(|problem| {
                problem.tell(&mut line);
                problem.into_response(&context.request_id)
            })),
            Err(panic) => {
                line.insert("cause".into(), json!("panicked"));
                Err(panic)
            }
        };
        let status = response.as_ref().map_or(500, |response| response.status().as_u16());
        self.fill(&mut line, &context, record, status);
        self.fill_metrics(&mut line, began.elapsed(), is_cold, status);
        self.write(&line, level(status));
        response.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn fill(&self, line: &mut Map<String, Value>, context: &Context, record: Record, status: u16) {
        line.insert("timestamp".into(), json!(Timestamp::now()));
        line.insert("level".into(), json!(level(status).as_str()));
        line.insert("message".into(), json!(format!("{} {status}", self.operation)));
        line.insert("operation".into(), json!(self.operation));
        line.insert("status".into(), json!(status));
        line.insert("request_id".into(), json!(context.request_id));
        if let Some(trace_id) = &context.xray_trace_id {
            line.insert("trace_id".into(), json!(trace_id));
        }
        if let Some(version) = &self.version {
            line.insert("version".into(), json!(version));
        }
        if let (Some(key), Some(user)) = (&self.key, record.user) {
            line.insert("user".into(), json!(hash(key, &user)));
        }
        line.insert("RequestUnits".into(), json!(record.units));
        line.insert("Attempts".into(), json!(record.attempts));
    }

    fn fill_metrics(
        &self,
        line: &mut Map<String, Value>,
        duration: Duration,
        is_cold: bool,
        status: u16,
    ) {
        let count = |counts: bool| json!(u8::from(counts));
        let millis = (duration.as_secs_f64() * 1e6).round() / 1000.0;
        line.insert("Duration".into(), json!(millis));
        line.insert("ColdStart".into(), count(is_cold));
        line.insert("ClientErrors".into(), count((400..500).contains(&status)));
        line.insert(SERVER_ERRORS.into(), count(status >= 500));
        line.entry(REFUSED_TOKENS).or_insert_with(|| count(false));
        if let Some(namespace) = &self.namespace {
            let metrics = METRICS.map(|(name, unit)| json!({"Name": name, "Unit": unit}));
            let errors = [json!({"Name": SERVER_ERRORS, "Unit": "Count"})];
            let metrics = json!({
                "Timestamp": Timestamp::now().unix_millis(),
                "CloudWatchMetrics": [
                    {"Namespace": namespace, "Dimensions": DIMENSIONS, "Metrics": metrics},
                    {
                        "Namespace": namespace,
                        "Dimensions": VERSION_DIMENSIONS,
                        "Metrics": errors,
                    },
                ],
            });
            line.insert("_aws".into(), metrics);
        }
    }

    /// Writes the line, unless `RUST_LOG` has no use for it. Metrics are written
    /// whatever that says. (Lambda's own level drops lines behind us, metrics or
    /// not.)
    fn write(&self, line: &Map<String, Value>, level: Level) {
        if self.namespace.is_none() && !self.filter.would_enable("shared", &level) {
            return;
        }
        let text = if self.is_text && self.namespace.is_none() {
            let field = |(name, value): (&String, &Value)| format!(" {name}={value}");
            line.iter().map(field).collect::<String>().trim_start().to_owned()
        } else {
            Value::Object(line.clone()).to_string()
        };
        // Without a log there is nobody to tell that there is no log.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

fn level(status: u16) -> Level {
    if status >= 500 { Level::ERROR } else { Level::INFO }
}

/// What `future` gives, or what it panicked with.
async fn caught<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // It is not polled again after a panic, so nobody sees what that left.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Groups the requests of a user, and tells nobody who it is: without the key it
/// cannot even be tried out.
fn hash(key: &hmac::Key, user: &str) -> String {
    let tag = hmac::sign(key, user.as_bytes());
    tag.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is logged: what `RUST_LOG` says or, without it, Lambda's own control.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-logs.html>
fn filter(rust_log: Option<String>, lambda_level: Option<String>) -> Targets {
    let level = match lambda_level.as_deref() {
        Some("TRACE") => Level::TRACE,
        Some("DEBUG") => Level::DEBUG,
        Some("WARN") => Level::WARN,
        Some("ERROR" | "FATAL") => Level::ERROR,
        _ => Level::INFO,
    };
    let targets = rust_log.and_then(|filter| filter.parse().ok());
    targets.unwrap_or_else(|| Targets::new().with_default(level))
}

/// Log lines go to standard output, as JSON objects or as text.
///
/// Whatever the filter says, other crates log nothing below `info`: there,
/// `lambda_runtime` logs whole events and the SDK whole requests, with the
/// token, the secrets and the tasks in them.
fn start_logging(is_text: bool, filter: Targets) {
    let lines = tracing_subscriber::fmt::layer();
    let lines = if is_text {
        lines.with_ansi(false).boxed()
    } else {
        let json = lines.json().flatten_event(true).with_current_span(true);
        json.with_span_list(false).boxed()
    };
    let lines = lines.with_filter(filter).with_filter(filter_fn(|line| {
        line.target().starts_with("shared") || *line.level() <= Level::INFO
    }));
    tracing_subscriber::registry().with(lines).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_goes_before_lambdas_level_and_info_is_the_rest() {
        let of = |rust_log: Option<&str>, level: Option<&str>| {
            filter(rust_log.map(str::to_owned), level.map(str::to_owned))
        };
        let default = |level| Targets::new().with_default(level);
        assert_eq!(of(None, None), default(Level::INFO));
        assert_eq!(of(None, Some("ERROR")), default(Level::ERROR));
        assert_eq!(of(None, Some("FATAL")), default(Level::ERROR));
        assert_eq!(of(Some("warn"), Some("TRACE")), default(Level::WARN));
        assert_eq!(of(Some("what?!=x"), Some("DEBUG")), default(Level::DEBUG));
    }

    #[tokio::test]
    async fn a_panic_goes_on_when_its_line_is_written() {
        let telemetry = Telemetry {
            operation: "get-task",
            version: None,
            namespace: None,
            key: None,
            is_text: false,
            filter: Targets::new(),
            is_cold: AtomicBool::new(true),
        };
        let reply = async {
            if telemetry.operation == "get-task" {
                panic!("something private");
            }
            Err(Problem::not_found())
        };
        let answer = caught(telemetry.of_request(Context::default(), reply)).await;
        assert_eq!(answer.unwrap_err().downcast_ref::<&str>(), Some(&"something private"));
    }

    #[test]
    fn a_user_has_one_hash_by_one_key_and_another_by_another() {
        let key = |text: &str| hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        assert_eq!(hash(&key("a"), "alice"), hash(&key("a"), "alice"));
        assert_ne!(hash(&key("a"), "alice"), hash(&key("a"), "bob"));
        assert_ne!(hash(&key("a"), "alice"), hash(&key("b"), "alice"));
        assert_eq!(hash(&key("a"), "alice").len(), 16);
    }
}
