//! After a disaster: a card whose contract the restored ledger does not know.

use card_host::transport::Transport;
use serde_json::json;

use crate::commands::Error;
use crate::context::books::Books;
use crate::view::{Output, Table, egp};

pub(super) fn card(card: &mut Box<dyn Transport + '_>, books: &Books, reason: &str) -> Result<Output, Error> {
    let recovered = books.office.recover_card(&books.who, &books.id, card, reason)?;
    let binding = recovered.binding;
    let mut table = Table::default();
    table.line("card", recovered.card);
    table.line("account", recovered.account);
    table.line("meter", format!("{} (binding {})", binding.meter, binding.number));
    table.line(
        "total credit",
        format!("{}, {} of it entered now", egp(recovered.total_credit), egp(recovered.credit)),
    );
    table.line(
        "total debited",
        format!("{}, {} of it entered now", egp(recovered.total_debited), egp(recovered.debited)),
    );
    let json = json!({
        "request": books.id, "card": recovered.card.to_string(), "account": recovered.account,
        "meter": binding.meter.number(), "binding": binding.number, "sequence": recovered.sequence,
        "total_credit": recovered.total_credit.0, "total_debited": recovered.total_debited.0,
        "recovered_credit": recovered.credit.0, "recovered_debited": recovered.debited.0,
    });
    Ok(Output::new(table.finish(), json))
}
