//! From what was typed, the environment and the settings file to arguments.

use card_core::numerals::{DECIMAL, NumberError, THOUSANDS, decimal, digit, western};
use card_core::text::Language;
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

use super::arabic::{framed, in_language};
use super::settings::{self, File, NoSettings};
use super::{Arguments, values};
use crate::ending::Ending;
use crate::view::config::Source;
use crate::view::problem::Problem;
use crate::view::{Format, Printer};

/// What was typed is not understood; or it was asked what can be typed.
pub(crate) enum Unparsed {
    /// Help or the version, for standard output.
    Asked(Help),
    /// It is wrong, for standard error.
    Wrong(String),
}

/// What was asked for, as clap has written it.
pub(crate) struct Help {
    said: clap::Error,
    language: Language,
}

impl Help {
    /// Prints it: in colours on a terminal.
    pub(crate) fn print(&self) -> std::io::Result<()> {
        match self.language {
            Language::English => self.said.print(),
            Language::Arabic => {
                let said = self.said.render();
                let said = if console::colors_enabled() { said.ansi().to_string() } else { said.to_string() };
                std::io::stdout().write_all(framed(&said).as_bytes())
            }
        }
    }
}

/// The command line with all that it knows: environment, settings file, examples, and the options of every command in a place of their own.
pub(super) fn command(file: &File, language: Language) -> Result<Command, NoSettings> {
    let command = Arguments::command().mut_arg("language", |arg| arg.default_value(locale()));
    Ok(in_language(examples_and_options(settings::apply(command, file)?), language))
}

/// What is the same in all commands is told by `help options` only.
fn examples_and_options(command: Command) -> Command {
    let of_all = |arg: &&Arg| arg.is_global_set();
    let shown: Vec<_> = command.get_arguments().filter(of_all).cloned().collect();
    let command = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    let command = command.mut_subcommand("options", |options| options.args(shown));
    super::examples::add(command)
}

/// The same for programs that complete: with all options everywhere.
pub(crate) fn for_completion() -> Command {
    super::examples::add(Arguments::command())
}

/// The same for manual pages.
pub(crate) fn for_manual() -> Command {
    let command = Arguments::command();
    // No file names an option that there is not.
    let command = settings::apply(command, &File::default()).unwrap_or_else(|_| Arguments::command());
    examples_and_options(command)
}

/// A number or a date in Arabic or Persian digits, alone or behind `--option=`, in western ones. What has other letters stays as it was typed.
fn in_western_digits(argument: &OsString) -> OsString {
    let Some(text) = argument.to_str() else { return argument.clone() };
    let (option, value) = match text.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (text.len() - value.len(), value),
        _ => (0, text),
    };
    let belongs = |letter: char| {
        digit(letter).is_some() || matches!(letter, DECIMAL | THOUSANDS | '-' | '+' | '.' | ':' | '/')
    };
    if !value.chars().all(belongs) || value.is_ascii() || decimal_groups_are_wrong(value) {
        return argument.clone();
    }
    let kept = text.get(..option).unwrap_or_default();
    kept.chars().chain(western(value)).collect::<String>().into()
}

/// What is written in groups that are not of three is not understood, instead of being put together.
fn decimal_groups_are_wrong(value: &str) -> bool {
    value.contains(THOUSANDS)
        && decimal(value.trim_start_matches('-'), u32::MAX).is_err_and(|e| e == NumberError::NotANumber)
}

/// The arguments of this program.
pub(crate) fn parse(typed: &[OsString]) -> Result<Arguments, Unparsed> {
    let typed = &typed.iter().map(in_western_digits).collect::<Vec<_>>()[..];
    let wrong = |error: &NoSettings| {
        Unparsed::Wrong(said(typed, early_language(typed), &error.to_string(), error.arabic()))
    };
    let file = File::find(settings::early(typed, "config").map(PathBuf::from)).map_err(|e| wrong(&e))?;
    let language = file.language().filter(|_| settings::early(typed, "language").is_none());
    let language = language.unwrap_or_else(|| early_language(typed));
    let mut command = command(&file, language).map_err(|error| wrong(&error))?;
    let parsed = command.try_get_matches_from_mut(typed).and_then(|matches| {
        let mut arguments = Arguments::from_arg_matches(&matches)?;
        arguments.settings = shown(&command, &matches, &file);
        arguments.file = file.path.clone();
        Ok(arguments)
    });
    parsed.map_err(|error| match error.use_stderr() {
        false => Unparsed::Asked(Help { said: error, language }),
        true => Unparsed::Wrong(said(typed, language, &plain(&error, &file), arabic(&error))),
    })
}

fn shown(command: &Command, matches: &ArgMatches, file: &File) -> Vec<crate::view::config::Setting> {
    let mut settings = settings::show(command, matches, file);
    for setting in &mut settings {
        if setting.key == "language" && setting.source == Source::BuiltIn && locale() != "en" {
            setting.source = Source::Locale;
        }
    }
    settings
}

/// The language of the environment's locale.
fn locale() -> &'static str {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    let set = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let code = set.split(['_', '.', '@']).next().unwrap_or_default();
    Language::from_code(code).unwrap_or_default().code()
}

/// What clap says of it, without its colours, and which file may be meant.
fn plain(error: &clap::Error, file: &File) -> String {
    let text = error.render().to_string();
    match &file.path {
        Some(path) if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) => {
            format!("{text}\nSettings are also in {}: `cardctl config show`", path.display())
        }
        _ => text,
    }
}

/// The language that was asked for, as far as that is known before anything is parsed.
fn early_language(typed: &[OsString]) -> Language {
    let early = settings::early(typed, "language").and_then(|value| value.into_string().ok());
    values::language(&early.unwrap_or_else(|| locale().to_owned())).unwrap_or_default()
}

/// What is wrong, in the form and language that was asked for.
fn said(typed: &[OsString], language: Language, text: &str, arabic: String) -> String {
    let format = settings::early(typed, "format").is_some_and(|format| format == "json");
    let text = text.trim_end();
    if !format && language == Language::English {
        // As clap says it, or with the name of the program.
        return if text.starts_with("error") { text.to_owned() } else { format!("cardctl: {text}") };
    }
    let format = if format { Format::Json } else { Format::Text };
    let problem = Problem::usage(text, Some(arabic));
    Printer { format, language }.format(&problem).unwrap_or_else(|_| text.to_owned())
}

/// Which part is not understood, in Arabic: what was typed stays as it is.
fn arabic(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(|value| card_core::text::isolate(value.to_string()).to_string());
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let command = context(ContextKind::InvalidSubcommand).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("القيمة {value} غير صحيحة للخيار {argument}: يرجى كتابتها كما في المساعدة")
        }
        ErrorKind::UnknownArgument => {
            format!("الخيار {argument} غير معروف: يرجى الرجوع إلى المساعدة")
        }
        ErrorKind::InvalidSubcommand => format!("الأمر {command} غير معروف: يرجى الرجوع إلى المساعدة"),
        ErrorKind::MissingRequiredArgument => format!("ينقص الأمر {argument}: يرجى كتابته"),
        ErrorKind::ArgumentConflict => {
            format!("لا يجتمع {argument} مع خيار آخر مكتوب: يرجى حذف أحدهما")
        }
        ErrorKind::InvalidUtf8 => "في الأمر حروف غير مقروءة: يرجى كتابته من جديد".to_owned(),
        _ => "الأمر غير مكتمل أو غير مفهوم: يرجى الرجوع إلى المساعدة".to_owned(),
    }
}

impl From<&Unparsed> for Ending {
    fn from(unparsed: &Unparsed) -> Self {
        match unparsed {
            Unparsed::Asked(_) => Self::Done,
            Unparsed::Wrong(_) => Self::Usage,
        }
    }
}
