//! Packs what the function serves besides its page: `openapi.yaml` as JSON, the page's
//! own files and Swagger UI's, each compressed.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

const DOCUMENT: &str = "../../openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    println!("cargo:rerun-if-changed=src/page.css");
    println!("cargo:rerun-if-changed=src/page.js");
    let document: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(DOCUMENT)?)?;
    let contract = ("openapi.json", "application/json", serde_json::to_vec(&document)?);
    let (css, script) = ("text/css; charset=utf-8", "text/javascript; charset=utf-8");
    let parts = [
        ("page.css", css, fs::read("src/page.css")?),
        ("page.js", script, fs::read("src/page.js")?),
        ("swagger-ui.css", css, vendored("/dist/swagger-ui.css")?),
        ("swagger-ui-bundle.js", script, vendored("/dist/swagger-ui-bundle.js")?),
        // The license is served with the files that it covers.
        ("LICENSE", "text/plain; charset=utf-8", vendored("/LICENSE")?),
    ];
    let mut code = format!("static CONTRACT: Packed = {};\n", pack(&contract)?);
    writeln!(code, "static PARTS: [Packed; {}] = [", parts.len())?;
    for part in &parts {
        writeln!(code, "{},", pack(part)?)?;
    }
    code.push_str("];\n");
    fs::write(out_dir()?.join("packed.rs"), code)?;
    Ok(())
}

/// Returns the directory for the output of this script.
fn out_dir() -> Result<PathBuf, Box<dyn Error>> {
    Ok(PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?))
}

/// Writes the compressed content of a file, and returns the code that includes it.
fn pack((name, content_type, content): &(&str, &str, Vec<u8>)) -> Result<String, Box<dyn Error>> {
    std::str::from_utf8(content)?;
    let path = out_dir()?.join(format!("{name}.gz"));
    compress(&path, content)?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = format!("{:016x}", hasher.finish());
    Ok(format!(
        "Packed {{ name: {name:?}, content_type: {content_type:?}, tag: {tag:?}, \
         compressed: include_bytes!({path:?}) }}"
    ))
}

/// Returns the Swagger UI file whose path ends with `end`.
fn vendored(end: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        if file.name()?.ends_with(end) {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            return Ok(content);
        }
    }
    Err(format!("Swagger UI has no {end}").into())
}

fn compress(path: &Path, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut encoder = GzEncoder::new(fs::File::create(path)?, Compression::best());
    encoder.write_all(content)?;
    encoder.finish()?;
    Ok(())
}
