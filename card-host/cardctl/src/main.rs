//! `cardctl`: the prepaid electricity card from the command line. Arguments (`cli`) become plain values and a `context`; `commands` work with
//! these and return what `view` prints, for people or as JSON; `ending` says what has happened.

mod cli;
mod commands;
mod context;
mod dispatch;
mod ending;
mod local;
mod say;
mod view;
mod words;

use cli::Arguments;
use cli::parse::{Unparsed, parse};
use commands::Error;
use ending::Ending;
use std::process::ExitCode;
use std::sync::Arc;
use view::Printer;

fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    match parse(&typed) {
        Ok(arguments) => run(arguments),
        Err(unparsed) => {
            let ending = Ending::from(&unparsed);
            match unparsed {
                // As clap prints it: in colours on a terminal. Whether anybody reads it does not matter.
                Unparsed::Asked(help) => drop(help.print()),
                Unparsed::Wrong(said) => say::problem(&said),
            }
            ending
        }
    }
    .into()
}

fn run(mut arguments: Arguments) -> Ending {
    if arguments.quiet {
        say::be_quiet();
    }
    say::speak(arguments.language);
    let printer = Printer { format: arguments.format, language: arguments.language };
    let context = arguments.context();
    let request = context.as_ref().ok().map(|context| Arc::clone(&context.request));
    let result = context.map_err(Error::from).and_then(|context| dispatch::run(&context, printer, arguments));
    match result {
        Ok(true) => Ending::Done,
        Ok(false) => Ending::Found,
        Err(error) => {
            let request = request.as_ref().and_then(|request| request.seen());
            let problem = error.problem(request);
            say::problem(&printer.format(&problem).unwrap_or_else(|_| error.to_string()));
            error.ending(request.is_some())
        }
    }
}
