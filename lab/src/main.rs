//! `cargo run -p lab`: measures and stress-tests the API.

mod arguments;
mod commands;

use anyhow::Result;
use clap::Parser;
use local::settings::Settings;

use arguments::{Cli, Command};

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let settings = Settings::from_env()?;
    match cli.command {
        Command::AccountData(arguments) => commands::account_data(settings, arguments).await,
        Command::Batches(arguments) => commands::batches(settings, arguments).await,
        Command::Soak(arguments) => commands::soak(settings, arguments).await,
        Command::Lists(arguments) => commands::lists(settings, arguments).await,
        Command::Costs(arguments) => commands::costs(arguments).await,
        Command::Throughput(arguments) => commands::throughput(settings, arguments).await,
        Command::Load(arguments) => commands::load(&settings, &arguments).await,
    }
}
