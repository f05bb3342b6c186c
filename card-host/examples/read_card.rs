//! Reads a card: the one in a PC/SC reader, or else a fresh simulated one. Prints who it is, its state and its balance.
//! `cargo run -q -p card-host --features simulator --example read_card [-- --reader NAME]`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

use card_host::operate::{self, Public};
use card_host::pcsc;
use card_host::transport::{Card, Transport};

type Failure = Box<dyn std::error::Error>;

/// The card in the reader that is named, of which a part is enough; without a name one in software.
fn card() -> Result<Box<dyn Transport>, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [] => Ok(Box::new(Card::simulated()?)),
        ["--reader", name] => Ok(Box::new(pcsc::open(&pcsc::find(name)?)?)),
        _ => Err("usage: read_card [--reader NAME]".into()),
    }
}

fn main() -> Result<(), Failure> {
    let mut card = card()?;
    let Public { summary, status, .. } = operate::read_public(&mut card)?;
    println!("card {}, generation {}", summary.card.id, summary.card.generation);
    match status.state {
        Some(state) => println!("state {state}"),
        None => println!("its memory has failed"),
    }
    let Some(balances) = status.balances else {
        println!("its balance is private");
        return Ok(());
    };
    println!("on its way to the meter: {} EGP", balances.pending_credit);
    if let Some(meter) = balances.at_meter {
        println!("in the meter: {} EGP", meter.balance);
    }
    Ok(())
}
