//! What a seller does in these tests: sales in one step and in three, a cancellation, a debit, a refresh.

use card_host::card_core::id::CardId;
use card_host::card_core::units::Piastres;
use card_ledger::{DebitOrder, DebitTo, LedgerError, Office, Payee, RequestId, SaleOrder};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use system_tests::HANG;
use system_tests::world::{kiosk, wallet, who};

/// The things that are done, in this order.
pub(crate) const ACTIONS: [&str; 7] = ["sell", "reserve", "confirm", "doubt", "cancel", "debit", "refresh"];

/// Does one of them. The answer is the same text whenever it is asked for again.
pub(crate) fn act(office: &Office, action: &str, round: &str) -> Result<String, LedgerError> {
    let id = |action: &str| -> RequestId { format!("{round}.{action}").parse().unwrap() };
    let order = |who, action: &str, card| SaleOrder {
        who,
        id: id(action),
        payee: Payee::Card(CardId::from(card)),
        amount: Piastres(10_000),
    };
    let boss = || who("company", "office", "mona");
    Ok(match action {
        "sell" => format!("{:?}", office.sell(&order(kiosk(), "sell", 1))?),
        // Asked for again after it was confirmed, an announcement shows what became of it.
        "reserve" => format!("{:?}", office.reserve(&order(wallet(), "pay", 2))?.entry),
        "confirm" => {
            let (sale, reason) = office.confirm(&wallet(), &id("pay"), None)?;
            assert!(reason.is_none(), "{reason:?}");
            format!("{sale:?}")
        }
        "doubt" => format!("{:?}", office.reserve(&order(kiosk(), "doubt", 2))?.entry),
        "cancel" => format!("{:?}", office.cancel(&kiosk(), &id("doubt"))?),
        "debit" => {
            // So little that all rounds together need no second person.
            let (payee, amount, to) = (Payee::Card(CardId::from(1)), Piastres(70), DebitTo::Cash);
            let order =
                DebitOrder { who: boss(), id: id("debit"), payee, amount, to, reason: "mistake".to_owned() };
            format!("{:?}", office.debit(&order)?)
        }
        "refresh" => {
            format!("{:?}", office.refresh(&boss(), &id("refresh"), Payee::Card(CardId::from(2)))?)
        }
        other => panic!("{other}"),
    })
}

/// Asks for everything of a round again and again until it is answered, and compares with what was answered before.
pub(crate) fn settle(office: &Office, round: &str, before: &BTreeMap<String, String>) {
    for action in ACTIONS {
        let begin = Instant::now();
        let answer = loop {
            match act(office, action, round) {
                Ok(answer) => break answer,
                Err(error) if error.is_passing() && begin.elapsed() < HANG => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => panic!("{round}.{action}: {error}"),
            }
        };
        if let Some(before) = before.get(action) {
            assert_eq!(&answer, before, "{round}.{action} was acknowledged, and is another thing now");
        }
    }
}
