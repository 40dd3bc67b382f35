//! `cargo run -p lab`: measures the API on this machine, and looks for faults in it.

mod arguments;
mod commands;

use anyhow::Result;
use clap::Parser;
use local::settings::Settings;

use arguments::{Cli, Command};

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Soak(arguments) => commands::soak(Settings::from_env()?, arguments).await,
        Command::Lists(arguments) => commands::lists(Settings::from_env()?, arguments).await,
        Command::Costs(arguments) => commands::costs(arguments).await,
        Command::Throughput(arguments) => {
            commands::throughput(Settings::from_env()?, arguments).await
        }
    }
}
