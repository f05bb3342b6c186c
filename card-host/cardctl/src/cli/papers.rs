//! What is made of the command line as it is known to the parser: completion, manual pages, the help of options.

use card_core::text::Language;
use clap_complete::Shell;

use super::arabic::{framed, in_language};
use super::parse::{for_completion, for_manual};

/// A script by which a shell completes.
pub(crate) fn completion(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut for_completion(), "cardctl", &mut script);
    script
}

/// The manual pages, by their names.
pub(crate) fn manual() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = for_manual().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    below(&command, &mut pages)?;
    Ok(pages)
}

fn below(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    command.get_subcommands().try_for_each(|sub| below(sub, pages))
}

/// What every command takes.
pub(crate) fn options(language: Language) -> String {
    let mut command = in_language(for_manual(), language);
    command.build();
    let options = command.find_subcommand_mut("options");
    let help = options.map(|options| options.render_long_help().to_string()).unwrap_or_default();
    if language == Language::Arabic { framed(&help) } else { help }
}
