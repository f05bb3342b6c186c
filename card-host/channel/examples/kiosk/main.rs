//! A kiosk sells a charge over the network and loads it onto the card in its reader. Its journal loses no sale over a power cut.
//! `cargo run -q -p card-channel --example kiosk` (a company is made beside it, in the same process)
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

mod company;

use card_channel::client::{Buyer, Client, ClientError, Journal, JournalError, Progress, pause};
use card_channel::wire::{EvidenceRequest, Sale, texts};
use card_host::card_work::{in_words, load};

type Failure = Box<dyn std::error::Error>;

/// Sells, and where it is not known what became of it, asks for the same until it is.
fn sell(journal: &mut Journal, client: &Client, buyer: &Buyer, piastres: u64) -> Result<Sale, Failure> {
    let mut done = journal.sell(client, "kiosk", buyer, piastres);
    for tries in 1.. {
        match done {
            Ok(Progress::Sold(sale)) => return Ok(*sale),
            Err(JournalError::Client(ClientError::Unknown(_))) => std::thread::sleep(pause(tries)),
            Err(error) => return Err(error.into()),
            Ok(other) => return Err(format!("not sold: {other:?}").into()),
        }
        let waiting = journal.records()?.into_iter().next().ok_or("the journal is empty")??;
        done = journal.go_on(client, &waiting.id);
    }
    Err("never sold".into())
}

fn main() -> Result<(), Failure> {
    // What a kiosk has: an address, a token, a folder on its disk, and a card in its reader.
    let company::Company { address, token, mut card, stop } = company::begin()?;
    let folder = tempfile::tempdir()?;
    let client = Client::new(&address, &token)?;
    let mut journal = Journal::open(folder.path(), "machine-17")?;

    // What the card shows goes with the question: nothing is sold that would be older than what it has.
    let buyer = Buyer::in_reader(&mut card)?;
    let sale = sell(&mut journal, &client, &buyer, 5_000)?;
    if let Some(words) = texts::of_sale(&sale) {
        println!("{}", words.en);
    }

    // Loading needs no key. The card answers with a receipt, which goes back as evidence.
    let answer = load(&mut card, &sale.voucher().ok_or("no voucher in the answer")?)?;
    println!("{}", in_words(answer.outcome));
    journal.loaded(&sale.id)?;
    client.hand_in(&EvidenceRequest::card_receipt("kiosk", &answer.receipt))?;
    assert!(journal.records()?.is_empty());
    stop()
}
