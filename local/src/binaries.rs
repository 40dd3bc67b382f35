//! Builds the functions' binaries with cargo.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::settings::repository;

/// How to build the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The debug build that shares its dependencies with `cargo run`.
    Dev,
    /// The debug build that shares its dependencies with `cargo test --workspace`.
    Test,
    /// The build that is deployed.
    Release,
}

/// The binaries of the functions `names`. Builds them, or, with `no_build`, takes those of
/// the last build.
///
/// # Errors
///
/// As [`build`], or if `no_build` is set and a binary is missing.
pub fn find(names: &[&str], profile: Profile, no_build: bool) -> Result<BTreeMap<String, PathBuf>> {
    if no_build { built(names, profile) } else { build(names, profile) }
}

/// Builds the functions `names` and returns the path of each binary.
///
/// # Errors
///
/// If cargo is missing, or the build fails. Cargo writes the reason to standard error.
pub fn build(names: &[&str], profile: Profile) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository()).arg("build").arg("--message-format=json-render-diagnostics");
    // `cargo run` sets variables for this program's own package. Build scripts that read
    // them would run again, and everything that depends on them would be rebuilt.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    let option = match profile {
        Profile::Dev | Profile::Test => "--bin",
        Profile::Release => "--package",
    };
    names.iter().for_each(|name| {
        cargo.args([option, name]);
    });
    match profile {
        // `--workspace` gives the dependencies the features that they have in
        // `cargo run`, so they are not compiled again.
        Profile::Dev => cargo.arg("--workspace"),
        // Naming a test, which is already built, gives the dependencies the features
        // that they have in tests.
        Profile::Test => cargo.args(["--workspace", "--test", "contract"]),
        // The functions alone, as they are deployed.
        Profile::Release => cargo.arg("--release"),
    };
    let output = cargo.stderr(Stdio::inherit()).output().context("running cargo")?;
    if !output.status.success() {
        bail!("building the functions failed");
    }
    let mut binaries = BTreeMap::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let Some(path) = message["executable"].as_str()
            && names.contains(&name)
        {
            binaries.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    for name in names {
        if !binaries.contains_key(*name) {
            bail!("cargo built no binary {name}");
        }
    }
    Ok(binaries)
}

/// The binaries of the last build of the functions `names`. They are in the target folder
/// that this program runs from.
fn built(names: &[&str], profile: Profile) -> Result<BTreeMap<String, PathBuf>> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("this program's folder")?;
    let folder = target.join(if profile == Profile::Release { "release" } else { "debug" });
    let find = |name: &&str| {
        let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        if !path.exists() {
            bail!("{} has not been built", path.display());
        }
        Ok(((*name).to_owned(), path))
    };
    names.iter().map(find).collect()
}
