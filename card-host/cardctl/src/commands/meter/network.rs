//! `cardctl meter network`: vouchers without a card.

use card_core::id::{Binding, MeterId};
use card_core::message::Voucher;
use card_ledger::read;
use std::path::PathBuf;

use super::Bench;
use crate::commands::Error;
use crate::context::{Context, voucher_file};
use crate::view::meter::network::Received;

pub(crate) fn run(context: &Context, meter: Option<MeterId>, files: &[PathBuf]) -> Result<Received, Error> {
    let mut bench = Bench::open(context, meter)?;
    let vouchers = if files.is_empty() {
        pending(&bench)?
    } else {
        files.iter().map(|file| voucher_file::read(file)).collect::<Result<Vec<_>, _>>()?
    };
    let mut taken = Vec::new();
    for voucher in vouchers {
        let verdict = bench.meter.take_voucher(bench.reading, &voucher)?.verdict;
        taken.push((voucher, verdict));
    }
    Ok(Received::new(bench.id, &taken, bench.meter.state()?))
}

/// The newest voucher of each binding of the meter, in the order in which they were made.
fn pending(bench: &Bench) -> Result<Vec<Voucher>, Error> {
    let mut vouchers = Vec::new();
    let mut last = Binding { meter: bench.id, number: 0 };
    loop {
        let found = read(bench.books.office.ledger(), |t| t.bindings(Some(last), 100))?;
        let own: Vec<_> = found.iter().filter(|record| record.binding().meter == bench.id).collect();
        let Some(end) = own.last() else { return Ok(vouchers) };
        last = end.binding();
        vouchers.extend(own.iter().filter_map(|record| Voucher::parse(&record.voucher).ok()));
    }
}
