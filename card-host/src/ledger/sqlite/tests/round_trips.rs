//! What is written is read as it was written.

use super::*;
use crate::ledger::{Ask, Payee, read};

#[test]
fn a_sale_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&ledger, 1);
    let of = request("sale-1");
    let code = "kiosk-0".parse().unwrap();
    let ask = Ask { request: &of, point: &code, payee: Some(Payee::Card(CardId::from(0))) };
    let written = transact(&ledger, |transaction| {
        let context = transaction.context(&ask)?;
        assert_eq!(context.steps, []);
        assert_eq!(context.party.unwrap().channel, Channel::Kiosk);
        let (entry, point, held) = sale(&context.point.unwrap(), &context.binding.unwrap(), &of, 5000);
        transaction.write(&entry, &point, &[Head::Binding(Box::new(held.clone()))])?;
        Ok((entry, point, held))
    })
    .unwrap();
    let (entry, point, held) = written;
    read(&ledger, |transaction| {
        let context = transaction.context(&ask)?;
        assert_eq!(context.steps.len(), 1);
        assert_eq!(context.steps[0].entry, entry.id);
        assert_eq!(context.point.as_ref(), Some(&point));
        assert_eq!(context.binding.as_ref(), Some(&held));
        let read = transaction.entry(&entry.id)?.unwrap();
        assert_eq!(read, entry);
        assert_eq!(read.hashed(), entry.hash);
        Ok(())
    })
    .unwrap();
}
