//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use local::binaries::{self, Profile};
use local::cli::BuildArgs;
use local::faults::Rates;

/// Measures the Tasks API on this machine, and looks for faults in it.
#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lets many users do everything at once, and compares what is stored with
    /// what each was told
    Soak(Soak),
    /// Measures what lists cost users with few and with many tasks (Linux only;
    /// about 4 GB of data)
    Lists(Lists),
    /// Measures what each function costs: size, instructions, memory, requests to
    /// DynamoDB (Linux only, with valgrind)
    Costs(Costs),
    /// Measures how many requests the local server answers, and how fast
    Throughput(Throughput),
}

#[derive(Args)]
pub(crate) struct Soak {
    /// For how long
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// How many users
    #[arg(long, default_value_t = 20)]
    pub(crate) users: usize,
    /// Faults between the functions and DynamoDB, such as lost-reply=0.05
    #[arg(long, value_name = "RATES")]
    pub(crate) faults: Option<Rates>,
    /// Kill a process of a function now and then, such as every 2s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) kill_every: Option<Duration>,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

#[derive(Args)]
pub(crate) struct Lists {
    /// How many tasks the users have
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10_000, 1_000_000],
          value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) tasks: Vec<u32>,
    /// The folder of the data, which is kept for the next time
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
pub(crate) struct Throughput {
    /// How many users ask at once, one number after the other
    // Each has two open files in this process, which may often have 1,024.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100],
          value_parser = clap::value_parser!(u16).range(1..=300))]
    pub(crate) concurrency: Vec<u16>,
    /// How long each endpoint is asked, for each of these numbers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Write the table and the plot into docs/
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct Costs {
    /// Only these, such as get-task
    pub(crate) functions: Vec<String>,
    /// How many processes of each are measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// Also measure how fast the memory sizes are (as root)
    #[arg(long)]
    pub(crate) memory_sizes: bool,
    /// Do not count instructions, which needs valgrind
    #[arg(long)]
    pub(crate) no_instructions: bool,
    /// Keep what callgrind writes, for callgrind_annotate
    #[arg(long, value_name = "DIR", conflicts_with = "no_instructions")]
    pub(crate) profiles: Option<PathBuf>,
    /// Write the tables and the plots into docs/
    #[arg(long, conflicts_with_all = ["functions", "no_instructions"])]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

/// What is measured are the functions as they are deployed.
#[derive(Args)]
pub(crate) struct ReleaseArgs {
    /// Take the functions as they were built last
    #[arg(long)]
    no_build: bool,
}

impl ReleaseArgs {
    pub(crate) fn binaries(&self, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
        binaries::find(names, Profile::Release, self.no_build)
    }
}
