//! What the plain model does with certificates: steps 4 to 8 of section 11 of the specification, and section 12 of docs/meter.md.

use std::rc::Rc;

use card_core::layout::CertificateAnswer;
use card_core::message::Certificate;
use card_core::meter::Reading;

use super::model::{Contract, Final, Model, NO_CREDIT, REGRESSED, WAITS};
use super::world::DAY;

/// What becomes of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Applied { credit: i128, debit: i128, opens: bool },
    Nothing { opens: bool },
    OldBinding,
    Replaced,
    Regressed,
    Inconsistent,
}

impl Model {
    pub fn judge(&self, certificate: &Certificate, card: Option<&CertificateAnswer>) -> Outcome {
        let number = certificate.binding.number;
        let opens = number > self.contract.number;
        if number < self.contract.number {
            return Outcome::OldBinding;
        }
        let (own, regressed) = if opens {
            (Contract::new(number, 0), false)
        } else {
            (self.contract.clone(), self.flags & REGRESSED != 0)
        };
        if certificate.generation < own.generation {
            return Outcome::Replaced;
        }
        let above = card.is_some_and(|card| {
            i128::from(card.settled_credit.0) > own.credit
                || i128::from(card.settled_debited.0) > own.debited
                || card.report_number > own.report
        });
        let known = i128::from(certificate.known_credit.0) > own.credit
            || i128::from(certificate.known_debited.0) > own.debited;
        if known || above || regressed {
            return Outcome::Regressed;
        }
        if certificate.sequence <= own.sequence {
            return Outcome::Nothing { opens };
        }
        let credit = i128::from(certificate.total_credit.0) - own.credit;
        let debit = i128::from(certificate.total_debited.0) - own.debited;
        if credit < 0 || debit < 0 {
            return Outcome::Inconsistent;
        }
        Outcome::Applied { credit, debit, opens }
    }

    /// A certificate comes, with the account of the binding that it may open, and with the card that shows it or over the network.
    pub fn certificate(
        &self,
        reading: Reading,
        certificate: (&Certificate, Option<u64>),
        card: Option<&CertificateAnswer>,
    ) -> (Outcome, Vec<Self>) {
        self.comes(reading, certificate, card, false)
    }

    /// A voucher comes over the network: its certificate, and with it it is kept for its card.
    pub fn network_voucher(&self, reading: Reading, certificate: &Certificate) -> (Outcome, Vec<Self>) {
        self.comes(reading, (certificate, None), None, true)
    }

    fn comes(
        &self,
        reading: Reading,
        (certificate, account): (&Certificate, Option<u64>),
        card: Option<&CertificateAnswer>,
        voucher: bool,
    ) -> (Outcome, Vec<Self>) {
        let mut out = self.tick(reading);
        let mut next = out.last().expect("a state").clone();
        let outcome = next.judge(certificate, card);
        match outcome {
            Outcome::Applied { opens, .. } | Outcome::Nothing { opens } => {
                let account = account.filter(|_| opens);
                let same = account.is_some_and(|account| account == next.contract.account);
                if let Some(account) = account {
                    next.open(certificate.binding.number, account);
                }
                let mut doubt = 0;
                if let Outcome::Applied { .. } = outcome {
                    next.contract.credit = certificate.total_credit.0.into();
                    next.contract.debited = certificate.total_debited.0.into();
                    next.contract.sequence = certificate.sequence;
                    // One that opens a binding may have been made long before.
                    let oldest = if card.is_some() || opens { 31 * DAY } else { DAY };
                    doubt = next.clock.issued(reading.clock.0, certificate.issue_time.0, oldest);
                    next.voucher = if voucher { Some(certificate.sequence) } else { next.voucher };
                }
                if opens && !same {
                    next.month = next.local.month(next.clock.time);
                    next.doubtful_month = next.clock.is_doubtful();
                }
                next.doubtful_month |= doubt != 0;
                let newer = certificate.generation > next.contract.generation;
                next.contract.generation = next.contract.generation.max(certificate.generation);
                // What brings nothing over the network leaves no trace.
                if card.is_some() || opens || newer || outcome != (Outcome::Nothing { opens }) {
                    next.contract.report += 1;
                }
                if let (Some(card), Outcome::Nothing { opens: false }) = (card, outcome) {
                    next.asked_by(card);
                }
            }
            Outcome::Regressed => next.flags |= REGRESSED,
            _ => {}
        }
        next.bring(&mut out);
        (outcome, self.written(out))
    }

    /// Section 1: what is the customer's begins anew. The month goes on for the same customer, else it closes for the old binding.
    fn open(&mut self, number: u32, account: u64) {
        let same = self.contract.account == account;
        if self.contract.number != 0 {
            let mut contract = self.contract.clone();
            let mut balance = self.balance();
            if !same {
                let month = self.closed(true);
                balance -= month.fees;
                contract.close(month);
            }
            let report = contract.report + 1;
            self.last_final = Some(Rc::new(Final { contract, balance, register: self.register, report }));
        }
        self.contract = Contract::new(number, account);
        if same {
            self.contract.brought = self.charge();
        } else {
            self.parts = vec![(Rc::clone(&self.tariff), 0)];
            self.partial = true;
            self.peak = 0;
        }
        self.cut &= !(NO_CREDIT | WAITS);
        (self.loan_until, self.loan_from, self.asked) = (0, 0, None);
        self.flags &= !REGRESSED;
        self.voucher = None;
    }
}
