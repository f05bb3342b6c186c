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
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use view::Printer;

/// All was done and is well, and could not be printed.
const DONE_NOT_PRINTED: u8 = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    let printer = Printer { format: arguments.format, language: arguments.language };
    let context = arguments.context();
    let request = context.as_ref().ok().map(|context| Arc::clone(&context.request));
    let result =
        context.map_err(Error::from).and_then(|context| dispatch::run(&context, printer, arguments.command));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let problem = error.problem(request.as_ref().and_then(|request| request.seen()));
            let said = printer.format(&problem).unwrap_or_else(|_| error.to_string());
            // Where this cannot be printed either, the exit code says it.
            let _ = writeln!(std::io::stderr(), "{said}");
            if error.is_done() { ExitCode::from(DONE_NOT_PRINTED) } else { ExitCode::FAILURE }
        }
    }
}
