//! What all transfers add up to.

use card_core::id::Binding;
use card_core::units::Piastres;
use std::collections::{BTreeMap, HashMap};

use super::{MoneyIdentity, TrialBalance, TrialLine};
use crate::accounts::{Class, LedgerAccount as Account};
use crate::entry::{Entry, Kind, Step, Transfer};
use crate::give_back::pays_out;

/// A binding as its entries have it. Kept small: there is one for each binding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OfBinding {
    /// What was credited to its account, less what was debited.
    pub(super) credit: i64,
    /// The newest totals that an entry names.
    pub(super) sequence: u32,
    pub(super) total_credit: Piastres,
    pub(super) total_debited: Piastres,
    /// What went from it to other bindings, or back to its customer, by the word of its meter, and nobody else's.
    pub(super) moved_by_report: i64,
}

#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) bindings: HashMap<Binding, OfBinding>,
    /// What customers owe.
    pub(super) debts: HashMap<u64, i64>,
    accounts: BTreeMap<Group, (Class, u128, u128)>,
    money: MoneyIdentity,
}

pub(crate) type Group = String;

/// The account's line in the trial balance: bindings and customers are too many for lines of their own.
pub(crate) fn line_of(account: &Account) -> Group {
    match account {
        Account::Credit(_) => "credit".to_owned(),
        Account::Debt(_) => "debt".to_owned(),
        account => account.to_string(),
    }
}

fn signed(amount: Piastres) -> i64 {
    // Stores take no amount above 2^62.
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

impl Sums {
    pub(super) fn add(&mut self, entry: &Entry) {
        if let Some(binding) = entry.binding {
            let held = self.bindings.entry(binding).or_default();
            if entry.sequence > held.sequence
                || (entry.sequence == held.sequence && entry.total_credit > held.total_credit)
            {
                held.sequence = entry.sequence;
                (held.total_credit, held.total_debited) = (entry.total_credit, entry.total_debited);
            }
        }
        for transfer in &entry.transfers {
            self.transfer(transfer);
            if let Account::Credit(from) = &transfer.debit
                && entry.step == Step::First
                && match entry.kind {
                    Kind::Move => transfer.credit == Account::Moves,
                    Kind::GiveBack => transfer.credit != Account::Consumed,
                    _ => false,
                }
            {
                let held = self.bindings.entry(*from).or_default();
                held.moved_by_report = held.moved_by_report.saturating_add(signed(transfer.amount));
            }
        }
    }

    fn transfer(&mut self, transfer: &Transfer) {
        let Transfer { debit, credit, amount } = transfer;
        self.own(debit, signed(*amount).saturating_neg());
        self.own(credit, signed(*amount));
        let amount = u128::from(amount.0);
        let line = self.accounts.entry(line_of(debit)).or_insert((debit.class(), 0, 0));
        line.1 = line.1.saturating_add(amount);
        let line = self.accounts.entry(line_of(credit)).or_insert((credit.class(), 0, 0));
        line.2 = line.2.saturating_add(amount);
        self.money.add(transfer);
    }

    /// Adds to what an account owes.
    fn own(&mut self, account: &Account, amount: i64) {
        match account {
            Account::Credit(binding) => {
                let held = self.bindings.entry(*binding).or_default();
                held.credit = held.credit.saturating_add(amount);
            }
            Account::Debt(customer) => {
                let debt = self.debts.entry(*customer).or_default();
                *debt = debt.saturating_sub(amount);
            }
            _ => {}
        }
    }

    /// What an account with a line of its own received, less what it gave.
    pub(super) fn received(&self, account: &Account) -> i128 {
        let line = self.accounts.get(&line_of(account)).copied();
        line.map_or(0, |(_, debits, credits)| difference(debits, credits))
    }

    pub(super) fn trial_balance(&self) -> TrialBalance {
        balance_of(&self.accounts)
    }

    pub(super) fn money(&self) -> MoneyIdentity {
        self.money.clone()
    }
}

pub(super) fn difference(debits: u128, credits: u128) -> i128 {
    let wide = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
    wide(debits).saturating_sub(wide(credits))
}

pub(super) fn balance_of(accounts: &BTreeMap<Group, (Class, u128, u128)>) -> TrialBalance {
    let mut balance = TrialBalance::default();
    for (account, (class, debits, credits)) in accounts {
        balance.debits = balance.debits.saturating_add(*debits);
        balance.credits = balance.credits.saturating_add(*credits);
        let (account, class, debits, credits) = (account.clone(), *class, *debits, *credits);
        balance.lines.push(TrialLine { account, class, debits, credits });
    }
    balance.lines.sort_by(|one, other| (one.class, &one.account).cmp(&(other.class, &other.account)));
    balance
}

impl MoneyIdentity {
    fn add(&mut self, transfer: &Transfer) {
        let amount = i128::from(transfer.amount.0);
        // Money that goes between the company's own places was not received again.
        let places = |account: &Account| {
            account.is_taken()
                || matches!(account, Account::Bank | Account::Differences(_) | Account::Commission(_))
        };
        let (debit, credit) = (&transfer.debit, &transfer.credit);
        match (places(debit), places(credit)) {
            (true, false) => self.received = self.received.saturating_add(amount),
            (false, true) => self.received = self.received.saturating_sub(amount),
            _ => {}
        }
        let paid = |account: &Account| matches!(account, Account::Paid(_));
        if paid(debit) {
            self.waiting = self.waiting.saturating_sub(amount);
        }
        if paid(credit) {
            self.waiting = self.waiting.saturating_add(amount);
        }
        if pays_out(transfer) {
            self.given_back = self.given_back.saturating_add(amount);
        }
        // A channel took back what a customer had paid: it is owed again.
        if matches!(debit, Account::Debt(_)) && credit.is_taken() {
            self.debts = self.debts.saturating_sub(amount);
        }
        if debit.is_taken() || paid(debit) {
            let term = match credit {
                Account::Credit(_) => &mut self.certified,
                Account::Fee(_) => &mut self.fees,
                Account::Levy(_) => &mut self.levies,
                Account::Debt(_) => &mut self.debts,
                _ => return,
            };
            *term = term.saturating_add(amount);
        }
    }

    /// What became of the money.
    pub const fn accounted(&self) -> i128 {
        let terms = [-self.given_back, self.fees, self.levies, self.debts, self.waiting];
        let mut sum = self.certified;
        let mut rest: &[i128] = &terms;
        while let [term, after @ ..] = rest {
            sum = sum.saturating_add(*term);
            rest = after;
        }
        sum
    }
}
