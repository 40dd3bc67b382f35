//! Packs what the function serves beside its page: `openapi.yaml` as JSON, the
//! page's own files and Swagger UI's, each compressed.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

const DOCUMENT: &str = "../../openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    println!("cargo:rerun-if-changed=src");
    let document: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(DOCUMENT)?)?;
    let files = [
        ("openapi.json", "application/json", serde_json::to_vec(&document)?),
        ("page.css", "text/css; charset=utf-8", fs::read("src/page.css")?),
        ("page.js", "text/javascript; charset=utf-8", fs::read("src/page.js")?),
        ("swagger-ui.css", "text/css; charset=utf-8", vendored("swagger-ui.css")?),
        (
            "swagger-ui-bundle.js",
            "text/javascript; charset=utf-8",
            vendored("swagger-ui-bundle.js")?,
        ),
    ];
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut code = format!("static PACKED: [(&str, &str, &[u8]); {}] = [\n", files.len());
    for (name, content_type, content) in &files {
        let path = folder.join(format!("{name}.gz"));
        compress(&path, content)?;
        writeln!(code, "({name:?}, {content_type:?}, include_bytes!({path:?})),")?;
    }
    code.push_str("];\n");
    fs::write(folder.join("files.rs"), code)?;
    Ok(())
}

/// A file of Swagger UI's distribution.
fn vendored(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let end = format!("/dist/{name}");
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        if file.name()?.ends_with(&end) {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            return Ok(content);
        }
    }
    Err(format!("Swagger UI has no {name}").into())
}

fn compress(path: &Path, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut encoder = GzEncoder::new(fs::File::create(path)?, Compression::best());
    encoder.write_all(content)?;
    encoder.finish()?;
    Ok(())
}
