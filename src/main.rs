//! The `kubectl stateful` command: parse, run, say how it ended.

use std::process::ExitCode;

use clap::Parser;
use kubectl_stateful::cli::Cli;
use kubectl_stateful::operate::exit::ExitClass;
use kubectl_stateful::operate::failure::CommandError;
use kubectl_stateful::words;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return ExitCode::from(words::usage(&answer)),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return ExitCode::from(words::failed(&CommandError::new(ExitClass::Error, format!("cannot start: {error}"))));
        }
    };
    match runtime.block_on(cli.run()).and_then(|()| words::written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(words::failed(&error)),
    }
}
