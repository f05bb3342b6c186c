//! Steps of a contract's life beside its cards: it ends, and the next customer comes.

use card_core::id::MeterId;
use card_core::scp03::Mode;
use card_core::units::Piastres;
use card_ledger::AdoptFrom;
use clap::{Args, Subcommand};

use super::policy::Shown;
use super::values::{account, adopt_from, meter_number, mode};

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
        #[command(flatten)]
        shown: Shown,
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
        #[command(flatten)]
        shown: Shown,
    },
    /// Gives a customer another meter, whose card is in the reader: it is bound to a contract there. What was left at the old meter comes along with its final
    /// report, which a technician's card brings (`engineering`): then the same again. Where it can report no more, two people estimate: `ledger move`.
    NewMeter {
        /// Number of the old meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        from: MeterId,
        /// Number of the new one.
        #[arg(long, value_parser = meter_number)]
        to: MeterId,
        #[command(flatten)]
        shown: Shown,
    },
    /// Makes a blank card the first card of a contract that begins with what an old card or meter had left. Two people do it: another one agrees with `ledger
    /// approve`, and the same again, with the same --request, does it.
    Adopt {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// The customer's account number, in decimal digits.
        #[arg(long, value_parser = account)]
        account: u64,
        /// What was left, in EGP.
        #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
        amount: Piastres,
        /// What has shown it: old-card or old-meter.
        #[arg(long, value_parser = adopt_from)]
        shown_by: AdoptFrom,
        /// Its number, when it was read and by whom: what another one can look at again.
        #[arg(long, value_name = "TEXT")]
        evidence: String,
        #[command(flatten)]
        making: Making,
        #[command(flatten)]
        shown: Shown,
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
        #[command(flatten)]
        shown: Shown,
    },
}
