//! `cardctl`: the prepaid electricity card from the command line. Arguments (`cli`) become plain values and a `context`; `commands` work with
//! these and return what `view` prints, for people or as JSON.

mod cli;
mod commands;
mod context;
mod dispatch;
mod local;
mod view;

use clap::Parser;
use cli::Arguments;
use commands::Error;
use std::process::ExitCode;
use view::Printer;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    let printer = Printer { format: arguments.format, language: arguments.language };
    let context = arguments.context();
    let request = context.as_ref().ok().map(|context| context.request.clone());
    let result =
        context.map_err(Error::from).and_then(|context| dispatch::run(&context, printer, arguments.command));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let problem = error.problem(request.as_ref());
            eprintln!("{}", printer.format(&problem).unwrap_or_else(|_| error.to_string()));
            ExitCode::FAILURE
        }
    }
}
