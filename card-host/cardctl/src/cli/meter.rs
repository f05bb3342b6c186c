//! `cardctl meter`.

use card_core::id::MeterId;
use clap::Subcommand;
use std::path::PathBuf;

use super::values::meter_number;

#[derive(Subcommand)]
pub(crate) enum MeterCommand {
    /// Presents the card to a meter, which applies its credit and takes its mail. Ends with status 4 where the meter refuses the card.
    Tap(Which),
    /// Lets days pass, in which a customer consumes. While the supply is cut nothing is consumed.
    ///
    /// Time goes on from the meter's own, or from the computer's where that is later. What passes is simulated in memory and stored in the
    /// meter's file at the end, whole or not at all.
    Run {
        #[command(flatten)]
        which: Which,
        /// How many days, 1 to 3660.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3660))]
        days: u32,
        /// household (200 to 350 kWh a month), shop (about 900), empty (0 to 2), or a file with one hourly kWh value on each line, which is
        /// repeated from the beginning.
        #[arg(long, default_value = "household", value_name = "household|shop|empty|FILE")]
        profile: String,
        /// Another number is another customer with the same habits; the same number, the same hours again.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Shows what the meter's display shows.
    Status(Which),
    /// Presses the meter's button: asks for an emergency loan where one can be had, and restores a supply that waits for the button. Shows
    /// the display after it.
    Button(Which),
    /// Lists the events that the meter keeps, oldest first.
    Events(Which),
    /// Lists the last ten charges that the meter has applied, the newest first.
    Charges(Which),
    /// Lists the months that the meter keeps, and draws their consumption.
    Months(Which),
    /// Lets the power fail in the meter's memory while it writes a consumption of 1 kWh, gives power again, and shows that nothing that was
    /// written is lost. Ends with status 4 if something were.
    CutPower {
        #[command(flatten)]
        which: Which,
        /// How many erases and writes of pages still succeed; the next one is torn in its middle.
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
    },
    /// Sends vouchers to the meter without a card, as the network of a connected meter does. The meter applies each once, whether it comes
    /// this way, by its card, or both. Ends with status 4 where the meter refuses one.
    Network {
        #[command(flatten)]
        which: Which,
        /// Files that `top-up --out` wrote; without any, the last voucher that was sold to each card of this meter.
        files: Vec<PathBuf>,
    },
}

#[derive(clap::Args)]
pub(crate) struct Which {
    /// The meter's number. Without it, the meter that the card in the reader was issued for; where there is one simulated meter only,
    /// and no card is needed, that one.
    #[arg(long, value_parser = meter_number)]
    pub(crate) meter: Option<MeterId>,
}
