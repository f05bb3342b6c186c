//! How often a meter erases the pages of its memory in a year, and how long they last. The counts are exact and the same on every
//! machine. Ends with status 101 where a page lasts less than twenty years.

use system_tests::wear::{CYCLES, year};

/// What a page may be erased in a year at [`MOST_KWH`] a month: twenty years of [`CYCLES`].
const LIMIT: u32 = CYCLES / 20;
const MOST_KWH: u32 = 1000;

fn main() {
    system_tests::say!(
        "{:>11} {:>6} {:>13} {:>19} {:>21} {:>6}",
        "kWh a month",
        "pages",
        "erases a year",
        "of the most erased",
        "pages above a quarter",
        "years"
    );
    for kwh in [350, MOST_KWH] {
        let pages = year(kwh);
        let most = pages.iter().copied().max().unwrap_or(0);
        let all: u32 = pages.iter().sum();
        let used = pages.iter().filter(|erases| **erases > most / 4).count();
        let years = CYCLES.checked_div(most).unwrap_or(u32::MAX);
        system_tests::say!("{kwh:>11} {:>6} {all:>13} {most:>19} {used:>21} {years:>6}", pages.len());
        assert!(most <= LIMIT, "a page is erased {most} times a year, and {LIMIT} is what it may be");
    }
}
