//! `cardctl sim`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum SimCommand {
    /// Makes a blank card and puts it into the simulated reader. What was in there stays in the data directory.
    New,
    /// Lists the simulated cards of the data directory.
    List,
    /// Puts a card into the simulated reader, instead of what is in there.
    Insert {
        /// Its number, or the beginning of it: `cardctl sim list`.
        #[arg(value_name = "CARD")]
        card: String,
    },
    /// Takes the card out of the simulated reader.
    Eject,
    /// Lets the card in the simulated reader lose its power in the next command that uses it, in the middle of an operation on its memory.
    PowerCut {
        /// So many operations go through before.
        #[arg(long, value_name = "OPERATIONS", default_value_t = 0)]
        after: u64,
    },
}
