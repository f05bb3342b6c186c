//! `cardctl alerts`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum AlertsCommand {
    /// Queues a message to every customer who runs out of credit soon, as far as reports of their meters show.
    Queue {
        /// Within so many days.
        #[arg(long, value_name = "N", default_value_t = 3)]
        days: u32,
    },
    /// Lists the messages that wait, oldest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        most: u32,
    },
    /// Says that a gateway has taken messages: they do not wait any more.
    Taken {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}
