//! Help in Arabic: the texts of commands and options from one table, and clap's own words.

mod texts;

use card_core::text::Language;
use clap::{Arg, ArgAction, Command};

use texts::{ARGUMENTS, COMMANDS};

/// The text of a command, by its path such as `ledger debit`; the first paragraph is its short form.
fn of_command(path: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

/// The text of an argument: of that command, else of the nearest one above it that has one.
fn of_argument(path: &str, name: &str) -> Option<&'static str> {
    let mut at = path;
    loop {
        let found = ARGUMENTS.iter().find(|(command, known, _)| *command == at && *known == name);
        match (found, at) {
            (Some((.., text)), _) => return Some(text),
            (None, "") => return None,
            (None, _) => at = at.rsplit_once(' ').map_or("", |(above, _)| above),
        }
    }
}

/// What an argument is called in the table.
fn name(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}"))
}

/// The help of a command and those below it, in the language.
pub(super) fn in_language(command: Command, language: Language) -> Command {
    match language {
        Language::English => command,
        Language::Arabic => below(command, &mut Vec::new()),
    }
}

fn below(command: Command, path: &mut Vec<String>) -> Command {
    let at = path.join(" ");
    let command = match of_command(&at) {
        Some(text) => {
            let short = text.split("\n\n").next().unwrap_or_default();
            let command = command.about(short);
            if short == text { command } else { command.long_about(text) }
        }
        None => command,
    };
    let command = command.mut_args(|arg| match of_argument(&at, &name(&arg)) {
        Some(text) => {
            let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            // What a value may be is in the text.
            let arg = if takes { arg.hide_possible_values(true) } else { arg };
            arg.help(text).long_help(text)
        }
        None => arg,
    });
    command.mut_subcommands(|sub| {
        path.push(sub.get_name().to_owned());
        let sub = below(sub, path);
        path.pop();
        sub
    })
}

/// What clap itself writes into help, and headings of ours.
const FRAME: &[(&str, &str)] = &[
    ("Print this message or the help of the given subcommand(s)", "عرض المساعدة، أو مساعدة أمر بعينه"),
    ("Print help (see more with '--help')", "عرض المساعدة (والتفاصيل مع --help)"),
    ("Print help (see a summary with '-h')", "عرض المساعدة (والملخص مع -h)"),
    ("Print help", "عرض المساعدة"),
    ("Print version", "عرض إصدار البرنامج"),
    ("Options of every command: ", "خيارات كل الأوامر: "),
    ("Usage:", "الاستخدام:"),
    ("Commands:", "الأوامر:"),
    ("Options:", "الخيارات:"),
    ("Arguments:", "المدخلات:"),
    ("Examples:", "أمثلة:"),
    ("Where:", "المكان:"),
    ("How it is said:", "طريقة العرض:"),
    ("Ledger:", "الدفاتر:"),
    ("[OPTIONS]", "[خيارات]"),
    ("<COMMAND>", "<أمر>"),
    ("[COMMAND]", "[أمر]"),
    ("[default: ", "[المعتاد: "),
    ("[env: ", "[متغير البيئة: "),
];

/// Help as clap has written it, with these in Arabic.
pub(super) fn framed(help: &str) -> String {
    FRAME.iter().fold(help.to_owned(), |help, (english, arabic)| help.replace(english, arabic))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::super::parse::command;
    use super::super::settings::File;
    use super::*;
    use crate::words::{is_arabic, latin};

    fn all(command: &Command, path: &str, commands: &mut Vec<String>, arguments: &mut Vec<[String; 3]>) {
        let about = command.get_long_about().or_else(|| command.get_about());
        commands.push(path.to_owned());
        assert!(about.is_some(), "{path} has no help");
        for arg in
            command.get_arguments().filter(|arg| !["--help", "--version"].contains(&name(arg).as_str()))
        {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arguments.push([path.to_owned(), name(arg), help]);
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            all(sub, format!("{path} {}", sub.get_name()).trim(), commands, arguments);
        }
    }

    /// Every command and every option has its text in Arabic, and there is no text without one.
    #[test]
    fn each_command_and_option_is_explained_in_arabic() {
        let (mut commands, mut arguments) = (Vec::new(), Vec::new());
        all(&command(&File::default(), Language::English).unwrap(), "", &mut commands, &mut arguments);
        let mut missing: Vec<_> = commands
            .iter()
            .filter(|path| of_command(path).is_none())
            .map(|path| format!("    (\"{path}\", \"\"),"))
            .collect();
        missing.extend(
            arguments
                .iter()
                .filter(|[path, name, _]| of_argument(path, name).is_none())
                .map(|[path, name, help]| format!("    (\"{path}\", \"{name}\", \"\"), // {help}")),
        );
        assert!(missing.is_empty(), "cli/arabic/texts.rs lacks:\n{}", missing.join("\n"));
        for (path, text) in COMMANDS {
            assert!(commands.iter().any(|known| known == path), "there is no command `{path}`");
            assert_eq!(latin(text), Vec::<String>::new(), "{path}: {text}");
            assert!(is_arabic(text), "{path}");
        }
        for (path, name, text) in ARGUMENTS {
            let is_used = arguments.iter().any(|[of, known, _]| {
                known == name && (of == path || path.is_empty() || of.starts_with(&format!("{path} ")))
            });
            assert!(is_used, "`{path}` has no {name}");
            assert_eq!(latin(text), Vec::<String>::new(), "{path} {name}: {text}");
            assert!(is_arabic(text), "{path} {name}");
        }
    }

    /// Help as it is printed has no English word but names, codes and what is typed.
    #[test]
    fn help_has_no_english_words() {
        let mut all = command(&File::default(), Language::Arabic).unwrap();
        all.build();
        let mut seen = 0;
        printed(&mut all, &mut seen);
        assert!(seen > 90, "{seen}");
    }

    fn printed(command: &mut Command, seen: &mut u32) {
        let help = framed(&command.render_long_help().to_string());
        // Usage and examples are what is typed.
        let said = help
            .lines()
            .filter(|line| !line.trim_start().starts_with("cardctl") && !line.starts_with("الاستخدام"))
            .map(|line| match line.strip_prefix("  ") {
                // The name of a command, or of an option with its placeholder, and what it is.
                Some(row) if !row.starts_with("      ") => {
                    row.trim_start().split_once("  ").map_or("", |(_, text)| text)
                }
                _ => line,
            });
        let said: Vec<_> = said.collect();
        assert_eq!(latin(&said.join("\n")), Vec::<String>::new(), "{help}");
        *seen += 1;
        let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names.iter().filter(|name| *name != "help") {
            printed(command.find_subcommand_mut(name).unwrap(), seen);
        }
    }
}
