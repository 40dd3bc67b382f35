//! Connections to DynamoDB over TLS, as on AWS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::certificates::Localhost;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::faults::{Fault, FaultProxy, ProxyOptions};
use local::lambda::Lambda;
use local::settings::Settings;
use local::{event_tasks, tables};
use tokio::net::TcpListener;

use crate::support::function;

/// `get-task`, and a DynamoDB with a test certificate.
struct Secured {
    lambda: Lambda,
    proxy: FaultProxy,
    logs: Arc<Mutex<Vec<String>>>,
    _certificates: Localhost,
    _embedded: EmbeddedDynamoDb,
}

impl Secured {
    async fn new() -> Secured {
        Secured::with(|proxy, certificates| {
            vec![
                ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url().to_owned()),
                ("SSL_CERT_FILE", certificates.root().to_str().unwrap().to_owned()),
            ]
        })
        .await
    }

    /// Starts the function with these variables.
    async fn with(
        variables: impl FnOnce(&FaultProxy, &Localhost) -> Vec<(&'static str, String)>,
    ) -> Secured {
        let settings = Settings::default();
        let embedded = EmbeddedDynamoDb::start(0, &Data::Memory).unwrap();
        let client = tables::client(&embedded.url());
        tables::create(&client, &settings.template().unwrap().tables).await.unwrap();
        event_tasks::load(&client, &settings).await.unwrap();
        let certificates = Localhost::new().unwrap();
        let (options, acceptor) = (ProxyOptions::default(), certificates.acceptor());
        let proxy = FaultProxy::start_tls(embedded.url(), options, acceptor).await.unwrap();
        let launch = function::launch(variables(&proxy, &certificates), Duration::from_secs(10));
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = logs.clone();
        let sink = Arc::new(move |_: &str, line: &str| sink.lock().unwrap().push(line.to_owned()));
        let lambda = Lambda::start(vec![launch], sink).await.unwrap();
        Secured { lambda, proxy, logs, _certificates: certificates, _embedded: embedded }
    }

    async fn ready(&self) {
        self.lambda.ready(function::NAME).await.unwrap();
    }

    /// Sends the function its event, and returns the status of the reply.
    async fn ask(&self) -> u64 {
        function::ask(&self.lambda).await["statusCode"].as_u64().unwrap()
    }

    /// Checks that the function sends this host no request, and logs `cause`.
    async fn sends_nothing(&self, cause: &str) {
        self.ready().await;
        assert_eq!(self.ask().await, 503);
        assert_eq!(self.proxy.executed("") + self.proxy.executed("GetItem"), 0);
        assert!(self.logs().contains(cause), "{}", self.logs());
    }

    fn logs(&self) -> String {
        self.logs.lock().unwrap().join("\n")
    }
}

#[tokio::test]
async fn the_connection_is_open_before_the_first_request_and_stays_open() {
    let secured = Secured::new().await;
    secured.ready().await;
    // Refuses any further connection.
    secured.proxy.refuse_connections(true);
    for _ in 0..3 {
        assert_eq!(secured.ask().await, 200);
    }
    assert_eq!(secured.proxy.accepted(), 1);
}

#[tokio::test]
async fn a_database_that_was_down_at_startup_is_used_once_it_is_back() {
    let secured = Secured::new().await;
    secured.proxy.refuse_connections(true);
    secured.ready().await;
    secured.proxy.refuse_connections(false);
    assert_eq!(secured.ask().await, 200);
    assert!(secured.logs().contains("DynamoDB does not answer yet"), "{}", secured.logs());
}

#[tokio::test]
async fn a_connection_that_broke_while_the_function_was_frozen_fails_no_request() {
    let secured = Secured::new().await;
    secured.ready().await;
    secured.proxy.drop_connections();
    assert_eq!(secured.ask().await, 200);
    assert_eq!(secured.proxy.accepted(), 2);
}

#[tokio::test]
async fn a_server_error_makes_the_function_open_another_connection() {
    let secured = Secured::new().await;
    secured.ready().await;
    secured.proxy.faults().plan("GetItem", Fault::Error);
    assert_eq!(secured.ask().await, 200);
    assert_eq!(secured.proxy.accepted(), 2);
    assert!(!secured.logs().contains("mark the connection"), "{}", secured.logs());
}

#[tokio::test]
async fn a_host_with_a_certificate_of_an_unknown_issuer_gets_no_request() {
    let secured =
        Secured::with(|proxy, _| vec![("AWS_ENDPOINT_URL_DYNAMODB", proxy.url().to_owned())]).await;
    // Operators search the logs for this (docs/operations.md).
    secured.sends_nothing("UnknownIssuer").await;
}

#[tokio::test]
async fn a_host_with_the_certificate_of_another_host_gets_no_request() {
    let secured = Secured::with(|proxy, certificates| {
        vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url().replace("localhost", "127.0.0.1")),
            ("SSL_CERT_FILE", certificates.root().to_str().unwrap().to_owned()),
        ]
    })
    .await;
    secured.sends_nothing("not valid for name").await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out() {
    let black_hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", black_hole.local_addr().unwrap());
    let secured = Secured::with(|_, _| vec![("AWS_ENDPOINT_URL_DYNAMODB", url)]).await;
    assert_eq!(secured.ask().await, 503);
    // Without a timeout of its own, only the attempt would end, a second later and without
    // naming the cause.
    assert!(secured.logs().contains("(Connect): deadline has elapsed"), "{}", secured.logs());
}
