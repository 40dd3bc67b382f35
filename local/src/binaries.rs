//! The functions' binaries, built by cargo.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::settings::repository;

/// How to build the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quickly, for `cargo run`.
    Dev,
    /// Quickly, for `cargo test --workspace`.
    Test,
    /// As they are deployed.
    Release,
}

/// The binaries of the functions `names`: built now, or, with `no_build`, as they were
/// built last.
///
/// # Errors
///
/// As [`build`], or if one of them has not been built.
pub fn find(names: &[&str], profile: Profile, no_build: bool) -> Result<BTreeMap<String, PathBuf>> {
    if no_build { built(names, profile) } else { build(names, profile) }
}

/// Builds the functions `names` and gives the path of each binary.
///
/// # Errors
///
/// If cargo is not there, or the build fails; cargo has told why on standard
/// error then.
pub fn build(names: &[&str], profile: Profile) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository()).arg("build").arg("--message-format=json-render-diagnostics");
    // `cargo run` tells this program about its own package. Build scripts that
    // look at the same variables would run again, and all behind them.
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
        // The whole workspace, of which only some binaries are wanted: so the
        // dependencies have the features that they have in `cargo run`, and
        // are not compiled again.
        Profile::Dev => cargo.arg("--workspace"),
        // One test, which is built already, brings the features that the
        // dependencies have in tests.
        Profile::Test => cargo.args(["--workspace", "--test", "contract"]),
        // Nothing but the functions: just what is deployed.
        Profile::Release => cargo.arg("--release"),
    };
    let output = cargo.stderr(Stdio::inherit()).output().context("running cargo")?;
    if !output.status.success() {
        bail!("the functions do not build");
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

/// The paths of the functions `names` as they were built last, in the folder
/// beside this program's own.
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
