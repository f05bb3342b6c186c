//! How far something long is.

use card_ledger::Progress;

use crate::say;

/// Shows on a terminal how far something long is.
pub(crate) fn progress() -> impl FnMut(Progress) + Send {
    let bar = say::progress(0);
    move |progress| {
        bar.set_message(progress.what);
        bar.set_position(progress.done);
    }
}
