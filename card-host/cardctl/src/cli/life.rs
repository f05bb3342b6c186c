//! Steps of a contract's life beside its cards: it ends, and the next customer comes.

use card_core::id::MeterId;
use card_core::scp03::Mode;
use clap::{Args, Subcommand};

use super::values::{account, meter_number, mode};

/// How a customer's card is made.
#[derive(Args)]
pub(crate) struct Making {
    /// Only a session shows the balance, not everybody.
    #[arg(long)]
    pub(crate) private_balance: bool,
    /// Length of challenges and MACs in the secure channel: s8 or s16.
    #[arg(long, default_value = "s8", value_parser = mode)]
    pub(crate) mode: Mode,
}

#[derive(Subcommand)]
pub(crate) enum LifeCommand {
    /// Ends the contract of a meter whose customer moves out: nothing is sold to it any more. The customer's card, in the reader, is bound to nobody's
    /// contract: taken to the meter once more, it ends the supply and brings back the final report, for `ledger give-back`.
    MoveOut {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// What more there is to say of it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// The customer has no card to bring. The final report comes with a technician's card (`engineering`), or with the card of who moves in.
        #[arg(long)]
        without_card: bool,
    },
    /// Makes a blank card the first card of the next customer of a meter. Where the former one's contract has not ended, this ends it: the next tap of the
    /// new card leaves its final report. Neither the former customer's debt nor the month so far goes along.
    MoveIn {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// The new customer's account number, in decimal digits.
        #[arg(long, value_parser = account)]
        account: u64,
        #[command(flatten)]
        making: Making,
    },
    /// Ends a contract by the company: nothing is sold to it any more, and its card is blocked for good. A technician's card (`engineering`) takes that to
    /// the meter, ends the supply and brings back the final report, for `ledger give-back`.
    Terminate {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
