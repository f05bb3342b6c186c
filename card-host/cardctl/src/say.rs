//! What is said beside the answer, on standard error: remarks, and how far something long is. Colours and progress are for terminals only.

use card_core::text::Language;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::words;

static QUIET: AtomicBool = AtomicBool::new(false);
static ARABIC: AtomicBool = AtomicBool::new(false);

/// From now on there are no remarks and no progress.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// The language in which remarks are made from now on.
pub(crate) fn speak(language: Language) {
    ARABIC.store(language == Language::Arabic, Ordering::Relaxed);
}

/// The language of remarks, progress and questions.
pub(crate) fn language() -> Language {
    if ARABIC.load(Ordering::Relaxed) { Language::Arabic } else { Language::English }
}

fn quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Something that whoever runs this program should know, beside the answer.
pub(crate) fn remark(text: impl Display) {
    if !quiet() {
        let sign = console::style("cardctl:").yellow().for_stderr();
        // Where it cannot be said, the work goes on.
        let _ = writeln!(std::io::stderr(), "{sign} {text}");
    }
}

/// What went wrong: said also when quiet, the name of the program in red.
pub(crate) fn problem(text: &str) {
    let sign = console::style("cardctl:").red().for_stderr();
    let text = text.strip_prefix("cardctl:").map_or_else(|| text.to_owned(), |rest| format!("{sign}{rest}"));
    // Where this cannot be printed either, the exit code says it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// How far something long is, with rate and time left; `all` is 0 where it is not known. Nothing where nobody looks.
pub(crate) fn progress(all: u64) -> ProgressBar {
    if quiet() {
        return ProgressBar::hidden();
    }
    let left = words::say(language(), "left", "متبقٍ");
    let (bar, template) = match all {
        0 => (ProgressBar::new_spinner(), "  {pos} {msg}, {per_sec}, {elapsed}".to_owned()),
        all => (
            ProgressBar::new(all),
            format!("  [{{bar:30}}] {{pos}}/{{len}} {{msg}}, {{per_sec}}, {{eta}} {left}"),
        ),
    };
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
