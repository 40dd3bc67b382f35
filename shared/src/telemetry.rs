//! The log, with one line per request that also holds its metrics.

mod line;

use std::future::poll_fn;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Instant;

use lambda_http::Context;
use lambda_http::http::StatusCode;
use ring::hmac;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Logging;
use crate::http::{Problem, Response};
use crate::record::{self, Record};

pub use line::{DIMENSIONS, METRICS, SERVER_ERRORS, USER_METRICS, VERSION_DIMENSIONS};
use line::{Directives, Line};

/// Whom a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Users with a token, whose tasks are in DynamoDB.
    Users,
    Everybody,
}

/// The ids of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'a> {
    /// Lambda's.
    pub(crate) function: &'a str,
    /// The one that the caller knows: the gateway's, or Lambda's if there is no gateway.
    pub(crate) correlation: &'a str,
    /// X-Ray's, without what follows it in the header.
    pub(crate) trace: Option<&'a str>,
}

impl Ids<'_> {
    pub(crate) fn of<'a>(context: &'a Context, gateways: Option<&'a str>) -> Ids<'a> {
        let function = context.request_id.as_str();
        let header = context.xray_trace_id.as_deref().unwrap_or_default();
        let trace = header.split(';').find_map(|part| part.strip_prefix("Root="));
        Ids { function, correlation: gateways.unwrap_or(function), trace }
    }
}

/// The logging of a function.
#[derive(Debug)]
pub(crate) struct Telemetry {
    operation: &'static str,
    audience: Audience,
    function_name: Option<String>,
    version: Option<String>,
    /// From `METRICS_NAMESPACE`; without it, the line holds no metrics.
    metrics: Option<Directives>,
    /// From `USER_HASH_KEY`; without it, the line does not identify the user.
    key: Option<hmac::Key>,
    is_text: bool,
    filter: Targets,
    is_cold: AtomicBool,
}

impl Telemetry {
    /// Starts logging for the function `operation`.
    pub(crate) fn start(
        operation: &'static str,
        audience: Audience,
        logging: Logging,
    ) -> Telemetry {
        let Logging {
            filter,
            level,
            is_text,
            metrics_namespace,
            user_hash_key,
            function_name,
            version,
        } = logging;
        let filter = targets(filter, level);
        start_logging(is_text, filter.clone());
        std::panic::set_hook(Box::new(|panic| {
            // Logs the place but not the message, which may quote the request.
            let place = panic.location().map(ToString::to_string);
            tracing::error!(place, "panicked");
        }));
        Telemetry {
            operation,
            audience,
            function_name,
            version,
            metrics: metrics_namespace.map(|namespace| Directives::of(&namespace, audience)),
            key: user_hash_key
                .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())),
            is_text,
            filter,
            is_cold: AtomicBool::new(true),
        }
    }

    /// Awaits `reply`, writes the log line of the request, and returns the reply. If
    /// `reply` panics, this panics too, after writing the line.
    pub(crate) async fn record(
        &self,
        ids: &Ids<'_>,
        reply: impl Future<Output = Result<Response, Problem>>,
    ) -> Result<Response, Problem> {
        let began = Instant::now();
        let is_cold = self.is_cold.swap(false, Ordering::Relaxed);
        let (reply, record) = record::during(ids.correlation, caught(reply)).await;
        let Record { request_id: _, user, attempts, units, cut, operations, failures, first_cause } =
            record;
        let (status, problem) = match &reply {
            Ok(Ok(response)) => (response.status(), None),
            Ok(Err(problem)) => (problem.status(), Some(problem)),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let panicked = reply.is_err().then_some("panicked");
        let has_failed = status.is_server_error() || failures > 0;
        let mut line = Line::new(self.operation, status, has_failed, began.elapsed());
        line.function_name = self.function_name.as_deref();
        line.function_request_id = ids.function;
        line.correlation_id = ids.correlation;
        line.xray_trace_id = ids.trace;
        line.version = self.version.as_deref();
        line.user = self.key.as_ref().zip(user).map(|(key, user)| hash(key, &user));
        line.error = problem.map(Problem::title);
        line.detail = problem.map(Problem::detail);
        line.cause =
            panicked.or_else(|| problem.and_then(Problem::cause)).or(first_cause.as_deref());
        line.operations = operations;
        line.failed_operations = operations.map(|_| failures);
        line.cold_start = is_cold;
        line.cold_starts = u8::from(is_cold);
        line.cut = cut.then_some(true);
        if self.audience == Audience::Users {
            let refused_tokens = u8::from(problem.is_some_and(Problem::is_refused_token));
            line.request_units = Some(units);
            line.attempts = Some(attempts);
            line.refused_tokens = Some(refused_tokens);
        }
        line.metrics = self.metrics.as_ref().map(|metrics| metrics.at(line.timestamp));
        self.write(&line);
        reply.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Writes the line, unless `RUST_LOG` filters it out. A line with metrics is always
    /// written. (Lambda's own log level drops lines after us, with or without metrics.)
    fn write(&self, line: &Line<'_>) {
        if self.metrics.is_none() && !self.filter.would_enable("shared", &line.severity) {
            return;
        }
        let text = if self.is_text && self.metrics.is_none() {
            line.text()
        } else {
            // Serializing strings and numbers cannot fail.
            serde_json::to_string(line).unwrap_or_default()
        };
        // If the log cannot be written, there is nowhere to report it.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

/// Returns the output of `future`, or what it panicked with.
async fn caught<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // The future is not polled again after a panic, so nothing sees the state it
        // left.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Returns a hash that groups the requests of one user without identifying the user:
/// without the key, nobody can test a guess.
fn hash(key: &hmac::Key, user: &str) -> String {
    let tag = hmac::sign(key, user.as_bytes());
    tag.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns what to log: what `RUST_LOG` says or, without it, Lambda's own log level.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-logs.html>
fn targets(rust_log: Option<String>, lambda_level: Option<String>) -> Targets {
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

/// Starts writing log lines to standard output, as JSON objects or as text.
///
/// Whatever the filter says, other crates log nothing below `info`: there,
/// `lambda_runtime` logs whole events and the SDK whole requests, including the token,
/// the secrets and the tasks.
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
    fn rust_log_overrides_lambdas_level_and_info_is_the_default() {
        let of = |rust_log: Option<&str>, level: Option<&str>| {
            targets(rust_log.map(str::to_owned), level.map(str::to_owned))
        };
        let default = |level| Targets::new().with_default(level);
        assert_eq!(of(None, None), default(Level::INFO));
        assert_eq!(of(None, Some("ERROR")), default(Level::ERROR));
        assert_eq!(of(None, Some("FATAL")), default(Level::ERROR));
        assert_eq!(of(Some("warn"), Some("TRACE")), default(Level::WARN));
        assert_eq!(of(Some("what?!=x"), Some("DEBUG")), default(Level::DEBUG));
    }

    #[tokio::test]
    async fn a_panic_continues_after_its_line_is_written() {
        let telemetry = Telemetry {
            operation: "get-task",
            audience: Audience::Users,
            function_name: None,
            version: None,
            metrics: None,
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
        let context = Context::default();
        let answer = caught(telemetry.record(&Ids::of(&context, None), reply)).await;
        assert_eq!(answer.unwrap_err().downcast_ref::<&str>(), Some(&"something private"));
    }

    #[test]
    fn a_request_has_the_id_that_its_caller_knows_and_a_bare_trace_id() {
        let mut context = Context::default();
        context.request_id = "lambda".to_owned();
        let root = "1-691ed9f0-2b1c4d5e6f708192a3b4c5d6";
        context.xray_trace_id = Some(format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1"));
        let ids = Ids::of(&context, Some("gateway"));
        assert_eq!((ids.function, ids.correlation, ids.trace), ("lambda", "gateway", Some(root)));
        context.xray_trace_id = None;
        let ids = Ids::of(&context, None);
        assert_eq!((ids.correlation, ids.trace), ("lambda", None));
    }

    #[test]
    fn the_hash_of_a_user_depends_on_the_key() {
        let key = |text: &str| hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        assert_eq!(hash(&key("a"), "alice"), hash(&key("a"), "alice"));
        assert_ne!(hash(&key("a"), "alice"), hash(&key("a"), "bob"));
        assert_ne!(hash(&key("a"), "alice"), hash(&key("b"), "alice"));
        assert_eq!(hash(&key("a"), "alice").len(), 16);
    }
}
