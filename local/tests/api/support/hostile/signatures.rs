//! Attacks through a token's encoding and signature.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::json;

use super::super::keys::Key;
use super::{Target, Tokens, merged};

impl Target<'_> {
    /// Texts that a lenient parser accepts as the good token.
    pub(super) fn encodings(&self) -> Tokens {
        let good = self.good();
        let parts: Vec<&str> = good.split('.').collect();
        let [header, payload, signature] = parts[..] else { unreachable!() };
        let standard = |part: &str| BASE64_STANDARD.encode(BASE64.decode(part).unwrap());
        let padded = |part: &str| BASE64_URL_SAFE.encode(BASE64.decode(part).unwrap());
        let mut tokens = vec![
            ("an empty part in front".into(), format!(".{good}")),
            ("an empty part at the end".into(), format!("{good}.")),
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
            ("an equals sign at the end".into(), format!("{good}=")),
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

    pub(super) fn signatures(&self) -> Tokens {
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
        add("with a zero at the end", &[&bytes[..], &[0]].concat());
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
                add("with S out of range", &malleable);
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
}

/// The same bytes for a parser that ignores the bits after the last byte.
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
