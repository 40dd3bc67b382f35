//! Attacks through a token's claims.

use serde_json::{Value, json};

use super::{Target, Tokens};

impl Target<'_> {
    pub(super) fn payloads(&self) -> Tokens {
        let header = self.signer.header().to_string();
        let claims = self.claims().to_string();
        let inside = self.good();
        let again =
            |name: &str, value: &str| claims.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        let texts = [
            ("empty", String::new()),
            ("null", "null".into()),
            ("an array", format!("[{claims}]")),
            ("a string", format!("{claims:?}")),
            ("a nested token", format!("{inside:?}")),
            ("a bare nested token", inside),
            ("cut", claims[..claims.len() - 1].into()),
            ("two objects", format!("{claims}{claims}")),
            ("with a byte order mark", format!("\u{feff}{claims}")),
            ("form data", "sub=alice&exp=9999999999".into()),
            ("nested deeply", format!("{{\"sub\":{}", "[".repeat(4000))),
            ("with two subjects", again("sub", "\"mallory\"")),
            ("with two expiries", again("exp", "9999999999")),
            ("with two issuers", again("iss", "\"mallory\"")),
            ("with two audiences", again("aud", "\"mallory\"")),
            ("with two not-befores", again("nbf", "0").replacen('{', "{\"nbf\":1,", 1)),
        ];
        let mut tokens: Tokens = texts
            .iter()
            .map(|(name, text)| {
                let token = self.signer.token_of(header.as_bytes(), text.as_bytes());
                (format!("payload: {name}"), token)
            })
            .collect();
        for bytes in [b"\xff\xfe\xfd".as_slice(), b"{\"sub\":\"\xff\"}", b"\0\0\0\0"] {
            let token = self.signer.token_of(header.as_bytes(), bytes);
            tokens.push((format!("payload: the bytes {bytes:x?}"), token));
        }
        tokens
    }

    pub(super) fn times(&self) -> Tokens {
        let mut tokens = Tokens::new();
        let now = self.now;
        let wrong_types = || {
            [
                json!(format!("{}", now + 600)),
                json!(""),
                json!(true),
                json!([now + 600]),
                json!({"exp": now + 600}),
                json!(-1),
                json!(-0.5),
                json!(1e300),
                json!(-1e300),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(i64::MAX),
                json!("Infinity"),
                json!("NaN"),
            ]
        };
        let mut with = |claims: Value| {
            tokens.push((format!("claims with {claims}"), self.with_claims(&claims)));
        };
        with(json!({"exp": null}));
        for exp in wrong_types() {
            with(json!({ "exp": exp }));
        }
        for exp in [json!(0), json!(now - 31), json!(now as f64 - 31.5), json!(now - 86400)] {
            with(json!({ "exp": exp }));
        }
        for nbf in wrong_types() {
            with(json!({ "nbf": nbf }));
        }
        for nbf in [json!(now + 3600), json!(now as f64 + 3600.5), json!(now + 86400)] {
            with(json!({ "nbf": nbf }));
        }
        let header = self.signer.header().to_string();
        for number in
            ["1e999", "-1e999", "Infinity", "NaN", "0x7fffffff", "1_000_000", "+9999999999"]
        {
            let text = self.claims().to_string().replace(&format!("{}", now + 600), number);
            let token = self.signer.token_of(header.as_bytes(), text.as_bytes());
            tokens.push((format!("an expiry of {number}"), token));
        }
        tokens
    }

    pub(super) fn other_claims(&self) -> Tokens {
        let mut tokens = Tokens::new();
        let mut with = |claims: Value| {
            let name: String = claims.to_string().chars().take(80).collect();
            tokens.push((format!("claims with {name}"), self.with_claims(&claims)));
        };
        for sub in [
            json!(null),
            json!(""),
            json!(0),
            json!(1),
            json!(true),
            json!(["alice"]),
            json!({"id": "alice"}),
            json!("a".repeat(1025)),
            json!(" "),
            json!("\t\r\n"),
            json!("\u{0}"),
            json!("\u{a0}\u{2003}\u{3000}"),
            json!("\u{85}\u{9f}\u{7f}"),
        ] {
            with(
                json!({"sub": sub, "email": "alice@example.com", "id": "alice", "user_id": "alice"}),
            );
        }
        // The claims of an e-mail verification link.
        with(json!({"sub": null, "email": "alice@example.com", "updateTo": "bob@example.com"}));
        for iss in [
            json!(null),
            json!(""),
            json!("https://evil.example"),
            json!(format!("{}/", self.issuer)),
            json!(self.issuer.to_uppercase()),
            json!([self.issuer]),
            json!({"iss": self.issuer}),
            json!(format!("{} ", self.issuer)),
            json!(format!("{}.evil.example", self.issuer)),
            json!(5),
        ] {
            with(json!({ "iss": iss }));
        }
        for aud in [
            json!(null),
            json!(""),
            json!("other"),
            json!([]),
            json!(["other"]),
            json!([null]),
            json!([self.audience, 5]),
            json!([[self.audience]]),
            json!({self.audience: true}),
            json!(self.audience.to_uppercase()),
            json!(format!("{} other", self.audience)),
            json!(5),
        ] {
            with(json!({ "aud": aud }));
        }
        for refresh in ["refresh", "Refresh", "REFRESH"] {
            with(json!({ "type": refresh }));
            with(json!({ "token_use": refresh }));
            with(json!({ "typ": refresh }));
        }
        for id in ["id", "Id", "ID"] {
            with(json!({ "token_use": id }));
            with(json!({ "typ": id }));
        }
        tokens
    }
}
