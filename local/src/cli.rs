//! What the command lines of this crate and `lab` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::binaries::{self, Profile};

/// Which functions a command runs.
#[derive(Args, Debug)]
pub struct BuildArgs {
    /// Build the functions as they are deployed
    #[arg(long)]
    release: bool,
    /// Use the functions of the last build
    #[arg(long)]
    no_build: bool,
}

impl BuildArgs {
    /// The binaries of the functions `names`.
    ///
    /// # Errors
    ///
    /// As [`binaries::find`].
    pub fn binaries(&self, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
        let profile = if self.release { Profile::Release } else { Profile::Dev };
        binaries::find(names, profile, self.no_build)
    }
}

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "the commands print their results")]
pub fn say(text: &str) {
    println!("{text}");
}

/// A progress bar for storing `all` tasks.
///
/// # Errors
///
/// If its template is malformed.
pub fn task_bar(all: u64) -> Result<ProgressBar> {
    Ok(ProgressBar::new(all).with_style(ProgressStyle::with_template(
        "{wide_bar} {human_pos}/{human_len} tasks  {per_sec}  {eta} left",
    )?))
}

/// A counter for an unknown number of tasks.
///
/// # Errors
///
/// If its template is malformed.
pub fn task_counter() -> Result<ProgressBar> {
    Ok(ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {human_pos} tasks  {per_sec}")?))
}

/// Waits for Ctrl-C, or for SIGTERM from another program.
///
/// # Errors
///
/// If the process cannot receive signals.
pub async fn stop_signal() -> Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
