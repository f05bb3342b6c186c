//! `cardctl meter cut-power`.

use card_core::text::Language;
use card_core::units::{Balance, Energy};
use serde::Serialize;

use crate::view::View;
use crate::view::table::{Table, egp};

/// What must never disagree.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
    pub(crate) register_10wh: u32,
    pub(crate) month_10wh: u32,
}

/// What became of a memory whose power failed.
#[derive(Serialize)]
pub(crate) struct PowerCut {
    #[serde(serialize_with = "crate::view::as_text")]
    pub(crate) meter: u64,
    pub(crate) torn: bool,
    pub(crate) before: Account,
    pub(crate) after: Account,
    /// Whether the consumption is there.
    pub(crate) written: bool,
    pub(crate) nothing_lost: bool,
    /// What was consumed meanwhile.
    #[serde(skip)]
    pub(crate) consumed: Energy,
    /// How many operations on the memory succeeded.
    #[serde(skip)]
    pub(crate) operations: u64,
}

impl View for PowerCut {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        table.line("meter", self.meter);
        table.line("consumption meanwhile", self.consumed);
        let after = self.operations;
        let when = if self.torn {
            format!("in the middle of operation {} on the memory", after.saturating_add(1))
        } else {
            format!("after the consumption was written: that took no more than {after} operations")
        };
        table.line("power failed", when);
        for (name, account) in [("before", &self.before), ("after, with power again", &self.after)] {
            let (register, month) = (Energy(account.register_10wh), Energy(account.month_10wh));
            let balance = egp(Balance(account.balance));
            table.line(name, format!("{balance}, register {register}, this month {month}"));
        }
        let said = match (self.nothing_lost, self.written) {
            (true, true) => "the consumption was written, and is there: nothing was lost",
            (true, false) => "nothing that was written is lost; the consumption was not, and is not charged",
            (false, _) => "THE MEMORY IS NEITHER WHAT IT WAS NOR WHAT IT WAS TO BE",
        };
        table.line("so", said);
        table.finish()
    }

    fn is_good(&self) -> bool {
        self.nothing_lost
    }
}
