//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use local::cli::BuildArgs;
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
