//! The keys of a key set (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::public_key_algorithm;

/// A key that checks signatures, and what it may be used for.
pub(super) struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl Key {
    pub(super) fn new(
        id: Option<String>,
        algorithms: &'static [Algorithm],
        key: DecodingKey,
    ) -> Key {
        Key { id, algorithms, key }
    }

    /// Whether the key may have made a signature with `algorithm`.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// The key's `kid`.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.key
    }
}

/// The members that are read (RFC 7517 section 4).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// The usable keys in the text of a key set; `None` if it is not a key set.
///
/// Keys are read one by one. One that cannot be used here (for another purpose, of
/// an unknown type, with an algorithm that does not fit its type) is left out, and
/// does no harm to the others.
pub(super) fn parse(text: &[u8]) -> Option<Vec<Arc<Key>>> {
    let set: Value = serde_json::from_slice(text).ok()?;
    let keys = set.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(|key| usable(key).map(Arc::new)).collect())
}

fn usable(key: &Value) -> Option<Key> {
    let jwk = Jwk::deserialize(key).ok()?;
    let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
    if !is_for_signatures {
        return None;
    }
    let (algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA][..], ed25519(&jwk)?),
        ("EC", Some("P-256")) => (&[Algorithm::ES256][..], curve_point(&jwk, 32)?),
        ("EC", Some("P-384")) => (&[Algorithm::ES384][..], curve_point(&jwk, 48)?),
        ("RSA", _) => (&[Algorithm::RS256, Algorithm::PS256][..], rsa(&jwk)?),
        _ => return None,
    };
    // A key without `alg` is judged by its type.
    let algorithms = match jwk.alg.as_deref() {
        None => algorithms,
        Some(name) => {
            let named = public_key_algorithm(name)?;
            let at = algorithms.iter().position(|algorithm| *algorithm == named)?;
            &algorithms[at..=at]
        }
    };
    Some(Key::new(jwk.kid, algorithms, key))
}

/// RFC 8037 section 2.
fn ed25519(jwk: &Jwk) -> Option<DecodingKey> {
    let x = jwk.x.as_deref()?;
    let point: [u8; 32] = decode(x)?.try_into().ok()?;
    (!is_of_small_order(point)).then(|| DecodingKey::from_ed_components(x).ok())?
}

/// RFC 7518 section 6.2.1. A point that is not on the curve verifies no signature.
fn curve_point(jwk: &Jwk, bytes: usize) -> Option<DecodingKey> {
    let (x, y) = (jwk.x.as_deref()?, jwk.y.as_deref()?);
    let is_point = decode(x)?.len() == bytes && decode(y)?.len() == bytes;
    is_point.then(|| DecodingKey::from_ec_components(x, y).ok())?
}

/// RFC 7518 section 6.3.1. Keys of less than 2,048 bits must not be used (section
/// 3.3); keys of more than 8,192 would only cost time.
fn rsa(jwk: &Jwk) -> Option<DecodingKey> {
    let number = |part: &Option<String>| {
        let bytes = decode(part.as_deref()?)?;
        let start = bytes.iter().position(|byte| *byte != 0)?;
        Some(bytes[start..].to_vec())
    };
    let (modulus, exponent) = (number(&jwk.n)?, number(&jwk.e)?);
    let is_sane = (256..=1024).contains(&modulus.len()) && exponent.len() <= 8;
    is_sane.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}

/// Whether a public key is one of the few points for which anybody can make a valid
/// signature (RFC 8032 section 5.1, points of order 1, 2, 4 and 8).
fn is_of_small_order(mut point: [u8; 32]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // The sign of x does not change the order.
    point[31] &= 0x7f;
    let low = point[1..].iter().all(|byte| *byte == 0) && point[0] <= 1;
    // p - 1, and 0 and 1 written as p and p + 1.
    let high = point[1..31].iter().all(|byte| *byte == 0xff)
        && point[31] == 0x7f
        && (0xec..=0xee).contains(&point[0]);
    low || high || ORDER_8.contains(&point)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "y5z0oOuXEaRQtUCpgELZDBVckUfkWb1XiQlhh_pl0pE";
    const P384: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn algorithms(key: &Value) -> Vec<Algorithm> {
        let text = json!({ "keys": [key] }).to_string();
        let keys = parse(text.as_bytes()).unwrap();
        keys.first().map(|key| key.algorithms.to_vec()).unwrap_or_default()
    }

    fn with(base: &Value, change: &Value) -> Value {
        let mut key = base.clone();
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    #[test]
    fn a_key_is_judged_by_its_type_and_by_its_algorithm() {
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "1"});
        let p256 = json!({"kty": "EC", "crv": "P-256", "x": X, "y": X});
        let p384 = json!({"kty": "EC", "crv": "P-384", "x": P384, "y": P384});
        let rsa = json!({"kty": "RSA", "n": format!("{}w", "_".repeat(341)), "e": "AQAB"});
        for (key, change, expected) in [
            (&ed, json!({}), vec![Algorithm::EdDSA]),
            (&ed, json!({"alg": "EdDSA", "use": "sig"}), vec![Algorithm::EdDSA]),
            (&ed, json!({"alg": "Ed25519", "key_ops": ["verify"]}), vec![Algorithm::EdDSA]),
            (&ed, json!({"alg": "ES256"}), vec![]),
            (&ed, json!({"alg": "HS256"}), vec![]),
            (&ed, json!({"alg": "none"}), vec![]),
            (&ed, json!({"use": "enc"}), vec![]),
            (&ed, json!({"key_ops": ["encrypt"]}), vec![]),
            (&ed, json!({"crv": "X25519"}), vec![]),
            (&ed, json!({"crv": "Ed448"}), vec![]),
            (&ed, json!({"x": "AQ"}), vec![]),
            (&ed, json!({"x": null}), vec![]),
            (&ed, json!({"kid": 5}), vec![]),
            (&p256, json!({}), vec![Algorithm::ES256]),
            (&p256, json!({"alg": "ES384"}), vec![]),
            (&p256, json!({"crv": "P-521"}), vec![]),
            (&p256, json!({"crv": "P-384"}), vec![]),
            (&p384, json!({"alg": "ES384"}), vec![Algorithm::ES384]),
            (&rsa, json!({}), vec![Algorithm::RS256, Algorithm::PS256]),
            (&rsa, json!({"alg": "PS256"}), vec![Algorithm::PS256]),
            (&rsa, json!({"alg": "RSA-OAEP"}), vec![]),
            (&rsa, json!({"n": "_".repeat(171)}), vec![]),
            (&rsa, json!({"n": "A".repeat(342)}), vec![]),
            (&rsa, json!({"n": "_".repeat(1400)}), vec![]),
            (&json!({"kty": "oct", "k": "AAAA"}), json!({}), vec![]),
            (&json!("key"), json!({}), vec![]),
        ] {
            let key = if key.is_object() { with(key, &change) } else { key.clone() };
            assert_eq!(algorithms(&key), expected, "{key}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_does_no_harm_to_the_others() {
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "good"});
        let mismatched = json!({"kty": "OKP", "crv": "Ed25519", "x": X, "alg": "ES256"});
        let text = json!({"keys": [mismatched, 5, {"kty": "EC"}, good]}).to_string();
        let keys = parse(text.as_bytes()).unwrap();
        assert_eq!(keys.iter().map(|key| key.id()).collect::<Vec<_>>(), [Some("good")]);
    }

    #[test]
    fn what_is_no_key_set_is_none() {
        for text in ["", "{}", "[]", "<html></html>", r#"{"keys": {}}"#, r#"{"keys": null}"#] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn points_of_small_order_are_no_keys() {
        for x in [
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
            "7P_______________________________________38",
            "7v________________________________________8",
            "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
            "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        ] {
            assert!(algorithms(&json!({"kty": "OKP", "crv": "Ed25519", "x": x})).is_empty(), "{x}");
        }
    }
}
