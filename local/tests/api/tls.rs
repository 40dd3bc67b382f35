//! The way to DynamoDB as it is on AWS: by TLS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::certificates::Localhost;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::faults::{FaultProxy, Faults};
use local::fixtures;
use local::lambda::{Lambda, Launch, Outcome};
use local::settings::{Settings, repository};
use local::tables;
use serde_json::Value;

use crate::support::binaries;

/// `get-task` and a DynamoDB with the certificates of a test.
struct Secured {
    lambda: Lambda,
    proxy: FaultProxy,
    logs: Arc<Mutex<Vec<String>>>,
    _certificates: Localhost,
    _embedded: EmbeddedDynamoDb,
}

impl Secured {
    async fn new(is_believed: bool) -> Secured {
        let settings = Settings::default();
        let embedded = EmbeddedDynamoDb::start(0, &Data::Memory).unwrap();
        let client = tables::client(&embedded.url());
        tables::create(&client, &settings.template().unwrap().tables).await.unwrap();
        fixtures::load(&client, &settings).await.unwrap();
        let certificates = Localhost::new().unwrap();
        let faults = Arc::new(Faults::default());
        let acceptor = certificates.acceptor();
        let proxy = FaultProxy::start_tls(embedded.url(), faults, acceptor).await.unwrap();
        // Without it, the system's are believed, which are not this host's.
        let root = if is_believed { certificates.root().to_str().unwrap() } else { "" };
        let environment = [
            ("TASKS_TABLE", "TasksTable"),
            ("IDEMPOTENCY_TABLE", "IdempotencyTable"),
            ("BETTER_AUTH_SECRET", settings.secret()),
            ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()),
            ("SSL_CERT_FILE", root),
        ];
        let launch = Launch {
            name: "get-task".into(),
            binary: binaries()["get-task"].clone(),
            wrapper: Vec::new(),
            timeout: Duration::from_secs(10),
            memory_size: 256,
            environment: environment.map(|(name, value)| (name.into(), value.into())).into(),
        };
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = logs.clone();
        let sink = Arc::new(move |_: &str, line: &str| sink.lock().unwrap().push(line.to_owned()));
        let lambda = Lambda::start(vec![launch], sink).await.unwrap();
        Secured { lambda, proxy, logs, _certificates: certificates, _embedded: embedded }
    }

    async fn ready(&self) {
        self.lambda.ready("get-task").await.unwrap();
    }

    /// The status of the reply to the event of `get-task`.
    async fn ask(&self) -> Value {
        let event = std::fs::read(repository().join("events/get-task.json")).unwrap();
        let outcome = self.lambda.invoke("get-task", event.into()).await.unwrap();
        let Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
        serde_json::from_slice::<Value>(&reply).unwrap()["statusCode"].clone()
    }
}

#[tokio::test]
async fn the_connection_is_open_before_the_first_request() {
    let secured = Secured::new(true).await;
    secured.ready().await;
    // Nobody gets another one.
    secured.proxy.set_away(true);
    assert_eq!(secured.ask().await, 200);
}

#[tokio::test]
async fn a_database_that_was_away_at_the_start_is_asked_when_it_is_back() {
    let secured = Secured::new(true).await;
    secured.proxy.set_away(true);
    secured.ready().await;
    secured.proxy.set_away(false);
    assert_eq!(secured.ask().await, 200);
    let logs = secured.logs.lock().unwrap().join("\n");
    assert!(logs.contains("DynamoDB does not answer yet"), "{logs}");
}

#[tokio::test]
async fn a_host_with_a_certificate_of_nobody_known_is_told_nothing() {
    let secured = Secured::new(false).await;
    secured.ready().await;
    assert_eq!(secured.ask().await, 503);
    // What an operator looks for (docs/operations.md).
    let logs = secured.logs.lock().unwrap().join("\n");
    assert!(logs.contains("UnknownIssuer"), "{logs}");
}
