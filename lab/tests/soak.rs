//! A soak, as its command runs it.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

use std::process::Command;

use local::binaries::{self, Profile};
use local::settings::Settings;

/// A command of `cargo run -p lab`, with none of a developer's settings.
fn command(arguments: &[&str]) -> Command {
    let template = Settings::default().template().unwrap();
    binaries::build(&template.names(), Profile::Test).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).arg("--no-build");
    // Empty means unset, and goes before a developer's .env.
    for variable in template.variables().into_iter().chain(["BETTER_AUTH_URL"]) {
        command.env(variable, "");
    }
    command
}

#[test]
fn a_soak_with_faults_and_killed_functions_finds_nothing_wrong() {
    let faults = "lost-reply=0.05,throttle=0.05,drop=0.03,error=0.02,cut=0.02,garbage=0.02";
    let arguments =
        ["soak", "--seconds", "4", "--users", "6", "--kill-every", "1s", "--faults", faults];
    let output = command(&arguments).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(told.contains(" fault: lost-reply") && told.ends_with("  0  violations\n"), "{told}");
}
