//! `applet-sim`: makes blank simulated cards, and puts them into a virtual PC/SC reader or at ports of their own.

mod serve;

use applet_sim::card::{CardError, Profile, SimulatedCard};
use applet_sim::vpcd::{DEFAULT_ADDRESS, Ended, VirtualSlot, VpcdError};
use card_core::id::CardId;
use card_core::key::KeyLength;
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A prepaid electricity card in software: makes blank cards, and puts them into a virtual PC/SC reader or at ports of their own.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// How to print what was done.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object on one line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a blank card in a new image file. Its initial keys are the public test keys.
    New {
        /// The file; it must not exist yet.
        #[arg(long)]
        image: PathBuf,
        /// The card's number, 16 hexadecimal digits; random where it is not given.
        #[arg(long, value_parser = card_id)]
        card_id: Option<CardId>,
        /// Length of the initial admin keys in bits.
        #[arg(long, default_value = "256", value_parser = key_length)]
        aes: KeyLength,
    },
    /// Puts the card into a virtual reader (vpcd) until SIGTERM or Ctrl-C. The image file keeps what happens to it.
    Run {
        /// The card's image file.
        #[arg(long)]
        image: PathBuf,
        /// Where the virtual reader listens.
        #[arg(long, default_value = DEFAULT_ADDRESS)]
        vpcd: String,
        /// How the card is connected: t1, t0 or contactless.
        #[arg(long, default_value = "t1")]
        profile: Profile,
    },
    /// Answers for cards at ports, one card a port, until SIGTERM or Ctrl-C: for tests without pcscd, many at once, in any language.
    ///
    /// Each port takes the frames of the virtual reader, and HTTP: POST /apdu, /insert, /remove, /reset, /cut-power. A line is printed for each
    /// card when it can be reached.
    Serve {
        /// Cards in image files, in this order; may be repeated.
        #[arg(long, value_name = "FILE")]
        image: Vec<PathBuf>,
        /// So many blank cards in memory as well, of which nothing is kept. By default one, where there is no image.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(0..=1000))]
        blank: Option<u16>,
        /// Where the first card is; the others are at the next ports. With port 0 each is at a free one.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// How the cards are connected: t1, t0 or contactless.
        #[arg(long, default_value = "contactless")]
        profile: Profile,
    },
    /// Writes the manual pages into a folder.
    Man {
        /// A folder that exists.
        folder: PathBuf,
    },
}

fn card_id(text: &str) -> Result<CardId, String> {
    match u64::from_str_radix(text, 16) {
        Ok(number) if text.len() == 16 && number != 0 => Ok(CardId::from(number)),
        _ => Err("a card number has 16 hexadecimal digits and is not 0".to_owned()),
    }
}

fn key_length(text: &str) -> Result<KeyLength, String> {
    let bits: Option<usize> = text.parse().ok();
    bits.and_then(|bits| KeyLength::from_bytes(bits / 8).filter(|length| length.bytes() * 8 == bits))
        .ok_or_else(|| "AES keys have 128, 192 or 256 bits".to_owned())
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}: {error}", image.display())]
    Card { image: PathBuf, error: CardError },
    #[error(transparent)]
    Reader(#[from] VpcdError),
    #[error("no random numbers are available for a card number: give one with --card-id")]
    Random,
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    #[error("the virtual reader ended: is pcscd still running?")]
    ReaderEnded,
    #[error("{}: the card image could not be written, and the card has stopped: is the disk full?", image.display())]
    ImageLost { image: PathBuf },
    #[error("a blank card could not be made: {0}")]
    Blank(CardError),
    #[error("cannot listen at {address}: {error}; name another port with --listen")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("{}: {error}: name a folder that exists and can be written", folder.display())]
    Folder { folder: PathBuf, error: std::io::Error },
    #[error("all is done, and it could not be printed: {0}")]
    Output(#[from] std::io::Error),
}

/// All was done and is well, and could not be printed.
const DONE_NOT_PRINTED: u8 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where this cannot be printed either, the exit code says it.
            let _ = writeln!(std::io::stderr(), "applet-sim: {error}");
            if matches!(error, Error::Output(_)) {
                ExitCode::from(DONE_NOT_PRINTED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let print = |text, json| print(arguments.format, text, json);
    match &arguments.command {
        Command::New { image, card_id, aes } => {
            let card = match card_id {
                Some(card) => *card,
                None => random_card_id()?,
            };
            SimulatedCard::create(image, card, *aes, Profile::T1).map_err(|error| at(image, error))?;
            print(
                format!("blank test card {card} in {}", image.display()),
                serde_json::json!({ "card_id": card.to_string(), "image": image, "environment": "test" }),
            )
        }
        Command::Run { image, vpcd, profile } => {
            let mut card = SimulatedCard::open(image, *profile).map_err(|error| at(image, error))?;
            let stop = stop_signal()?;
            let mut slot = VirtualSlot::connect(vpcd.as_str())?;
            let shown = print(
                format!("card in the virtual reader at {vpcd}; end with Ctrl-C"),
                serde_json::json!({ "vpcd": vpcd, "state": "inserted" }),
            );
            match slot.serve(&mut card, &stop)? {
                Ended::Stopped => shown,
                Ended::ReaderClosed => Err(Error::ReaderEnded),
                Ended::PowerLost => Err(Error::ImageLost { image: image.clone() }),
            }
        }
        Command::Serve { image, blank, listen, profile } => {
            let blank = blank.unwrap_or(u16::from(image.is_empty()));
            serve::run(image, blank, *listen, *profile, print)
        }
        Command::Man { folder } => {
            let written = clap_mangen::generate_to(Arguments::command(), folder);
            written.map_err(|error| Error::Folder { folder: folder.clone(), error })?;
            print(
                format!("the manual pages are in {}", folder.display()),
                serde_json::json!({ "folder": folder }),
            )
        }
    }
}

fn print(format: Format, text: String, json: serde_json::Value) -> Result<(), Error> {
    let mut out = std::io::stdout();
    match format {
        Format::Text => writeln!(out, "{text}")?,
        Format::Json => writeln!(out, "{json}")?,
    }
    Ok(out.flush()?)
}

/// Set by SIGTERM and Ctrl-C.
fn stop_signal() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(Error::Signals)?;
    }
    Ok(stop)
}

fn at(image: &Path, error: CardError) -> Error {
    Error::Card { image: image.to_owned(), error }
}

fn random_card_id() -> Result<CardId, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(CardId(bytes))
}
