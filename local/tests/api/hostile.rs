//! Sends every hostile token to the real functions, for every kind of key.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::TestApp;
use crate::support::hostile::Target;
use crate::support::issuer::{Answer, FakeIssuer, key_set};
use crate::support::keys::{Key, Signer};

const AUDIENCE: &str = "tasks";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Sends all hostile tokens, each followed by a good one, and returns their number.
async fn none_gets_in(signer: Signer) -> usize {
    let decoys = [Signer::ed25519("decoy 1"), Signer::p256("decoy 2")];
    let trusted = FakeIssuer::start(key_set(&[&decoys[0], &signer, &decoys[1]])).await;
    let trap = FakeIssuer::start(Answer::Status(500)).await;
    let mut settings =
        Settings::default().with("JWT_ISSUER", trusted.url()).with("JWT_AUDIENCE", AUDIENCE);
    settings = match &signer.key {
        Key::Secret(secret) => settings.with("BETTER_AUTH_SECRET", secret),
        _ => settings.with("JWKS_URL", &trusted.key_set_url()),
    };
    let app = TestApp::start_with(settings, Data::Memory).await;
    let trap_url = trap.key_set_url();
    let target = Target {
        signer: &signer,
        issuer: trusted.url(),
        audience: AUDIENCE,
        trap: &trap_url,
        now: now(),
    };
    let good = format!("Bearer {}", target.good());
    app.with_authorization(&good).get("/api/tasks").await.ok();
    let start = Instant::now();
    let tokens = target.hostile();
    for (name, token) in &tokens {
        // A header cannot carry other bytes.
        if !token.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            panic!("{name} is not a header value");
        }
        let reply = app.with_authorization(&format!("Bearer {token}")).get("/api/tasks").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}: {name}", signer.algorithm);
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{name}");
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        let reply = app.with_authorization(&format!("Bearer {token}")).post("/mcp", ping).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}: {name}, tools", signer.algorithm);
        let reply = app.with_authorization(&good).get("/api/tasks").await;
        assert_eq!(reply.status, StatusCode::OK, "a good token after {name}");
    }
    assert_eq!(trap.requests(), 0, "no URL in a token was fetched");
    // Each of the two functions: the first fetch, and one for unknown keys every 30 seconds.
    let most = 2 * (2 + start.elapsed().as_secs() / 30);
    assert!(trusted.requests() as u64 <= most, "{} fetches", trusted.requests());
    let logs = app.logs().join("\n");
    assert!(!logs.contains("panicked"), "{logs}");
    tokens.len()
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_a_secret() {
    let signer = Signer::secret("the secret of this test, which is long enough");
    assert!(none_gets_in(signer).await > 200);
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_ed25519() {
    assert!(none_gets_in(Signer::ed25519("ed")).await > 200);
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_p256() {
    assert!(none_gets_in(Signer::p256("p256")).await > 200);
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_p384() {
    assert!(none_gets_in(Signer::p384("p384")).await > 200);
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_rsa() {
    assert!(none_gets_in(Signer::rsa("rsa", "RS256")).await > 200);
}

#[tokio::test]
async fn no_hostile_token_gets_in_with_rsa_pss() {
    assert!(none_gets_in(Signer::rsa("pss", "PS256")).await > 200);
}

#[tokio::test]
async fn a_malformed_authorization_header_is_rejected() {
    let app = TestApp::start().await;
    for authorization in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a, Bearer b",
        "bearer",
        "Token a.b.c",
        "Basic YTpi",
        "Digest a",
        "Negotiate a",
        "a.b.c",
        "Bearer=a.b.c",
        "Bearer:a.b.c",
        "Bearer \"a.b.c\"",
        "Bearer a.b.c;",
        "BearerBearer a.b.c",
        "Bearer Bearer a.b.c",
    ] {
        let reply = app.with_authorization(authorization).get("/api/tasks").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{authorization:?}");
    }
    app.user("alice").get("/api/tasks").await.ok();
}
