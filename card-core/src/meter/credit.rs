//! Certificates at the meter, by a card or over the network, and what it says of them (specification, section 11).

use super::decide;
use super::state;
use super::verdict::{Decision, Reason, Verdict};
use super::{Hardware, Meter, MeterError, Reading};
use crate::id::CardRef;
use crate::layout::CertificateAnswer;
use crate::message::{BindingCertificate, Certificate, Envelope, MeterFlags, MeterReceipt, Slot, Voucher};
use crate::role::KeyVersion;
use crate::scp03::{KeySet, Mode};
use crate::terminal::exchange::{Presented, SETTLE_EVENTS, Settlement};
use crate::units::{Balance, Piastres};

impl<H: Hardware> Meter<H> {
    /// The key set of a card by what it answered to INITIALIZE UPDATE (section 11, step 1); `None` where the meter has no
    /// base key of that version.
    pub fn card_keys(&mut self, key_version: KeyVersion, card: CardRef) -> Option<KeySet> {
        self.keys.card_keys(&mut self.hardware, self.identity.scope, key_version, card)
    }

    /// What [`Self::commit`] would do with a presented card, were it presented now.
    pub fn decide(&mut self, presented: &Presented) -> Decision {
        decide::decide(&mut self.hardware, &self.identity, &self.keys, &self.state, presented)
    }

    /// Decides on a presented card and stores what follows, in one atomic update: binding, totals, balance, generation, clock
    /// and report number; or the event of a refusal.
    ///
    /// # Errors
    /// After [`MeterError::Store`] the old or the new state is in memory: the meter must be powered up again.
    pub fn commit(&mut self, reading: Reading, presented: &Presented) -> Result<Decision, MeterError> {
        self.tick(reading)?;
        let decision = self.decide(presented);
        let from = (presented.card().generation, &presented.answer().certificate, false);
        let result = self.settle(reading, from, &decision).and_then(|()| {
            if decision.verdict == Verdict::Nothing && decision.opens.is_none() {
                self.state.asked_by_card(presented);
            }
            self.apply()
        });
        self.or_back(result)?;
        Ok(decision)
    }

    /// A certificate that came over the network (docs/meter.md, section 12). A binding that is not the meter's own needs its certificate.
    pub fn take_certificate(
        &mut self,
        reading: Reading,
        certificate: &Certificate,
        binding: Option<&BindingCertificate>,
    ) -> Result<Decision, MeterError> {
        self.take_from_network(reading, certificate, binding, None)
    }

    /// A voucher that came over the network: its certificate is applied, and it is kept for its card.
    pub fn take_voucher(&mut self, reading: Reading, voucher: &Voucher) -> Result<Decision, MeterError> {
        self.take_from_network(reading, &voucher.certificate, None, Some(voucher))
    }

    fn take_from_network(
        &mut self,
        reading: Reading,
        certificate: &Certificate,
        binding: Option<&BindingCertificate>,
        voucher: Option<&Voucher>,
    ) -> Result<Decision, MeterError> {
        self.tick(reading)?;
        let Self { hardware, identity, keys, state, .. } = self;
        let decision = decide::decide_network(hardware, identity, keys, state, certificate, binding);
        // Anybody may send anything, and the same again: that must not wear the memory.
        let idle = match decision.verdict {
            Verdict::Nothing => decision.opens.is_none() && certificate.generation <= state.generation,
            Verdict::Refuse(reason) => matches!(reason, Reason::NotAuthentic | Reason::UnknownKeyVersion),
            Verdict::Apply { .. } => false,
        };
        if idle {
            return Ok(decision);
        }
        let from = (certificate.generation, certificate, true);
        let result = self.settle(reading, from, &decision).and_then(|()| {
            if let (Verdict::Apply { .. }, Some(voucher)) = (decision.verdict, voucher) {
                self.state.voucher = Some(*voucher);
            }
            self.apply()
        });
        self.or_back(result)?;
        Ok(decision)
    }

    #[inline(never)]
    fn settle(
        &mut self,
        reading: Reading,
        from: (u16, &Certificate, bool),
        decision: &Decision,
    ) -> Result<(), MeterError> {
        let Self { hardware, identity, keys, state, .. } = self;
        Ok(state.settle(hardware, identity, keys.report(), reading.clock, from, decision)?)
    }

    fn apply(&mut self) -> Result<(), MeterError> {
        self.bring()?;
        self.keep()
    }

    /// What SETTLE says after [`Self::commit`], and the first events after number `last_event`, which the card has.
    pub fn settlement(&mut self, last_event: u32) -> Result<Settlement, MeterError> {
        let receipt = self.receipt(MeterFlags::default());
        let events: [_; SETTLE_EVENTS] = self.events(last_event)?;
        Ok(Settlement::new(&receipt, &self.state.month(), events.into_iter().flatten())?)
    }

    /// The meter's receipt as it stands, of the last report number: what a connected meter answers over its network.
    pub fn report(&mut self) -> MeterReceipt {
        self.receipt(MeterFlags::default())
    }

    /// The final report of the binding that was closed last, sealed for slot 10, where its version is above `version`.
    ///
    /// The number of the closed binding is the version (section 11, step 4): it only grows, and the card's mail directory tells
    /// by it what it has.
    pub fn final_report(&mut self, version: u32) -> Result<Option<Envelope>, MeterError> {
        let newer = self.state.final_report.filter(|report| report.receipt.binding.number > version);
        let Some(report) = newer else { return Ok(None) };
        let (slot, version) = (Slot::FINAL_REPORT, report.receipt.binding.number);
        let Self { hardware, identity, keys, .. } = self;
        let keys = &keys.report().mail;
        let envelope = Envelope::seal(
            hardware,
            keys,
            identity.scope,
            report.receipt.binding,
            slot,
            version,
            &report.emit(),
        )?;
        Ok(Some(envelope))
    }

    /// A meter receipt with flag 0020, sealed for slot 12, for a card that was refused with [`Reason::Regressed`]. It is about the
    /// card's binding; where the meter has lost that binding altogether, its totals are 0.
    pub fn regression_report(&mut self, card: &CertificateAnswer) -> Result<Option<Envelope>, MeterError> {
        let slot = Slot::REGRESSION;
        // The meter's own memory is what cannot be trusted, so the next version is by the card's directory.
        let Some(version) = version_in(card, slot).checked_add(1) else { return Ok(None) };
        let mut receipt = self.receipt(MeterFlags::REGRESSED);
        let binding = card.binding();
        if receipt.binding != binding {
            receipt = MeterReceipt {
                number: 0,
                applied_credit: Piastres::ZERO,
                applied_debited: Piastres::ZERO,
                balance: Balance(0),
                ..receipt
            };
        }
        let Self { hardware, identity, keys, .. } = self;
        let receipt = MeterReceipt {
            binding,
            number: receipt.number.max(1),
            flags: receipt.flags.with(MeterFlags::REGRESSED),
            ..receipt
        };
        let receipt = state::sign(hardware, identity, keys.report(), receipt);
        let keys = &keys.report().mail;
        Ok(Some(Envelope::seal(hardware, keys, identity.scope, binding, slot, version, &receipt.emit())?))
    }

    /// The card has the voucher that waited for it, or does not want it.
    pub(super) fn voucher_delivered(&mut self) -> Result<(), MeterError> {
        self.state.voucher = None;
        let result = self.keep();
        self.or_back(result)
    }

    /// The mode of the card that is there, to be tried first next time. It is written with the next change.
    pub(super) const fn remember_mode(&mut self, mode: Mode) {
        self.state.mode = mode;
    }

    fn receipt(&mut self, flags: MeterFlags) -> MeterReceipt {
        let Self { hardware, identity, keys, state, .. } = self;
        let receipt = state.receipt(identity, state.report_number, flags);
        state::sign(hardware, identity, keys.report(), receipt)
    }
}

fn version_in(card: &CertificateAnswer, slot: Slot) -> u32 {
    card.mail.get(slot.index()).copied().unwrap_or_default()
}
