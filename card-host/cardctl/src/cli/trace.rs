//! `cardctl trace`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum TraceCommand {
    /// Says of each exchange what it was: command, file, response, status in words, milliseconds.
    Decode {
        /// A file that --trace wrote.
        file: PathBuf,
    },
    /// Sends the commands that only read, and need no session, to the card in the reader again, and says where it answers otherwise. Ends with
    /// status 4 where it does.
    Replay {
        /// A file that --trace wrote.
        file: PathBuf,
    },
    /// Writes it for Wireshark (pcapng): each command and response, with its meaning.
    Pcapng {
        /// A file that --trace wrote.
        file: PathBuf,
        /// The file, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}
