//! `cardctl`: the prepaid electricity card from the command line.

mod cli;
mod commands;
mod context;
mod local;
mod view;

use clap::Parser;
use cli::{Arguments, Format};
use std::io::Write;
use std::process::ExitCode;
use view::Output;

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
                Format::Text => eprintln!("{}", view::customer::problem(&error, arguments.language, request)),
                Format::Json => eprintln!("{}", view::customer::problem_json(&error, request)),
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
