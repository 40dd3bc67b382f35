//! Runs the soak command.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

use std::process::Command;

use local::binaries::{self, Profile};
use local::settings::Settings;

/// A command of `cargo run -p lab`, without the developer's settings.
fn command(arguments: &[&str]) -> Command {
    let template = Settings::default().template().unwrap();
    binaries::build(&template.names(), Profile::Test).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).arg("--no-build");
    // Empty means unset, and overrides a developer's .env.
    for variable in template.variables().into_iter().chain(["BETTER_AUTH_URL"]) {
        command.env(variable, "");
    }
    command
}

#[test]
fn a_soak_with_faults_and_killed_functions_finds_no_violations() {
    let faults = "lost-reply=0.05,throttle=0.05,drop=0.03,error=0.02,cut=0.02,garbage=0.02";
    let arguments =
        ["soak", "--seconds", "4", "--users", "6", "--kill-every", "1s", "--faults", faults];
    let output = command(&arguments).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(report.contains(" fault: lost-reply"), "{report}");
    assert!(report.ends_with("  0  violations\n"), "{report}");
    let template = Settings::default().template().unwrap();
    for name in template.names().into_iter().filter(|name| *name != "docs") {
        assert!(report.contains(name), "{name} is not part of the soak: {report}");
    }
}
