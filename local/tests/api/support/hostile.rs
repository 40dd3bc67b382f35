//! Tokens that nobody should accept: one list, for every kind of key.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use super::keys::{Key, Signer, hs256};

/// What the tokens are meant for.
pub(crate) struct Target<'a> {
    /// The key that the API trusts.
    pub(crate) signer: &'a Signer,
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    /// Somewhere that must not be fetched.
    pub(crate) trap: &'a str,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

type Tokens = Vec<(String, String)>;

impl Target<'_> {
    pub(crate) fn claims(&self) -> Value {
        json!({
            "sub": "alice", "iss": self.issuer, "aud": self.audience,
            "iat": self.now, "exp": self.now + 600,
        })
    }

    pub(crate) fn good(&self) -> String {
        self.signer.token(&self.claims())
    }

    /// Every hostile token, with a name to find it by.
    pub(crate) fn hostile(&self) -> Tokens {
        let mut all = Tokens::new();
        all.extend(self.algorithms());
        all.extend(self.confusions());
        all.extend(self.headers());
        all.extend(self.key_ids());
        all.extend(self.encodings());
        all.extend(self.signatures());
        all.extend(self.payloads());
        all.extend(self.times());
        all.extend(self.other_claims());
        all
    }

    fn with_header(&self, change: &Value) -> String {
        self.signer.token_with(&merged(&self.signer.header(), change), &self.claims())
    }

    fn with_claims(&self, change: &Value) -> String {
        self.signer.token(&merged(&self.claims(), change))
    }

    /// `none` in every case, and every other algorithm's name.
    fn algorithms(&self) -> Tokens {
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

    /// A public key as if it were a secret, and other people's keys.
    fn confusions(&self) -> Tokens {
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

    fn headers(&self) -> Tokens {
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
            ("a header with more behind it", format!(r#"{{"alg":"{alg}","kid":"{kid}"}}{{}}"#)),
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

    /// A secret has no name, so there a `kid` only has to be a string.
    fn key_ids(&self) -> Tokens {
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

    /// Texts that a lenient reader takes for the good token.
    fn encodings(&self) -> Tokens {
        let good = self.good();
        let parts: Vec<&str> = good.split('.').collect();
        let [header, payload, signature] = parts[..] else { unreachable!() };
        let standard = |part: &str| BASE64_STANDARD.encode(BASE64.decode(part).unwrap());
        let padded = |part: &str| BASE64_URL_SAFE.encode(BASE64.decode(part).unwrap());
        let mut tokens = vec![
            ("an empty part in front".into(), format!(".{good}")),
            ("an empty part behind".into(), format!("{good}.")),
            ("an empty header".into(), format!(".{payload}.{signature}")),
            ("an empty payload".into(), format!("{header}..{signature}")),
            ("an empty signature".into(), format!("{header}.{payload}.")),
            ("two parts".into(), format!("{header}.{payload}")),
            ("one part".into(), header.to_owned()),
            ("only dots".into(), "..".to_owned()),
            ("many dots".into(), ".".repeat(100)),
            ("doubled".into(), format!("{good}.{good}")),
            ("a doubled payload".into(), format!("{header}.{payload}.{payload}.{signature}")),
            ("five parts".into(), format!("{good}.{payload}.{signature}")),
            ("a JSON serialization".into(), BASE64.encode(format!(r#"{{"payload":"{payload}"}}"#))),
            ("an opaque token".into(), "OnSOChOyKu3ErLaYOCwDjKunkaSDBRTB".to_owned()),
            (
                "a signed cookie".into(),
                "OnSOChOyKu3ErLaY.s+XKnbiZEbRRs41AhDqeMx9HTNg3rr0=".to_owned(),
            ),
            ("standard base64".into(), format!("{header}.{payload}.{}+/", &signature[2..])),
            ("a plus sign".into(), format!("{header}.{payload}.+{}", &signature[1..])),
            ("an equals sign behind".into(), format!("{good}=")),
        ];
        for (name, part) in [("header", header), ("payload", payload), ("signature", signature)] {
            for (how, text) in [("padding", padded(part)), ("standard padding", standard(part))] {
                if text != part {
                    tokens.push((format!("a {name} with {how}"), good.replacen(part, &text, 1)));
                }
            }
            if part.len() % 4 != 0 {
                tokens.push((
                    format!("a {name} with other trailing bits"),
                    good.replacen(part, &other_trailing_bits(part), 1),
                ));
            }
        }
        tokens
    }

    fn signatures(&self) -> Tokens {
        let good = self.good();
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let bytes = BASE64.decode(signature).unwrap();
        let mut tokens = Tokens::new();
        let mut add = |name: &str, bytes: &[u8]| {
            tokens
                .push((format!("signature: {name}"), format!("{signed}.{}", BASE64.encode(bytes))));
        };
        for length in [1, 31, 32, 33, 63, 64, 65, 96, 256, 512] {
            add(&format!("{length} zeros"), &vec![0; length]);
            add(&format!("{length} times 255"), &vec![255; length]);
        }
        add("cut", &bytes[..bytes.len() - 1]);
        add("cut in front", &bytes[1..]);
        add("half", &bytes[..bytes.len() / 2]);
        add("with a zero behind", &[&bytes[..], &[0]].concat());
        add("with a zero in front", &[&[0], &bytes[..]].concat());
        add("twice", &[&bytes[..], &bytes[..]].concat());
        for at in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            for bit in [0, 7] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                add(&format!("bit {bit} of byte {at}"), &flipped);
            }
        }
        match &self.signer.key {
            Key::Ec { .. } => {
                let half = bytes.len() / 2;
                let (r, s) = bytes.split_at(half);
                let one = [vec![0; half - 1], vec![1]].concat();
                add("r of zero", &[&vec![0; half][..], s].concat());
                add("s of zero", &[r, &vec![0; half][..]].concat());
                add("r and s of one", &[&one[..], &one[..]].concat());
                add("r and s swapped", &[s, r].concat());
                let integer = |part: &[u8]| [&[2, part.len() as u8 + 1, 0], part].concat();
                let body = [integer(r), integer(s)].concat();
                add("in DER", &[&[0x30, body.len() as u8][..], &body[..]].concat());
            }
            Key::Ed25519(_) => {
                // S + L is the same number modulo L (RFC 8032 section 5.1.7).
                let mut malleable = bytes.clone();
                add_order_of_the_base_point(&mut malleable[32..]);
                add("with S beyond its range", &malleable);
                let identity = [vec![1], vec![0; 63]].concat();
                add("with R of small order and no S", &identity);
            }
            Key::Rsa { .. } | Key::Secret(_) => {}
        }
        let other = self.signer.token(&merged(&self.claims(), &json!({"sub": "bob"})));
        let payload = other.split('.').nth(1).unwrap();
        let header = signed.split('.').next().unwrap();
        tokens.push(("another payload".into(), format!("{header}.{payload}.{signature}")));
        tokens
    }

    fn payloads(&self) -> Tokens {
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

    fn times(&self) -> Tokens {
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
        for nbf in [json!(now + 90), json!(now as f64 + 90.5), json!(now + 86400)] {
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

    fn other_claims(&self) -> Tokens {
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
        ] {
            with(
                json!({"sub": sub, "email": "alice@example.com", "id": "alice", "user_id": "alice"}),
            );
        }
        // What an e-mail verification link carries.
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
        }
        tokens
    }
}

/// `base` with the members of `change`; `null` takes a claim away, except for
/// header members that must not be there at all.
fn merged(base: &Value, change: &Value) -> Value {
    let mut merged = base.clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() && base.get(name).is_some() && name != "alg" {
            merged.as_object_mut().unwrap().remove(name);
        } else {
            merged[name] = value.clone();
        }
    }
    merged
}

/// The same bytes for a reader that ignores the bits behind the last byte.
fn other_trailing_bits(part: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *part.as_bytes().last().unwrap();
    let at = ALPHABET.iter().position(|byte| *byte == last).unwrap();
    let other = ALPHABET[at ^ 1] as char;
    format!("{}{other}", &part[..part.len() - 1])
}

/// Adds L = 2^252 + 27742317777372353535851937790883648493, little-endian.
fn add_order_of_the_base_point(number: &mut [u8]) {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in number.iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
}
