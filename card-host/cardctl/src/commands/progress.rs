//! How far something long is.

use card_ledger::Progress;
use std::io::Write as _;

/// Says on standard error how far something long is, now and then.
pub(crate) fn progress() -> impl FnMut(Progress) + Send {
    let mut said = 0;
    move |progress| {
        if progress.done >= said + 100_000 {
            said = progress.done;
            let _ = writeln!(std::io::stderr(), "  {} {}", progress.done, progress.what);
        }
    }
}
