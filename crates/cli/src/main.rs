//! `keyferry`: moves passkeys from one WebAuthn server to another, and proves that every user can still log in.

use std::process::ExitCode;

use clap::Parser as _;

/// Records are made on one thread and freed on another, by the million, which the system's allocator takes badly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod aaguids;
mod args;
mod describe;
mod export;
mod files;
mod generate;
mod inspect;
mod json;
mod keep;
mod login_lines;
mod output;
mod probe;
mod progress;
mod rejects;
mod replay;
mod secrets;
mod server;
mod spool;
mod tables;
mod tally;
mod targets;
mod transfer;
mod user_handles;

use args::{Cli, Command};

fn main() -> ExitCode {
    if let Err(error) = secrets::hide() {
        output::stopped(&error);
        return ExitCode::from(2);
    }
    let cli = Cli::try_parse().unwrap_or_else(|error| secrets::without_addresses(error).exit());
    let finished = match &cli.command {
        Command::Inspect(args) => inspect::run(args),
        Command::Plan(args) => transfer::run(keyferry_core::Mode::Plan, args),
        Command::Import(args) => transfer::run(keyferry_core::Mode::Apply, args),
        Command::Verify(args) => transfer::run(keyferry_core::Mode::Verify, args),
        Command::Probe(args) => probe::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Checksum(args) => export::checksum(args),
        Command::Schema(args) => {
            let table = args.table.clone().unwrap_or_else(keyferry_sql::TableName::own);
            output::data(&keyferry_sql::schema_of(args.dialect.into(), &table)).map(|()| true)
        }
        Command::Maps(args) => tables::print(args.name.as_deref()),
        Command::Generate(args) => generate::run(args),
    };
    match finished {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            output::stopped(&error);
            ExitCode::from(2)
        }
    }
}
