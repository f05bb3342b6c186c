//! How far something long is.

use card_ledger::Progress;

use crate::say;
use crate::words;

/// Shows on a terminal how far something long is.
pub(crate) fn progress() -> impl FnMut(Progress) + Send {
    let bar = say::progress(0);
    move |progress| {
        let arabic = match progress.what {
            "entries" => "قيد",
            "bindings" => "تعاقد",
            _ => "منفذ شحن",
        };
        bar.set_message(words::say(say::language(), progress.what, arabic));
        bar.set_position(progress.done);
    }
}
