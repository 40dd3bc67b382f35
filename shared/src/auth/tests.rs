//! Tokens good and bad, against each of the numbered checks.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use futures::FutureExt;
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::config::Identity;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: f64 = 1_800_000_000.0;

fn verifier(settings: &[(&str, &str)]) -> Verifier {
    let secret = [("BETTER_AUTH_SECRET", SECRET)];
    let identity = Identity::from_lookup(|name| {
        let mut all = settings.iter().chain(&secret);
        all.find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    });
    Verifier::with_clock(&identity.unwrap(), Arc::new(|| NOW))
}

fn sign(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{signed}.{}", BASE64.encode(hmac::sign(&key, signed.as_bytes())))
}

fn verify_with(verifier: &Verifier, token: &str) -> Result<String, AuthError> {
    let header = format!("Bearer {token}");
    // With a secret nothing is ever waited for.
    let verified = verifier.verify(Some(header.as_bytes())).now_or_never().unwrap();
    verified.map(|user| user.id().to_string())
}

/// The outcome for a token with the usual header and these claims on top of
/// good ones; `null` takes a claim away.
fn verify_claims(settings: &[(&str, &str)], claims: Value) -> Result<String, AuthError> {
    let mut all = json!({"sub": "user_a", "exp": NOW + 60.0});
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    verify_with(&verifier(settings), &sign(r#"{"alg":"HS256","typ":"JWT"}"#, &all.to_string()))
}

fn verify_header(header: &str) -> Result<String, AuthError> {
    let payload = json!({"sub": "user_a", "exp": NOW + 60.0}).to_string();
    verify_with(&verifier(&[]), &sign(header, &payload))
}

#[test]
fn a_good_token_names_its_user() {
    assert_eq!(verify_claims(&[], json!({})), Ok("user_a".into()));
}

#[test]
fn only_the_configured_algorithm_is_accepted() {
    assert_eq!(verify_header(r#"{"alg":"HS256"}"#), Ok("user_a".into()));
    for alg in ["none", "None", "NONE", "hs256", "RS256", "EdDSA", "ES256", ""] {
        let header = json!({"alg": alg}).to_string();
        assert_eq!(verify_header(&header), Err(AuthError::Algorithm), "{alg}");
    }
    for alg in ["HS384", "HS512", "ES512"] {
        let header = json!({"alg": alg}).to_string();
        assert_eq!(verify_header(&header), Err(AuthError::Unsupported(alg)), "{alg}");
    }
}

#[test]
fn a_header_that_is_not_one_is_refused() {
    for header in [
        "{}",
        "[\"HS256\"]",
        "null",
        "",
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"HS256","b64":true}"#,
        r#"{"alg":"HS256","typ":5}"#,
    ] {
        assert_eq!(verify_header(header), Err(AuthError::Malformed), "{header}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    let header = r#"{"alg":"HS256","jku":"https://evil.example/jwks","jwk":{"kty":"oct","k":"AAAA"},"x5u":"https://evil.example","x5c":["AAAA"],"kid":"../../etc/passwd"}"#;
    assert_eq!(verify_header(header), Ok("user_a".into()));
}

#[test]
fn the_type_says_access_token_or_nothing() {
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        assert_eq!(verify_header(&header), Ok("user_a".into()), "{typ}");
    }
    for typ in ["refresh+jwt", "logout+jwt", "dpop+jwt", ""] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        assert_eq!(verify_header(&header), Err(AuthError::NotAccess), "{typ}");
    }
}

#[test]
fn a_token_that_was_touched_is_refused() {
    let verifier = verifier(&[]);
    let good = sign(r#"{"alg":"HS256"}"#, &json!({"sub": "a", "exp": NOW + 60.0}).to_string());
    assert_eq!(verify_with(&verifier, &good), Ok("a".into()));
    let parts: Vec<&str> = good.split('.').collect();
    let other = BASE64.encode(json!({"sub": "b", "exp": NOW + 60.0}).to_string());
    let swapped = format!("{}.{other}.{}", parts[0], parts[2]);
    assert_eq!(verify_with(&verifier, &swapped), Err(AuthError::Signature));
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(verify_with(&verifier, &unsigned), Err(AuthError::Signature));
    let shortened = &good[..good.len() - 4];
    assert!(verify_with(&verifier, shortened).is_err());
}

#[test]
fn a_token_of_another_shape_is_refused() {
    let verifier = verifier(&[]);
    let good = sign(r#"{"alg":"HS256"}"#, &json!({"sub": "a", "exp": NOW + 60.0}).to_string());
    let parts: Vec<&str> = good.split('.').collect();
    for token in [
        format!("{good}="),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{good}"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[1], parts[2]),
        "...".into(),
        "..".into(),
        "a".into(),
    ] {
        assert_eq!(verify_with(&verifier, &token), Err(AuthError::Malformed), "{token}");
    }
}

#[test]
fn an_expiry_is_required_and_may_be_thirty_seconds_past() {
    assert_eq!(verify_claims(&[], json!({"exp": null})), Err(AuthError::NoExpiry));
    assert_eq!(verify_claims(&[], json!({"exp": NOW - 29.5})), Ok("user_a".into()));
    assert_eq!(verify_claims(&[], json!({"exp": NOW - 30.0})), Err(AuthError::Expired));
    for exp in [json!("1900000000"), json!(-1), json!(1e300), json!([1]), json!({}), json!(true)] {
        let result = verify_claims(&[], json!({ "exp": exp }));
        assert_eq!(result, Err(AuthError::NoExpiry), "{exp}");
    }
}

#[test]
fn a_token_for_later_is_refused_until_then() {
    assert_eq!(verify_claims(&[], json!({"nbf": NOW + 29.5})), Ok("user_a".into()));
    for nbf in [json!(NOW + 31.0), json!("0"), json!(-1), json!(1e300), json!([])] {
        let result = verify_claims(&[], json!({ "nbf": nbf }));
        assert_eq!(result, Err(AuthError::NotYetValid), "{nbf}");
    }
}

#[test]
fn issuer_and_audience_are_compared_if_configured() {
    let settings = [("JWT_ISSUER", "https://issuer"), ("JWT_AUDIENCE", "tasks")];
    let check = |claims| verify_claims(&settings, claims);
    assert_eq!(check(json!({"iss": "https://issuer", "aud": "tasks"})), Ok("user_a".into()));
    let many = json!({"iss": "https://issuer", "aud": ["other", "tasks"]});
    assert_eq!(check(many), Ok("user_a".into()));
    assert_eq!(check(json!({"aud": "tasks"})), Err(AuthError::Issuer));
    assert_eq!(check(json!({"iss": "https://issuer/", "aud": "tasks"})), Err(AuthError::Issuer));
    for aud in [json!(null), json!("other"), json!([]), json!(["tasks", 5]), json!({"tasks": 1})] {
        let claims = json!({"iss": "https://issuer", "aud": aud});
        assert_eq!(check(claims), Err(AuthError::Audience), "{aud}");
    }
}

#[test]
fn the_client_is_compared_if_configured() {
    let check = |claims| verify_claims(&[("JWT_CLIENT_ID", "app")], claims);
    for claims in [
        json!({"client_id": "app"}),
        json!({"azp": "app"}),
        json!({"client_id": "app", "azp": "app"}),
    ] {
        assert_eq!(check(claims), Ok("user_a".into()));
    }
    for claims in [
        json!({}),
        json!({"client_id": "other"}),
        json!({"azp": ["app"]}),
        json!({"client_id": "app", "azp": "other"}),
        json!({"aud": "app"}),
    ] {
        assert_eq!(check(claims.clone()), Err(AuthError::Client), "{claims}");
    }
}

#[test]
fn a_refresh_token_or_an_id_token_is_not_an_access_token() {
    for claim in ["type", "token_use"] {
        assert_eq!(verify_claims(&[], json!({claim: "refresh"})), Err(AuthError::NotAccess));
        assert_eq!(verify_claims(&[], json!({claim: "access"})), Ok("user_a".into()));
    }
    for claim in ["typ", "token_use"] {
        for kind in ["Refresh", "Offline", "ID", "id", "Logout"] {
            let verified = verify_claims(&[], json!({claim: kind}));
            assert_eq!(verified, Err(AuthError::NotAccess), "{claim}: {kind}");
        }
    }
    assert_eq!(verify_claims(&[], json!({"typ": "Bearer"})), Ok("user_a".into()));
}

#[test]
fn only_the_subject_is_the_user() {
    for sub in [json!(null), json!(""), json!(5), json!(["a"]), json!({"id": "a"}), json!(true)] {
        let claims = json!({"sub": sub, "email": "a@example.com", "id": "a", "user_id": "a"});
        assert_eq!(verify_claims(&[], claims), Err(AuthError::Subject), "{sub}");
    }
    // No-break, ideographic and line separators, next line, escape, delete.
    for sub in [" ", "\t\n", "\u{a0}\u{3000}\u{2028}", "\u{85}", "\0", "\u{1b} \u{7f}"] {
        assert_eq!(verify_claims(&[], json!({"sub": sub})), Err(AuthError::Subject), "{sub:?}");
    }
    // What else stands in it is the issuer's business.
    for sub in [" a", "a\n", "\u{200b}", "0", "👋"] {
        assert_eq!(verify_claims(&[], json!({"sub": sub})), Ok(sub.to_owned()), "{sub:?}");
    }
    let longest = "a".repeat(MAX_SUBJECT_BYTES);
    assert_eq!(verify_claims(&[], json!({"sub": longest})), Ok(longest.clone()));
    let longer = format!("{longest}a");
    assert_eq!(verify_claims(&[], json!({"sub": longer})), Err(AuthError::Subject));
}

#[test]
fn a_claim_given_twice_is_refused() {
    let payload = format!(r#"{{"sub":"a","sub":"b","exp":{}}}"#, NOW + 60.0);
    let token = sign(r#"{"alg":"HS256"}"#, &payload);
    assert_eq!(verify_with(&verifier(&[]), &token), Err(AuthError::Malformed));
}
