//! `cardctl`: the prepaid electricity card from the command line.

mod alerts;
mod arguments;
mod audit;
mod books;
mod collect;
mod commands;
mod contents;
mod customer;
mod events;
mod issue;
mod ledger;
mod local;
mod mail;
mod meter;
mod output;
mod sale;
mod serve;
mod tariff;
mod voucher_file;
mod workplace;

use arguments::{Arguments, Format};
use clap::Parser;
use output::Output;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.repeats = arguments.request.is_some();
    let database = std::env::var("CARDCTL_DATABASE").ok().filter(|url| !url.is_empty());
    arguments.database = arguments.database.take().or(database);
    let format = arguments.format;
    let result = commands::named(&mut arguments)
        .and_then(|()| commands::run(&arguments, &mut |output| print(format, output)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let request = arguments.request.as_ref().filter(|_| error.is_passing());
            match format {
                Format::Text => eprintln!("{}", customer::problem(&error, arguments.language, request)),
                Format::Json => eprintln!("{}", customer::problem_json(&error, request)),
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
