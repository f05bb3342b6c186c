//! What the signer has certified, beside what the books say of it.

use card_core::units::CardTime;
use card_host::keystore::{Memory, Totals};
use std::collections::VecDeque;

use super::run::{DAY, about};
use super::{Exception, ExceptionKind as About, ReconcileOptions, Severity};
use crate::anchor_error::AnchorError;
use crate::error::LedgerError;
use crate::records::BindingRecord;

/// Rows of one page.
const PAGE: u32 = 500;
/// Alarms of so many days are listed.
const DAYS: u32 = 30;

/// What was signed, binding by binding, in the order of the books.
pub(super) struct Signed<'a> {
    memory: &'a dyn Memory,
    page: VecDeque<Totals>,
    after: Option<card_core::id::Binding>,
    whole: bool,
}

impl<'a> Signed<'a> {
    pub(super) fn of(memory: &'a dyn Memory) -> Self {
        Self { memory, page: VecDeque::new(), after: None, whole: false }
    }

    /// What exceeds the books, up to and with this binding of theirs; without one, to the end.
    pub(super) fn up_to(&mut self, record: Option<&BindingRecord>) -> Result<Vec<Exception>, LedgerError> {
        let mut found = Vec::new();
        while let Some(signed) = self.next(record)? {
            match record.filter(|record| record.binding() == signed.binding) {
                Some(record) => found.extend(beyond(record, &signed)),
                None => found.push(unknown(&signed)),
            }
        }
        Ok(found)
    }

    fn next(&mut self, record: Option<&BindingRecord>) -> Result<Option<Totals>, LedgerError> {
        if self.page.is_empty() && !self.whole {
            self.page = self.memory.signed(self.after, PAGE).map_err(AnchorError::from)?.into();
            self.after = self.page.back().map(|last| last.binding);
            self.whole = self.page.is_empty();
        }
        let due = |signed: &Totals| record.is_none_or(|record| signed.binding <= record.binding());
        Ok(if self.page.front().is_some_and(due) { self.page.pop_front() } else { None })
    }
}

fn beyond(record: &BindingRecord, signed: &Totals) -> Option<Exception> {
    let held = &record.held;
    let credit = i128::from(signed.credit.0) - i128::from(held.total_credit.0);
    let debited = i128::from(signed.debited.0) - i128::from(held.total_debited.0);
    (credit > 0 || debited > 0).then(|| {
        let what = format!(
            "the signer has certified {} EGP and {} EGP of debits, up to number {}; the books say {} and {}",
            signed.credit, signed.debited, signed.sequence, held.total_credit, held.total_debited
        );
        Exception { amount: credit.max(debited), ..about(record, About::SignedAbove, Severity::Alarm, what) }
    })
}

fn unknown(signed: &Totals) -> Exception {
    // One that was begun and has come to nothing is known by nobody, and worth nothing.
    let worth = signed.credit.0 > 0;
    Exception {
        severity: if worth { Severity::Alarm } else { Severity::Notice },
        kind: About::SignedAbove,
        binding: Some(signed.binding),
        point: None,
        request: None,
        account: 0,
        amount: signed.credit.0.into(),
        since: CardTime::UNSET,
        what: format!("the signer has certified {} EGP to it, and the books do not know it", signed.credit),
    }
}

/// What the signer has to say to its custodians.
pub(super) fn alarms(memory: &dyn Memory, options: &ReconcileOptions) -> Result<Vec<Exception>, LedgerError> {
    let since = CardTime(options.now.0.saturating_sub(DAYS.saturating_mul(DAY)));
    let alarms = memory.alarms(since).map_err(AnchorError::from)?;
    let exception = |alarm: card_host::keystore::Alarm| Exception {
        severity: Severity::Alarm,
        kind: About::Signer,
        binding: None,
        point: None,
        request: None,
        account: 0,
        amount: 0,
        since: alarm.time,
        what: format!("the signer says: {}", alarm.what),
    };
    Ok(alarms.into_iter().map(exception).collect())
}
