//! `cardctl trace`: what a trace says, the same again, and the same for Wireshark.

mod pcapng;

use card_core::layout::Instruction;
use card_host::card::CardError;
use card_host::durable;
use card_host::transport::Exchange;
use std::path::Path;

use super::Error;
use crate::context::trace::{self, TraceError};
use crate::context::{self, Context};
use crate::view::trace::{Decoded, Replayed, Written};

pub(crate) fn decode(file: &Path) -> Result<Decoded, Error> {
    Ok(Decoded::new(&trace::read(file).map_err(context::Error::from)?))
}

/// Sends what changes nothing on a card and needs no session.
pub(crate) fn replay(context: &Context, file: &Path) -> Result<Replayed, Error> {
    let recording = trace::read(file).map_err(context::Error::from)?;
    context.with_card(None, |card| {
        let mut replayed = Replayed::default();
        for (number, exchange) in (1_u32..).zip(recording.exchanges()) {
            if !only_reads(exchange) {
                replayed.left_out();
                continue;
            }
            let answer = card.transmit(&exchange.command).map_err(CardError::from)?;
            replayed.compare(number, exchange, &answer);
        }
        Ok(replayed)
    })
}

/// A secured command is another one in each session.
fn only_reads(exchange: &Exchange) -> bool {
    let plain = exchange.command.first().is_some_and(|cla| cla & 0x04 == 0);
    plain
        && exchange.response.is_ok()
        && matches!(
            exchange.instruction(),
            Some(
                Instruction::Select
                    | Instruction::ReadBinary
                    | Instruction::ReadRecord
                    | Instruction::GetData
                    | Instruction::GetResponse
            )
        )
}

/// Writes it for Wireshark.
pub(crate) fn pcapng(file: &Path, out: &Path) -> Result<Written, Error> {
    let recording = trace::read(file).map_err(context::Error::from)?;
    let wrong = |error| TraceError::Write { path: out.to_owned(), error };
    let bytes = pcapng::written(&recording).map_err(wrong).map_err(context::Error::from)?;
    durable::create(out, &bytes).map_err(wrong).map_err(context::Error::from)?;
    Ok(Written { file: out.display().to_string(), exchanges: recording.exchanges().count() })
}
