//! What each function costs: its size, and what it does when it starts, for its
//! first request and for every further one.
//!
//! The functions are those that are deployed, started over the Lambda Runtime API
//! in the environment that Lambda gives them, with the embedded DynamoDB behind
//! TLS. Instructions are counted by callgrind, everything else by the kernel.

mod budget;
mod instructions;
mod memory_sizes;
mod native;
mod plot;
mod report;
mod requests;
mod stage;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use local::settings::Settings;
use serde::{Deserialize, Serialize};

pub use budget::over_budget;
pub use memory_sizes::{Sizes, measure_sizes};
pub use report::{Report, write};
pub use requests::{MeasuredRequest, measured_requests};

/// How many requests a warm function answers while it is measured.
const WARM: u32 = 200;

/// What one function costs with one kind of request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The name of the measured request, such as `get-task`. In JSON it is `subject`: so
    /// the costs that were written last stay readable.
    #[serde(rename = "subject")]
    pub request: String,
    /// Bytes of the binary, without symbols.
    pub size: u64,
    /// Bytes of the binary in a ZIP file.
    pub zipped: u64,
    /// Instructions, if they were counted.
    pub instructions: Option<Instructions>,
    /// The rest.
    pub native: Native,
}

/// Instructions of a process, without those of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// From its start until it asks for the first request.
    pub init: u64,
    /// For the first request.
    pub first: u64,
    /// For a further one: the mean.
    pub warm: u64,
    /// As `init`, if DynamoDB cannot be reached meanwhile.
    pub init_unwarmed: u64,
    /// As `first`, after that.
    pub first_unwarmed: u64,
}

/// What the kernel and DynamoDB tell: medians of several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// Milliseconds from the start until it asks for the first request.
    pub init_ms: f64,
    /// Milliseconds on a processor until then.
    pub init_cpu_ms: f64,
    /// The same for the first request.
    pub first_cpu_ms: f64,
    /// The same for a further one: the mean.
    pub warm_cpu_ms: f64,
    /// The most memory at the end, in kilobytes.
    pub peak_memory: u64,
    /// How many threads it has at the end.
    pub threads: u64,
    /// Requests to DynamoDB for each of its own.
    pub calls: f64,
    /// What they cost, in request units.
    pub units: f64,
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many processes are measured for each request.
    pub runs: usize,
    /// Whether instructions are counted, which needs valgrind.
    pub counts_instructions: bool,
    /// Where callgrind's files are kept, if at all.
    pub profiles: Option<PathBuf>,
}

/// Measures each of `requests`, whose functions have these `binaries`.
///
/// # Errors
///
/// If a function does not answer as it should, or this is not Linux.
pub async fn measure(
    settings: &Settings,
    binaries: &BTreeMap<String, PathBuf>,
    requests: &[MeasuredRequest],
    plan: &Plan,
    progress: impl Fn(&str),
) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for request in requests {
        let binary = binaries.get(request.function).context("a binary")?;
        progress(request.name);
        let (size, zipped) = sizes(binary)?;
        let instructions = match plan.counts_instructions {
            false => None,
            true => Some(instructions::count(settings, request, binary, plan).await?),
        };
        let native = native::measure(settings, request, binary, plan.runs).await?;
        let request = request.name.to_owned();
        costs.push(Cost { request, size, zipped, instructions, native });
    }
    Ok(costs)
}

/// The size of a file, and what is left of it in a ZIP file.
fn sizes(path: &Path) -> Result<(u64, u64)> {
    let content = fs::read(path).with_context(|| path.display().to_string())?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content)?;
    Ok((content.len() as u64, encoder.finish()?.len() as u64))
}
