//! `cardctl batch`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum BatchCommand {
    /// Issues a card for each row of a list: the next blank card that is put into one of the readers is that row's. To be repeated as it is where it
    /// was ended, by whatever: each row gets one card, and each card one row.
    ///
    /// A card that lies in a reader at the start is not issued: take it out and insert it again. With --reader sim blank cards are made.
    Issue {
        /// The list: a line `meter,account`, then a row each.
        #[arg(long, value_name = "FILE")]
        csv: PathBuf,
        /// What became of each row, with the access numbers, which are kept nowhere else: where it is there, the batch goes on. Its owner's only.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Several readers at once, instead of --reader; may be repeated. "any" is all of them.
        #[arg(long, value_name = "NAME")]
        with: Vec<String>,
        /// How many simulated cards are made at once.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
        parallel: u16,
    },
}
