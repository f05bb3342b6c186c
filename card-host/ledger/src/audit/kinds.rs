//! Whether the transfers of an entry are those that its kind has (docs/ledger.md, section 2).

use card_core::units::Piastres;

use crate::accounts::LedgerAccount as Account;
use crate::entry::{Entry, Kind, Transfer};

/// What does not fit, in words.
pub(super) fn misfit(entry: &Entry) -> Option<String> {
    if entry.transfers.len() > Entry::TRANSFERS {
        return Some(format!("{} transfers", entry.transfers.len()));
    }
    for transfer in &entry.transfers {
        if transfer.amount == Piastres::ZERO || !fits(entry, transfer) {
            let Transfer { debit, credit, amount } = transfer;
            return Some(format!("{debit} <- {credit}, {amount} EGP"));
        }
    }
    let sum: u128 = entry.transfers.iter().map(|transfer| u128::from(transfer.amount.0)).sum();
    let whole = matches!(
        entry.kind,
        Kind::Sale
            | Kind::Confirm
            | Kind::Certify
            | Kind::Refund
            | Kind::Debit
            | Kind::Debt
            | Kind::Deposit
            | Kind::Fee
            | Kind::FeeBack
    );
    if whole && sum != u128::from(entry.amount.0) {
        return Some(format!("transfers of {sum} piastres for an amount of {}", entry.amount.0));
    }
    let through = entry.transfers.iter().map(|transfer| match (&transfer.debit, &transfer.credit) {
        (Account::Moves, _) => -i128::from(transfer.amount.0),
        (_, Account::Moves) => i128::from(transfer.amount.0),
        _ => 0,
    });
    let left: i128 = through.sum();
    (left != 0).then(|| format!("{left} piastres stay between two bindings"))
}

fn fits(entry: &Entry, transfer: &Transfer) -> bool {
    let point = &entry.id.point;
    let cash = |account: &Account| matches!(account, Account::Cash(of) if of == point);
    let receivable = |account: &Account| matches!(account, Account::Receivable(_));
    // Of a bank or a wallet what it took is owed by it, and is no cash of its vending point.
    let taken = |account: &Account| {
        cash(account) || matches!(account, Account::Receivable(of) if *of == entry.request.party)
    };
    let paid = |account: &Account| matches!(account, Account::Paid(of) if of == point);
    let own = |account: &Account| matches!(account, Account::Credit(of) if Some(*of) == entry.binding);
    let debtor = |account: &Account| matches!(account, Account::Debt(of) if *of == entry.account);
    let part = |account: &Account| {
        own(account) || debtor(account) || matches!(account, Account::Fee(_) | Account::Levy(_))
    };
    let (debit, credit) = (&transfer.debit, &transfer.credit);
    let between = |one: &dyn Fn(&Account) -> bool, other: &dyn Fn(&Account) -> bool| {
        (one(debit) && other(credit)) || (other(debit) && one(credit))
    };
    match entry.kind {
        Kind::Sale => taken(debit) && part(credit),
        Kind::Confirm => taken(debit) && paid(credit),
        Kind::Certify => paid(debit) && part(credit),
        Kind::Refund => paid(debit) && taken(credit),
        Kind::Debit => own(debit) && (cash(credit) || debtor(credit) || *credit == Account::Corrections),
        Kind::Adopt => between(&own, &|account| *account == Account::Opening),
        Kind::GiveBack => {
            let given = |account: &Account| {
                cash(account) || debtor(account) || matches!(account, Account::Bank | Account::Consumed)
            };
            (own(debit) && given(credit)) || (debtor(debit) && own(credit))
        }
        // The entry is about the new binding; the old one stands in its reason. What was used is never given back.
        Kind::Move => {
            let binding = |account: &Account| matches!(account, Account::Credit(_));
            between(&binding, &|account| *account == Account::Moves)
                || (binding(debit) && *credit == Account::Consumed)
        }
        Kind::Debt => debtor(debit) && (*credit == Account::Opening || receivable(credit)),
        Kind::Deposit => match (debit, credit) {
            (Account::Bank, credit) => cash(credit) || receivable(credit),
            (Account::Commission(of), Account::Receivable(by)) => of == by,
            _ => false,
        },
        Kind::Close => between(&cash, &|account| matches!(account, Account::Differences(of) if of == point)),
        Kind::Fee => (taken(debit) || debtor(debit)) && of_step(entry, credit),
        Kind::FeeBack => of_step(entry, debit) && (taken(credit) || debtor(credit)),
        Kind::Recover => between(&own, &|account| *account == Account::Recovered),
        _ => false,
    }
}

/// Whether an account is where the fee of the step that an entry names is booked.
fn of_step(entry: &Entry, account: &Account) -> bool {
    crate::papers::taken(entry).is_some_and(|fee| fee.step.income().is_ok_and(|income| income == *account))
}
