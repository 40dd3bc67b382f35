//! What each function costs: its size, and the work that it does at startup, for its first
//! request and for every further one.
//!
//! The functions are release builds, as they are deployed. They run over the Lambda Runtime
//! API in the environment that Lambda sets, with the embedded DynamoDB behind TLS. callgrind
//! counts the instructions, the kernel and the proxy measure the rest.

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

/// How many warm requests a process answers, if they are short.
const WARM: u32 = 200;

/// What one function costs with one kind of request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The name of the measured request, such as `get-task`. It is `subject` in JSON, to
    /// keep earlier files readable.
    #[serde(rename = "subject")]
    pub request: String,
    /// Bytes of the binary, without symbols.
    pub size: u64,
    /// Bytes of the binary in a ZIP file.
    pub zipped: u64,
    /// Instructions, if they were counted.
    pub instructions: Option<Instructions>,
    /// Everything else.
    pub native: Native,
}

/// Instructions of a process in user space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// From its start until it asks for the first request.
    pub init: u64,
    /// For the first request.
    pub first: u64,
    /// For a warm request: the mean.
    pub warm: u64,
    /// As `init`, while DynamoDB cannot be reached.
    pub init_unwarmed: u64,
    /// As `first`, after such a start.
    pub first_unwarmed: u64,
}

/// What the kernel and the proxy measure: medians of several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// Milliseconds from the start until it asks for the first request.
    pub init_ms: f64,
    /// Milliseconds of processor time until then.
    pub init_cpu_ms: f64,
    /// Milliseconds of processor time for the first request.
    pub first_cpu_ms: f64,
    /// Milliseconds of processor time for a warm request: the mean.
    pub warm_cpu_ms: f64,
    /// The peak memory after all requests, in kilobytes.
    pub peak_memory: u64,
    /// The number of threads after all requests.
    pub threads: u64,
    /// Requests to DynamoDB for one request.
    pub calls: f64,
    /// What they cost, in request units.
    pub units: f64,
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many processes to measure for each request.
    pub runs: usize,
    /// Whether to count instructions, which needs valgrind.
    pub counts_instructions: bool,
    /// The folder that keeps callgrind's files, if any.
    pub profiles: Option<PathBuf>,
}

/// Measures each of `requests`. `binaries` holds the binaries of their functions.
///
/// # Errors
///
/// If a function does not answer as expected, or this is not Linux.
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

/// The size of a file, and its compressed size in a ZIP file.
fn sizes(path: &Path) -> Result<(u64, u64)> {
    let content = fs::read(path).with_context(|| path.display().to_string())?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content)?;
    Ok((content.len() as u64, encoder.finish()?.len() as u64))
}
