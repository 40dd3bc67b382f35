//! Counts instructions with callgrind.
//!
//! <https://valgrind.org/docs/manual/cl-manual.html>

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::lambda::PATH;
use local::settings::Settings;
use tempfile::TempDir;
use tokio::process::Command;

use super::stage::Stage;
use super::{Instructions, MeasuredRequest, Plan};
use crate::procfs;

/// How long a process must be idle. Under callgrind everything takes fifty times as long,
/// including the last steps of what is counted.
const QUIET: Duration = Duration::from_millis(100);

/// Counts the instructions of two processes: one that starts with DynamoDB, and one that
/// starts without.
pub(super) async fn count(
    settings: &Settings,
    request: &MeasuredRequest,
    binary: &Path,
    plan: &Plan,
) -> Result<Instructions> {
    let mut run = Run::new(settings, request, binary).await?;
    let process = run.stage.start().await?;
    let init = run.read(process, "init").await?;
    run.stage.invoke().await?;
    let first = run.read(process, "first").await?;
    for _ in 0..request.warm {
        run.stage.invoke().await?;
    }
    let warm = run.read(process, "warm").await? / u64::from(request.warm);
    if let Some(folder) = &plan.profiles {
        run.keep(folder, request.name)?;
    }
    run.stage.stop().await;

    let (mut init_unwarmed, mut first_unwarmed) = (init, first);
    if request.has_store() {
        let mut run = Run::new(settings, request, binary).await?;
        let process = run.stage.start_unwarmed().await?;
        init_unwarmed = run.read(process, "init").await?;
        run.stage.invoke().await?;
        first_unwarmed = run.read(process, "first").await?;
        run.stage.stop().await;
    }
    Ok(Instructions { init, first, warm, init_unwarmed, first_unwarmed })
}

/// A function under callgrind.
struct Run {
    stage: Stage,
    /// The folder of callgrind's files. Each holds the counts since the one before.
    folder: TempDir,
    /// The names of the files so far.
    parts: Vec<&'static str>,
}

impl Run {
    async fn new(settings: &Settings, request: &MeasuredRequest, binary: &Path) -> Result<Run> {
        let folder = TempDir::new()?;
        let file = folder.path().join("part");
        let wrapper = vec![
            "valgrind".to_owned(),
            "--tool=callgrind".to_owned(),
            "--quiet".to_owned(),
            format!("--callgrind-out-file={}", file.display()),
            prefix(&folder),
        ];
        let stage = Stage::new(settings, request, binary, wrapper).await?;
        Ok(Run { stage, folder, parts: Vec::new() })
    }

    /// Waits until the process is idle, and returns the instructions since the last call.
    async fn read(&mut self, process: u32, name: &'static str) -> Result<u64> {
        procfs::settled(process, QUIET).await?;
        let output = Command::new("vgdb")
            // The names of its pipes depend on variables that the function does not have.
            .env_clear()
            .env("PATH", PATH)
            .args([&prefix(&self.folder), &format!("--pid={process}"), "dump", name])
            .output()
            .await
            .context("running vgdb, which is part of valgrind")?;
        if !output.status.success() {
            bail!("vgdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        self.parts.push(name);
        let path = self.folder.path().join(format!("part.{}", self.parts.len()));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        total(&text).context("callgrind's file has no total")
    }

    /// Copies callgrind's files for its own tools.
    fn keep(&self, folder: &Path, request: &str) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (number, part) in (1..).zip(&self.parts) {
            let name = format!("{}.{part}", request.replace([',', ' '], "-"));
            fs::copy(self.folder.path().join(format!("part.{number}")), folder.join(name))?;
        }
        Ok(())
    }
}

/// The option that lets valgrind and `vgdb` find each other.
fn prefix(folder: &TempDir) -> String {
    format!("--vgdb-prefix={}", folder.path().join("vgdb").display())
}

/// Parses the total number of instructions in a callgrind file.
fn total(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    line?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_is_found_wherever_callgrind_writes_it() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 42\n\nfn=(1) main\n"), Some(42));
        assert_eq!(total("fn=(1) main\n3 7\n\ntotals: 1234\n"), Some(1234));
        assert_eq!(total("fn=(1) main\n"), None);
    }
}
