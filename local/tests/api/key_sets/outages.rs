//! What happens while the issuer is slow, broken or down.

use std::time::{Duration, Instant};

use futures::FutureExt;
use shared::auth::{
    AuthError, COOLDOWN_SECONDS, DEFAULT_FRESH_SECONDS, FIRST_FETCH_COOLDOWN_SECONDS,
    MAX_KEY_SET_BYTES, MAX_STALE_SECONDS, PATIENCE_SECONDS,
};

use super::Identity;
use crate::support::issuer::{Answer, FakeIssuer, key_set};
use crate::support::keys::Signer;

fn padded_key_set(signer: &Signer, bytes: usize) -> Answer {
    let Answer::Text(text, headers) = key_set(&[signer]) else { unreachable!() };
    let spaces = " ".repeat(bytes - text.len());
    Answer::Text(text + &spaces, headers)
}

#[tokio::test]
async fn a_set_of_the_maximum_size_is_accepted() {
    let ed = Signer::ed25519("ed");
    let identity = Identity::start(padded_key_set(&ed, MAX_KEY_SET_BYTES)).await;
    assert_eq!(identity.verify(&ed).await, Ok(()));
}

/// The ways in which an issuer can fail.
fn failures(ed: &Signer, other: &FakeIssuer) -> Vec<(&'static str, Answer)> {
    let text = |text: &str| Answer::Text(text.to_owned(), vec![]);
    let too_large = padded_key_set(ed, MAX_KEY_SET_BYTES + 1);
    vec![
        ("down", Answer::Status(503)),
        ("not found", Answer::Status(404)),
        ("empty", text("")),
        ("an HTML page", text("<!doctype html><title>Sign in</title>")),
        ("no keys", text(r#"{"keys":[]}"#)),
        ("no usable key", text(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#)),
        ("another JSON document", text(r#"{"error":"invalid_request"}"#)),
        ("a PEM", text("-----BEGIN PUBLIC KEY-----")),
        ("too large", too_large),
        ("endless", Answer::Endless),
        ("a redirect elsewhere", Answer::Redirect(other.key_set_url())),
        ("a redirect to another scheme", Answer::Redirect("https://127.0.0.1/jwks".into())),
        ("a redirect in a circle", Answer::Redirect("/jwks".into())),
        ("a redirect to nowhere", Answer::Redirect(String::new())),
    ]
}

#[tokio::test]
async fn without_a_set_no_token_can_be_checked_while_the_issuer_fails() {
    let ed = Signer::ed25519("ed");
    let other = FakeIssuer::start(key_set(&[&ed])).await;
    for (name, failure) in failures(&ed, &other) {
        let identity = Identity::start(failure).await;
        assert_eq!(identity.verify(&ed).await, Err(AuthError::Unavailable), "{name}");
        let requests = identity.issuer.requests();
        assert!(requests <= 3, "{name}: {requests} requests");
        assert_eq!(identity.verify(&ed).await, Err(AuthError::Unavailable), "{name}");
        assert_eq!(identity.issuer.requests(), requests, "{name}: not asked again at once");
        identity.issuer.answer(key_set(&[&ed]));
        identity.pass(5.0);
        assert_eq!(identity.verify(&ed).await, Ok(()), "{name}: as soon as the issuer is back");
    }
    assert_eq!(other.requests(), 0, "no request to another origin");
}

#[tokio::test]
async fn with_a_set_known_keys_work_while_the_issuer_fails() {
    let (ed, unknown) = (Signer::ed25519("ed"), Signer::ed25519("unknown"));
    let other = FakeIssuer::start(key_set(&[&ed])).await;
    for (name, failure) in failures(&ed, &other) {
        let identity = Identity::start(key_set(&[&ed])).await;
        assert_eq!(identity.verify(&ed).await, Ok(()));
        identity.issuer.answer(failure);
        identity.pass(DEFAULT_FRESH_SECONDS);
        assert_eq!(identity.verify(&ed).await, Ok(()), "{name}");
        let result = identity.verify(&unknown).await;
        assert_eq!(result, Err(AuthError::Unavailable), "{name}: the key may be new");
        let requests = identity.issuer.requests();
        assert_eq!(identity.verify(&ed).await, Ok(()), "{name}");
        assert_eq!(identity.verify(&unknown).await, Err(AuthError::Unavailable), "{name}");
        assert_eq!(identity.issuer.requests(), requests, "{name}: not asked again at once");
        identity.pass(MAX_STALE_SECONDS - 1.0);
        assert_eq!(identity.verify(&ed).await, Ok(()), "{name}: a day later");
        identity.pass(1.0);
        assert_eq!(identity.verify(&ed).await, Err(AuthError::Unavailable), "{name}: too old");
    }
}

#[tokio::test]
async fn a_good_set_serves_while_the_issuer_does_not_answer() {
    let ed = Signer::ed25519("ed");
    for slow in [Answer::Silence, Answer::Half] {
        let identity = Identity::start(key_set(&[&ed])).await;
        assert_eq!(identity.verify(&ed).await, Ok(()));
        identity.issuer.answer(slow);
        identity.pass(DEFAULT_FRESH_SECONDS);
        for _ in 0..20 {
            assert_eq!(identity.verify(&ed).now_or_never(), Some(Ok(())));
        }
        identity.asked(2).await;
        assert_eq!(identity.verify(&ed).now_or_never(), Some(Ok(())));
        let unknown = identity.verify(&Signer::ed25519("unknown")).await;
        assert_eq!(unknown, Err(AuthError::Unavailable), "waits for the same fetch");
        assert_eq!(identity.issuer.requests(), 2, "one fetch at a time");
        identity.pass(COOLDOWN_SECONDS);
        assert_eq!(identity.verify(&ed).now_or_never(), Some(Ok(())), "the next fetch too");
        identity.asked(3).await;
    }
}

/// A verifier with a good set, which holds the key of `signer`, and a refresh that the issuer
/// does not answer.
async fn with_a_refresh_under_way(signer: &Signer) -> Identity {
    let identity = Identity::start(key_set(&[signer])).await;
    assert_eq!(identity.verify(signer).await, Ok(()));
    identity.issuer.answer(Answer::Silence);
    identity.pass(DEFAULT_FRESH_SECONDS);
    assert_eq!(identity.verify(signer).now_or_never(), Some(Ok(())));
    identity.asked(2).await;
    identity
}

#[tokio::test]
async fn a_frozen_refresh_is_not_a_failure_of_the_issuer() {
    let (old, new) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let identity = with_a_refresh_under_way(&old).await;
    // An hour passes during a fetch that may take two seconds.
    identity.pass(3600.0);
    identity.issuer.answer(key_set(&[&old, &new]));
    assert_eq!(identity.verify(&new).await, Ok(()), "fetched again at once");
    assert_eq!(identity.issuer.requests(), 3);
}

#[tokio::test]
async fn a_withdrawn_key_is_rejected_even_if_no_refresh_completes() {
    let (old, new) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let identity = with_a_refresh_under_way(&old).await;
    identity.issuer.answer(key_set(&[&new]));
    identity.pass(PATIENCE_SECONDS - 1.0);
    assert_eq!(identity.verify(&old).now_or_never(), Some(Ok(())));
    identity.pass(1.0);
    assert_eq!(identity.verify(&old).await, Err(AuthError::UnknownKey), "waits for a fetch");
}

#[tokio::test]
async fn a_slow_fetch_is_followed_by_a_full_cooldown() {
    let ed = Signer::ed25519("ed");
    let identity = Identity::start(Answer::Silence).await;
    let (verified, ()) = tokio::join!(identity.verify(&ed), async {
        identity.asked(1).await;
        identity.pass(2.0);
    });
    assert_eq!(verified, Err(AuthError::Unavailable));
    identity.pass(FIRST_FETCH_COOLDOWN_SECONDS - 0.1);
    assert_eq!(identity.verify(&ed).await, Err(AuthError::Unavailable));
    assert_eq!(identity.issuer.requests(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_a_set_forever() {
    let (old, new) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let identity = Identity::start(key_set(&[&old])).await;
    assert_eq!(identity.verify(&old).await, Ok(()));
    identity.issuer.answer(key_set(&[&new]));
    identity.pass(-86400.0);
    assert_eq!(identity.verify(&new).await, Ok(()));
}

#[tokio::test]
async fn concurrent_requests_wait_for_a_slow_issuer_together() {
    let ed = Signer::ed25519("ed");
    for slow in [Answer::Silence, Answer::Half] {
        let identity = Identity::start(slow).await;
        let start = Instant::now();
        let all = futures::future::join_all((0..20).map(|_| identity.verify(&ed))).await;
        assert!(all.iter().all(|result| *result == Err(AuthError::Unavailable)));
        assert_eq!(identity.issuer.requests(), 1, "they share one fetch");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
