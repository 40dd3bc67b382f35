//! Key sets: which keys are used, and when they are fetched. The tests control the clock.

mod outages;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::dynamodb::Data;
use local::issuer::Issuer;
use local::settings::Settings;
use local::{Options, Server, token};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::auth::{AuthError, COOLDOWN_SECONDS, DEFAULT_FRESH_SECONDS, Verifier};
use shared::config;

use crate::support::issuer::{Answer, FakeIssuer, key_set};
use crate::support::keys::Signer;
use crate::support::{TestApp, binaries, until};

const START: f64 = 1_800_000_000.0;

/// A verifier of the tokens of a fake issuer, with a clock that the test controls.
struct Identity {
    issuer: FakeIssuer,
    verifier: Verifier,
    now: Arc<Mutex<f64>>,
}

impl Identity {
    pub(super) async fn start(answer: Answer) -> Identity {
        Identity::start_with(answer, &[]).await
    }

    pub(super) async fn start_with(answer: Answer, settings: &[(&str, &str)]) -> Identity {
        let issuer = FakeIssuer::start(answer).await;
        let identity = config::Identity::from_lookup(|name| {
            let given = settings.iter().find(|(given, _)| *given == name);
            given.map(|(_, value)| (*value).to_owned()).or_else(|| match name {
                "JWKS_URL" => Some(issuer.key_set_url()),
                "JWT_ISSUER" => Some(issuer.url().to_owned()),
                "JWT_AUDIENCE" => Some("tasks".to_owned()),
                _ => None,
            })
        });
        let now = Arc::new(Mutex::new(START));
        let clock = now.clone();
        let clock = Arc::new(move || *clock.lock().unwrap());
        let verifier = Verifier::with_clock(&identity.unwrap(), clock);
        Identity { issuer, verifier, now }
    }

    pub(super) fn pass(&self, seconds: f64) {
        *self.now.lock().unwrap() += seconds;
    }

    pub(super) fn claims(&self) -> Value {
        json!({"sub": "alice", "iss": self.issuer.url(), "aud": "tasks", "exp": START + 1e6})
    }

    pub(super) async fn verify(&self, signer: &Signer) -> Result<(), AuthError> {
        self.verify_token(&signer.token(&self.claims())).await
    }

    pub(super) async fn verify_token(&self, token: &str) -> Result<(), AuthError> {
        let authorization = format!("Bearer {token}");
        self.verifier.verify(Some(authorization.as_bytes())).await.map(|_| ())
    }

    /// Waits until the issuer has received `times` requests.
    pub(super) async fn asked(&self, times: usize) {
        until(|| self.issuer.requests() >= times).await;
    }

    /// Waits until a refresh makes the verifier reject `token`.
    pub(super) async fn refused(&self, token: &str) -> AuthError {
        loop {
            match self.verify_token(token).await {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    }
}

#[tokio::test]
async fn every_supported_algorithm_works() {
    let signers = [
        Signer::ed25519("ed"),
        Signer::p256("p256"),
        Signer::p384("p384"),
        Signer::rsa("rsa", "RS256"),
        Signer::rsa("pss", "PS256"),
    ];
    let identity = Identity::start(key_set(&signers.each_ref())).await;
    for signer in &signers {
        assert_eq!(identity.verify(signer).await, Ok(()), "{}", signer.algorithm);
    }
    // The name that RFC 9864 gives to EdDSA with this curve.
    let header = json!({"alg": "Ed25519", "kid": "ed"});
    let token = signers[0].token_with(&header, &identity.claims());
    assert_eq!(identity.verify_token(&token).await, Ok(()));
    assert_eq!(identity.issuer.requests(), 1, "one fetch for all");
}

#[tokio::test]
async fn of_several_keys_with_one_id_the_matching_one_is_used() {
    let signers = [Signer::rsa("same", "RS256"), Signer::ed25519("same"), Signer::p256("same")];
    let second = Signer::ed25519("same");
    let mut all: Vec<&Signer> = signers.iter().collect();
    all.push(&second);
    let identity = Identity::start(key_set(&all)).await;
    for signer in all {
        assert_eq!(identity.verify(signer).await, Ok(()), "{}", signer.algorithm);
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_a_set_with_a_single_match() {
    let (ed, p256) = (Signer::ed25519("ed"), Signer::p256("p256"));
    let identity = Identity::start(key_set(&[&ed, &p256])).await;
    let unnamed = ed.token_with(&json!({"alg": "EdDSA"}), &identity.claims());
    assert_eq!(identity.verify_token(&unnamed).await, Ok(()));
    let other = Signer::ed25519("other");
    identity.issuer.answer(key_set(&[&ed, &other, &p256]));
    identity.pass(DEFAULT_FRESH_SECONDS);
    assert_eq!(identity.refused(&unnamed).await, AuthError::NoKeyId);
    assert_eq!(identity.verify(&ed).await, Ok(()));
}

#[tokio::test]
async fn unusable_keys_in_the_set_are_ignored() {
    let ed = Signer::ed25519("ed");
    let mut mismatched = Signer::ed25519("old").jwk();
    mismatched["alg"] = json!("ES256");
    let encryption =
        json!({"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"});
    let keys = json!({"keys": [mismatched, encryption, {"kty": "??"}, 7, ed.jwk()]});
    let identity = Identity::start(Answer::Text(keys.to_string(), vec![])).await;
    assert_eq!(identity.verify(&ed).await, Ok(()));
}

#[tokio::test]
async fn a_secret_and_a_key_set_work_side_by_side() {
    let secret = "the secret of this test, which is long enough";
    let ed = Signer::ed25519("ed");
    let settings = [("BETTER_AUTH_SECRET", secret)];
    let identity = Identity::start_with(key_set(&[&ed]), &settings).await;
    assert_eq!(identity.verify(&Signer::secret(secret)).await, Ok(()));
    assert_eq!(identity.issuer.requests(), 0, "a secret needs no fetch");
    assert_eq!(identity.verify(&ed).await, Ok(()));
    // An `oct` key in a key set is public, so it is not a secret.
    let published = Signer::secret("a published secret, which is also long enough");
    identity.issuer.answer(key_set(&[&ed, &published]));
    identity.pass(DEFAULT_FRESH_SECONDS);
    assert_eq!(identity.verify(&published).await, Err(AuthError::Signature));
}

#[tokio::test]
async fn a_new_key_works_at_once_and_then_unknown_keys_wait_for_the_cooldown() {
    let (old, new, newer) = (Signer::ed25519("1"), Signer::ed25519("2"), Signer::ed25519("3"));
    let identity = Identity::start(key_set(&[&old])).await;
    assert_eq!(identity.verify(&old).await, Ok(()));
    identity.issuer.answer(key_set(&[&old, &new]));
    identity.pass(1.0);
    assert_eq!(identity.verify(&new).await, Ok(()), "the very next token");
    assert_eq!(identity.issuer.requests(), 2);
    identity.issuer.answer(key_set(&[&old, &new, &newer]));
    identity.pass(COOLDOWN_SECONDS - 1.0);
    assert_eq!(identity.verify(&newer).await, Err(AuthError::UnknownKey));
    assert_eq!(identity.verify(&old).await, Ok(()));
    identity.pass(1.0);
    assert_eq!(identity.verify(&newer).await, Ok(()));
    assert_eq!(identity.issuer.requests(), 3);
}

#[tokio::test]
async fn a_withdrawn_key_is_rejected_once_the_set_is_fetched_again() {
    let (old, new) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let identity = Identity::start(key_set(&[&old])).await;
    assert_eq!(identity.verify(&old).await, Ok(()));
    identity.issuer.answer(key_set(&[&new]));
    identity.pass(DEFAULT_FRESH_SECONDS - 1.0);
    assert_eq!(identity.verify(&old).await, Ok(()));
    identity.pass(1.0);
    let token = old.token(&identity.claims());
    assert_eq!(identity.refused(&token).await, AuthError::UnknownKey);
    assert_eq!(identity.verify(&new).await, Ok(()));
}

#[tokio::test]
async fn a_set_is_kept_for_as_long_as_the_issuer_says() {
    let ed = Signer::ed25519("ed");
    for (cache_control, fresh) in [
        ("max-age=60", 60.0),
        ("public, max-age=3600", 3600.0),
        ("no-store", COOLDOWN_SECONDS),
        ("max-age=0", COOLDOWN_SECONDS),
        ("max-age=31536000", 86400.0),
        ("private", DEFAULT_FRESH_SECONDS),
    ] {
        let Answer::Text(text, _) = key_set(&[&ed]) else { unreachable!() };
        let headers = vec![("cache-control", cache_control.to_owned())];
        let identity = Identity::start(Answer::Text(text, headers)).await;
        assert_eq!(identity.verify(&ed).await, Ok(()));
        identity.pass(fresh - 0.5);
        assert_eq!(identity.verify(&ed).await, Ok(()));
        assert_eq!(identity.issuer.requests(), 1, "{cache_control}");
        identity.pass(0.5);
        assert_eq!(identity.verify(&ed).await, Ok(()));
        identity.asked(2).await;
    }
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    let ed = Signer::ed25519("ed");
    let identity = Identity::start(key_set(&[&ed])).await;
    let all = futures::future::join_all((0..200).map(|_| identity.verify(&ed))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(identity.issuer.requests(), 1);
}

#[tokio::test]
async fn a_thousand_concurrent_unknown_keys_cause_one_more_fetch() {
    let ed = Signer::ed25519("ed");
    let identity = Identity::start(key_set(&[&ed])).await;
    let unknown: Vec<String> = (0..1000)
        .map(|number| {
            let header = json!({"alg": "EdDSA", "kid": format!("unknown {number}")});
            ed.token_with(&header, &identity.claims())
        })
        .collect();
    let all = unknown.iter().map(|token| identity.verify_token(token));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|result| *result == Err(AuthError::UnknownKey)));
    assert!(identity.issuer.requests() <= 2, "{}", identity.issuer.requests());
    for token in &unknown[..50] {
        assert_eq!(identity.verify_token(token).await, Err(AuthError::UnknownKey));
    }
    assert!(identity.issuer.requests() <= 2, "nor do sequential requests");
    assert_eq!(identity.verify(&ed).await, Ok(()));
}

#[tokio::test]
async fn a_redirect_within_the_issuer_is_followed() {
    let ed = Signer::ed25519("ed");
    let Answer::Text(text, _) = key_set(&[&ed]) else { unreachable!() };
    // Redirects on the first path, and answers with the set on the other.
    let issuer = FakeIssuer::start(Answer::RedirectTo("/keys".into(), text)).await;
    let url = issuer.key_set_url();
    let settings = [("JWKS_URL", url.as_str())];
    let identity = Identity::start_with(Answer::Status(500), &settings).await;
    assert_eq!(identity.verify(&ed).await, Ok(()));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_a_503_with_a_retry_after() {
    let issuer = FakeIssuer::start(Answer::Status(500)).await;
    let app = TestApp::start_with(issuer.settings(), Data::Memory).await;
    let ed = Signer::ed25519("ed");
    let token = ed.token(&json!({"sub": "alice", "exp": 4e9}));
    let caller = app.with_authorization(&format!("Bearer {token}"));
    let reply = caller.get("/api/tasks").await;
    assert_eq!(reply.header("retry-after"), "5");
    let detail = reply.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(detail, "The token cannot be checked at the moment; try again shortly");
    let batch = caller.post("/api/batch", json!({"operations": []})).await;
    batch.problem(StatusCode::SERVICE_UNAVAILABLE);
    // A request without a token is rejected without the issuer.
    app.anonymous().get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    app.server.backend().lambda().stop().await;
    let logs = app.logs().join("\n");
    assert!(logs.contains("the response has status 500"), "{logs}");
}

#[tokio::test]
async fn the_local_server_can_be_its_own_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder(folder.path().to_owned());
    let issuer = Arc::new(Issuer::open(&data).unwrap());
    let options = Options {
        // A configured secret must not be accepted in addition.
        settings: Settings::default().with("BETTER_AUTH_SECRET", &"secret".repeat(8)),
        issuer: Some(issuer.clone()),
        proxy: None,
        port: 0,
        dynamodb_port: 0,
        data: data.clone(),
        binaries: binaries().clone(),
        logs: Arc::new(|_, _| {}),
    };
    let server = Server::start(&options).await.unwrap();
    // The key is stored with the data, so another process signs with the same key.
    let again = Issuer::open(&data).unwrap();
    let hour = Duration::from_secs(3600);
    let token = token::sign(server.settings(), Some(&again), "alice", hour).unwrap();
    let get = |token: String| {
        reqwest::Client::new().get(format!("{}/api/tasks", server.url())).bearer_auth(token).send()
    };
    assert_eq!(get(token).await.unwrap().status(), StatusCode::OK);
    let secret = server.settings().clone().with("BETTER_AUTH_SECRET", &"secret".repeat(8));
    let with_secret = token::sign(&secret, None, "alice", hour).unwrap();
    assert_eq!(get(with_secret).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn a_function_fetches_the_set_while_it_starts_and_starts_without_it() {
    let signer = Signer::ed25519("ed");
    for (answer, status) in [(key_set(&[&signer]), 200), (Answer::Status(500), 503)] {
        let issuer = FakeIssuer::start(answer).await;
        let app = TestApp::start_with(issuer.settings(), Data::Memory).await;
        // This request needs no key.
        app.anonymous().get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
        assert_eq!(issuer.requests(), 1);
        let claims =
            json!({"sub": "alice", "iss": issuer.url(), "aud": "tasks", "exp": 7_258_118_400_u64});
        let caller = app.with_authorization(&format!("Bearer {}", signer.token(&claims)));
        assert_eq!(caller.get("/api/tasks").await.status, status);
        // A set that was fetched is used; otherwise it is fetched again at once.
        assert_eq!(issuer.requests(), if status == 200 { 1 } else { 2 });
    }
}
