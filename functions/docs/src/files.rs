//! The files that the function serves.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use shared::config;
use shared::http::{Body, Document};

include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// A file that the build script packed.
struct Packed {
    name: &'static str,
    content_type: &'static str,
    tag: &'static str,
    compressed: &'static [u8],
}

/// The token that the local server puts into the page. None of its characters has a
/// meaning in HTML.
static TOKEN: LazyLock<Option<String>> = LazyLock::new(|| {
    let token = config::docs_token()?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    token.bytes().all(is_token).then_some(token)
});

/// What the page may do: run its own scripts and call its own origin. No `unsafe-eval`,
/// no inline script, no content from elsewhere, no framing.
/// <https://www.w3.org/TR/CSP3/>
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Returns the page. Browsers revalidate it each time; with a token in it, they do not
/// store it.
pub(crate) fn page() -> Document {
    let empty = include_str!("page.html");
    let (text, cache_control) = match &*TOKEN {
        None => (empty.to_owned(), "public, no-cache"),
        Some(token) => {
            let filled = format!("data-token=\"{token}\"");
            (empty.replace("data-token=\"\"", &filled), "no-store")
        }
    };
    Document {
        content_type: "text/html; charset=utf-8",
        content_encoding: None,
        content_security_policy: Some(CONTENT_SECURITY_POLICY),
        cache_control,
        tag: page_tag(&text),
        body: Body::Text(text),
    }
}

/// Returns `openapi.yaml` as JSON.
pub(crate) fn contract(gzip: bool) -> Document {
    document(&CONTRACT, gzip)
}

/// Returns a part of the page by name.
pub(crate) fn part(name: &str, gzip: bool) -> Option<Document> {
    let packed = PARTS.iter().find(|packed| packed.name == name)?;
    Some(document(packed, gzip))
}

fn document(packed: &Packed, gzip: bool) -> Document {
    // Each coding has its own tag (RFC 9110 section 8.8.3.3).
    let (tag, body) = if gzip {
        (format!("{}-gzip", packed.tag), Body::Binary(packed.compressed.to_vec()))
    } else {
        (packed.tag.to_owned(), Body::Text(decompressed(packed)))
    };
    Document {
        content_type: packed.content_type,
        content_encoding: gzip.then_some("gzip"),
        content_security_policy: None,
        cache_control: "public, max-age=300",
        tag,
        body,
    }
}

/// Returns the tag of the page. It covers the policy too, because a 304 does not bring a
/// new one.
fn page_tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (text, CONTENT_SECURITY_POLICY).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[expect(clippy::expect_used, reason = "the build script has compressed text, and all of it")]
fn decompressed(packed: &Packed) -> String {
    let mut text = String::new();
    GzDecoder::new(packed.compressed).read_to_string(&mut text).expect("a whole file");
    text
}
