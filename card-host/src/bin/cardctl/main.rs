//! `cardctl`: the prepaid electricity card from the command line.

mod arguments;
mod collect;
mod commands;
mod contents;
mod customer;
mod events;
mod local;
mod mail;
mod meter;
mod output;
mod sale;
mod tariff;
mod voucher_file;
mod workplace;

use arguments::{Arguments, Format};
use clap::Parser;
use output::Output;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.format;
    let result = commands::run(&arguments, &mut |output| print(format, output));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            match format {
                Format::Text => eprintln!("{}", customer::problem(&error, arguments.language)),
                Format::Json => eprintln!("{}", customer::problem_json(&error)),
            }
            ExitCode::FAILURE
        }
    }
}

fn print(format: Format, output: &Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Text => writeln!(out, "{}", output.text)?,
        Format::Json => writeln!(out, "{}", output.json)?,
    }
    out.flush()
}
