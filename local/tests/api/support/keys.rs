//! Keys that sign tokens, as issuers use them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

pub(crate) enum Key {
    Secret(String),
    Ed25519(Ed25519KeyPair),
    Ec { pair: EcdsaKeyPair, curve: &'static str },
    Rsa { pair: RsaKeyPair, padding: &'static dyn RsaEncoding },
}

/// A key with its id and its algorithm.
pub(crate) struct Signer {
    pub(crate) key: Key,
    pub(crate) kid: String,
    pub(crate) algorithm: &'static str,
}

impl Signer {
    pub(crate) fn secret(secret: &str) -> Signer {
        Signer { key: Key::Secret(secret.into()), kid: "secret".into(), algorithm: "HS256" }
    }

    pub(crate) fn ed25519(kid: &str) -> Signer {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Signer { key: Key::Ed25519(pair), kid: kid.into(), algorithm: "EdDSA" }
    }

    pub(crate) fn p256(kid: &str) -> Signer {
        let signing = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        Signer { key: ec(signing, "P-256"), kid: kid.into(), algorithm: "ES256" }
    }

    pub(crate) fn p384(kid: &str) -> Signer {
        let signing = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        Signer { key: ec(signing, "P-384"), kid: kid.into(), algorithm: "ES384" }
    }

    /// Always the same key, because ring cannot generate RSA keys.
    pub(crate) fn rsa(kid: &str, algorithm: &'static str) -> Signer {
        let pkcs8 = local::certificates::RSA_KEY;
        let pair = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
        let padding: &'static dyn RsaEncoding = match algorithm {
            "PS256" => &signature::RSA_PSS_SHA256,
            _ => &signature::RSA_PKCS1_SHA256,
        };
        Signer { key: Key::Rsa { pair, padding }, kid: kid.into(), algorithm }
    }

    /// The public key as a member of a key set.
    pub(crate) fn jwk(&self) -> Value {
        let part = |bytes: &[u8]| BASE64.encode(bytes);
        let mut jwk = match &self.key {
            Key::Secret(secret) => json!({"kty": "oct", "k": part(secret.as_bytes())}),
            Key::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": part(pair.public_key().as_ref())})
            }
            Key::Ec { pair, curve } => {
                let (x, y) = pair.public_key().as_ref()[1..]
                    .split_at((pair.public_key().as_ref().len() - 1) / 2);
                json!({"kty": "EC", "crv": curve, "x": part(x), "y": part(y)})
            }
            Key::Rsa { pair, .. } => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": part(&public.n), "e": part(&public.e)})
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.algorithm, "typ": "JWT", "kid": self.kid})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.token_of(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token that consists of these bytes, with a valid signature.
    pub(crate) fn token_of(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
        format!("{signed}.{}", BASE64.encode(self.sign(signed.as_bytes())))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Secret(secret) => hs256(secret.as_bytes(), message),
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Ec { pair, .. } => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Rsa { pair, padding } => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

pub(crate) fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}

fn ec(signing: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Key {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
    Key::Ec { pair: EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &random).unwrap(), curve }
}
