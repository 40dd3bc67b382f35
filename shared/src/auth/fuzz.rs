//! Random bytes where a token, its parts or a key set should be: whatever
//! comes, nothing panics and nobody gets in.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use fastrand::Rng;
use futures::FutureExt;
use ring::hmac;

use super::*;
use crate::config::Identity;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

const HEADERS: [&str; 4] = [
    r#"{"alg":"HS256","typ":"JWT"}"#,
    r#"{"alg":"HS256","kid":"a","crit":["exp"],"b64":false}"#,
    r#"{"typ":"at+jwt","alg":"EdDSA","kid":"\u0061\ud83d\udc4b"}"#,
    r#"{"alg":"none","jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"]}"#,
];

const PAYLOADS: [&str; 4] = [
    r#"{"sub":"user_a","exp":1800000060,"iat":1800000000}"#,
    r#"{"sub":"","exp":1.8e9,"nbf":-0.5,"iss":"https://a","aud":["b","c"],"azp":"d"}"#,
    r#"{"sub":null,"exp":"1800000060","type":"refresh","token_use":["access"]}"#,
    r#"{"sub":{"a":[1,2,{"b":null}]},"exp":1e308,"aud":{"x":true}}"#,
];

const KEY_SETS: [&str; 3] = [
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"y5z0oOuXEaRQtUCpgELZDBVckUfkWb1XiQlhh_pl0pE"}]}"#,
    r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","alg":"ES256","use":"sig"}]}"#,
    r#"{"keys":[{"kty":"RSA","n":"____","e":"AQAB","key_ops":["verify"],"kid":"a"},5,null]}"#,
];

/// Pieces that parsers trip over.
const PIECES: [&str; 16] = [
    "\"", "\\", "{", "}", "[", "]", ":", ",", "null", "1e999", "-0", "\\ud800", "\u{0}",
    "\u{feff}", ".", "==",
];

/// Changes `bytes` in a few random places.
fn mutate(random: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..random.usize(0..5) {
        let at = random.usize(0..=bytes.len());
        match random.u8(0..6) {
            0 if at < bytes.len() => bytes[at] = random.u8(..),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
            2 => bytes.insert(at, random.u8(..)),
            3 => {
                let piece = PIECES[random.usize(0..PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            4 => {
                let end = random.usize(at..=bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let part = bytes[at.min(bytes.len())..].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

fn mutated(random: &mut Rng, seeds: &[&str]) -> Vec<u8> {
    let mut bytes = seeds[random.usize(0..seeds.len())].as_bytes().to_vec();
    mutate(random, &mut bytes);
    bytes
}

/// An `Authorization` header: mostly well-formed and rightly signed, so that
/// what is inside gets looked at.
///
/// Also the token that was signed: no other may get in.
fn authorization(random: &mut Rng, key: &hmac::Key) -> (Vec<u8>, String) {
    let (header, payload) = (mutated(random, &HEADERS), mutated(random, &PAYLOADS));
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = hmac::sign(key, signed.as_bytes());
    let token = format!("{signed}.{}", BASE64.encode(signature));
    let mut value = format!("Bearer {token}").into_bytes();
    if random.u8(0..4) == 0 {
        mutate(random, &mut value);
    }
    (value, token)
}

fn run(inputs: u64, seed: u64) {
    // Shown if the test fails.
    println!("seed {seed}");
    let identity =
        Identity::from_lookup(|name| (name == "BETTER_AUTH_SECRET").then(|| SECRET.to_owned()));
    let now = 1_800_000_000.0;
    let verifier = Verifier::with_clock(&identity.unwrap(), Arc::new(move || now));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mut random = Rng::with_seed(seed);
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for _ in 0..inputs {
        if random.u8(0..8) == 0 {
            let _ = jwk::parse(&mutated(&mut random, &KEY_SETS));
            continue;
        }
        let (value, token) = authorization(&mut random, &key);
        match verifier.verify(Some(&value)).now_or_never().unwrap() {
            Ok(user) => {
                assert!((1..=MAX_SUBJECT_BYTES).contains(&user.id().len()));
                assert!(value.trim_ascii_end().ends_with(token.as_bytes()), "{value:?}");
                accepted += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // Both ways were taken, or this would prove nothing.
    assert!(accepted > inputs / 1000 && refused > inputs / 10, "{accepted} {refused}");
}

#[test]
fn random_tokens_and_key_sets_do_no_harm() {
    run(20_000, fastrand::u64(..));
}

/// `cargo test --release -p shared -- --ignored ten_million`
#[test]
#[ignore = "takes minutes"]
fn ten_million_random_tokens_and_key_sets_do_no_harm() {
    run(10_000_000, fastrand::u64(..));
}
