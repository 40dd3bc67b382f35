//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use lab::lists::Table;
use lab::load::MIN_REQUESTS;

use local::binaries::{self, Profile};
use local::cli::BuildArgs;
use local::faults::Rates;

/// Measures and stress-tests the Tasks API.
#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lets many users work at once, and compares the stored tasks with the replies
    /// that each user got
    Soak(Soak),
    /// Measures what lists cost for users with few and with many tasks (Linux only;
    /// about 4 GB of data)
    Lists(Lists),
    /// Measures what each function costs: size, instructions, memory, requests to
    /// DynamoDB (Linux only, with valgrind)
    Costs(Costs),
    /// Measures what a batch of creates saves, compared with a request for each
    Batches(Batches),
    /// Measures what it costs to export, erase and import all that a user has
    AccountData(AccountData),
    /// Measures the throughput and latency of the local server
    Throughput(Throughput),
    /// Sends a bounded load to a running API, such as a deployed one, and measures its
    /// throughput and latency. SMOKE_SECRET or SMOKE_TOKEN says who sends it, as for
    /// scripts/smoke.sh
    Load(Load),
}

#[derive(Args)]
pub(crate) struct Soak {
    /// How long to run
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// How many users
    #[arg(long, default_value_t = 20)]
    pub(crate) users: usize,
    /// Faults between the functions and DynamoDB, such as lost-reply=0.05
    #[arg(long, value_name = "RATES")]
    pub(crate) faults: Option<Rates>,
    /// How often to kill a random process of a function, such as 2s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) kill_every: Option<Duration>,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

#[derive(Args)]
pub(crate) struct Lists {
    /// Only measure these tables
    #[arg(value_enum)]
    pub(crate) tables: Vec<Table>,
    /// The number of tasks of each user
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10_000, 1_000_000],
          value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) tasks: Vec<u32>,
    /// The data folder, which is kept for the next run
    /// [default: .local/lists in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Write the tables and the plot into docs/
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct Batches {
    /// How often to measure each way
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// How long each reply of DynamoDB takes in addition, as within an AWS region
    #[arg(long, value_name = "TIME", default_value = "4ms", value_parser = humantime::parse_duration)]
    pub(crate) latency: Duration,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct AccountData {
    /// How many tasks the users have
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000])]
    pub(crate) tasks: Vec<u32>,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct Throughput {
    /// The numbers of concurrent users to measure with
    // Each user has two open files in this process, and 1,024 is a common limit.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100],
          value_parser = clap::value_parser!(u16).range(1..=300))]
    pub(crate) concurrency: Vec<u16>,
    /// How long to measure each endpoint with each number of users
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Write the table and the plot into docs/
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct Load {
    /// The URL of the API, such as https://api.example.com
    pub(crate) url: String,
    /// How many requests to send at most, divided evenly between the endpoints
    #[arg(long, default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(i64::from(MIN_REQUESTS)..=100_000))]
    pub(crate) requests: u32,
    /// How long to send requests at most
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// How many requests to send at once
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) concurrency: u16,
    /// Names the host, which any but this machine requires
    #[arg(long, value_name = "HOST")]
    pub(crate) confirm: Option<String>,
}

#[derive(Args)]
pub(crate) struct Costs {
    /// Only measure these functions, such as get-task
    pub(crate) functions: Vec<String>,
    /// How many processes to measure for each request
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// Also measure latencies by memory size (needs root)
    #[arg(long)]
    pub(crate) memory_sizes: bool,
    /// Do not count instructions, which needs valgrind
    #[arg(long)]
    pub(crate) no_instructions: bool,
    /// Keep callgrind's output files in this folder, for callgrind_annotate
    #[arg(long, value_name = "DIR", conflicts_with = "no_instructions")]
    pub(crate) profiles: Option<PathBuf>,
    /// Write the tables and the plots into docs/
    #[arg(long, conflicts_with = "no_instructions")]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

/// Measurements always use release builds, as they are deployed.
#[derive(Args)]
pub(crate) struct ReleaseArgs {
    /// Use the functions of the last build
    #[arg(long)]
    no_build: bool,
}

impl ReleaseArgs {
    pub(crate) fn binaries(&self, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
        binaries::find(names, Profile::Release, self.no_build)
    }
}
