//! Steps of a contract's life that a card at a desk takes part in: its customer moves out (docs/ledger.md, section 7).

use card_core::id::MeterId;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::Transport;

use super::super::ending::{EndReason, Ended};
use super::super::error::LedgerError;
use super::super::names::RequestId;
use super::super::office::{Office, Who};
use super::super::powers::Power;
use super::BranchError;

impl Office {
    /// Ends the contract that a meter serves, whose card is behind `transport`, and binds that card to nobody's contract: taken to the meter once more, it
    /// brings back the final report. To be repeated where it was torn.
    pub fn move_out(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        words: &str,
    ) -> Result<Ended, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?;
        let expected = match self.ended(meter)? {
            Some(ended) => ended.nobodys.held.card,
            None => self.serving(meter)?.held.card,
        };
        if present != expected {
            return Err(BranchError::OtherCard { expected, present });
        }
        // What it brings is known before it is bound anew; what the ledger does not take of it keeps nobody from moving out.
        match self.take_from_card(who, transport) {
            Ok(_) | Err(BranchError::Ledger(LedgerError::Refused(_))) => {}
            Err(error) => return Err(error),
        }
        let ended = self.end(who, id, meter, EndReason::MovedOut, words)?;
        let (binding, certificate) = self.certificates(&ended.nobodys)?;
        let meter_key = self.meter_key(ended.nobodys.binding())?;
        operate::rebind(transport, self.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        Ok(ended)
    }
}
