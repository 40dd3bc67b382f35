//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use local::binaries::{self, Profile};
use local::dynamodb::Data;
use local::faults::Rates;
use local::tables;

use crate::folder;

/// The Tasks API on this machine.
#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the API (also without any command)
    Serve(Serve),
    /// Prints a token for a user, signed with the local secret
    Token {
        /// The user: what the token's `sub` says
        user: String,
        /// How long the token is valid, such as 15m or 30days
        #[arg(long, default_value = "1day", value_parser = humantime::parse_duration)]
        expires_in: Duration,
        /// Sign with the key of `serve --jwks` instead
        #[arg(long)]
        jwks: bool,
        /// The port of the API that runs with --jwks
        #[arg(long, default_value_t = 8000, requires = "jwks")]
        port: u16,
        /// The folder of its data [default: .local in the repository]
        #[arg(long, value_name = "DIR", requires = "jwks")]
        data: Option<PathBuf>,
    },
    /// Sends one event to one function and prints the reply
    Invoke {
        /// The function, such as get-task
        name: String,
        /// A file with the event, or - for standard input [default: events/NAME.json]
        event: Option<PathBuf>,
        #[command(flatten)]
        backend: BackendArgs,
    },
    /// Lets many users do everything at once, and compares what is stored with
    /// what each was told
    Soak(Soak),
    /// Measures what lists cost users with few and with many tasks (Linux only;
    /// about 4 GB of data)
    Bench(Bench),
    /// Measures how many requests the local server answers, and how fast
    Load(Load),
    /// Measures what each function costs: size, instructions, memory, requests to
    /// DynamoDB (Linux only, with valgrind)
    Cost(Cost),
    /// Fills users' lists with tasks, the same ones each time; goes on where it
    /// was interrupted
    Seed {
        /// The user whose list it is
        #[arg(long)]
        user: String,
        /// So many users instead, with a number behind the name
        #[arg(long, default_value_t = 1)]
        users: u32,
        /// How many tasks each has then
        #[arg(long)]
        tasks: u32,
        #[command(flatten)]
        backend: BackendArgs,
    },
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
pub(crate) struct Bench {
    /// How many tasks the users have
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10_000, 1_000_000],
          value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) tasks: Vec<u32>,
    /// The folder of the data, which is kept for the next time
    /// [default: .local/bench in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Write the tables and the plot into docs/
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) build: ReleaseArgs,
}

#[derive(Args)]
pub(crate) struct Load {
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
pub(crate) struct Cost {
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

#[derive(Args)]
pub(crate) struct Serve {
    /// The port of the API; 0 for any free one
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Accept tokens of a key set, which the API publishes itself, instead of
    /// tokens that are signed with a secret
    #[arg(long)]
    pub(crate) jwks: bool,
    /// Make faults between the functions and DynamoDB, such as
    /// lost-reply=0.2,UpdateItem:throttle=0.1
    #[arg(long, value_name = "RATES")]
    pub(crate) faults: Option<Rates>,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
}

#[derive(Args)]
pub(crate) struct BackendArgs {
    /// The port of the embedded DynamoDB; 0 for any free one
    #[arg(long, default_value_t = 8001)]
    pub(crate) dynamodb_port: u16,
    /// The folder of the data [default: .local in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep the data nowhere
    #[arg(long, conflicts_with = "data")]
    pub(crate) in_memory: bool,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

#[derive(Args)]
pub(crate) struct BuildArgs {
    /// Build the functions as they are deployed
    #[arg(long)]
    release: bool,
    /// Take the functions as they were built last
    #[arg(long)]
    no_build: bool,
}

#[derive(Args)]
pub(crate) struct ReleaseArgs {
    /// Take the functions as they were built last
    #[arg(long)]
    no_build: bool,
}

impl BuildArgs {
    pub(crate) fn binaries(&self, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
        find(names, if self.release { Profile::Release } else { Profile::Dev }, self.no_build)
    }
}

impl ReleaseArgs {
    pub(crate) fn binaries(&self, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
        find(names, Profile::Release, self.no_build)
    }
}

/// The functions' binaries, built now or as they were built last.
fn find(names: &[&str], profile: Profile, no_build: bool) -> Result<BTreeMap<String, PathBuf>> {
    if no_build { binaries::built(names, profile) } else { binaries::build(names, profile) }
}

impl BackendArgs {
    pub(crate) fn data(&self) -> Data {
        if self.in_memory { Data::Memory } else { folder(self.data.clone()) }
    }

    /// The DynamoDB of a local server that is running already, if that is
    /// where the data is: two processes cannot have the same.
    pub(crate) async fn running(&self) -> Option<String> {
        if self.dynamodb_port == 0 || self.in_memory || self.data.is_some() {
            return None;
        }
        let url = format!("http://127.0.0.1:{}", self.dynamodb_port);
        tables::has_tasks(&tables::client(&url)).await.then_some(url)
    }
}
