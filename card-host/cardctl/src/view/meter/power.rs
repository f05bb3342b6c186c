//! `cardctl meter cut-power`.

use card_core::text::Language;
use card_core::units::{Balance, Energy};
use serde::Serialize;

use crate::view::table::Table;
use crate::view::{View, customer};
use crate::words::{said, say};

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
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        table.line("meter", self.meter);
        table.energy("consumption meanwhile", self.consumed);
        let after = self.operations;
        let when = if self.torn {
            said!(
                language,
                "in the middle of operation {number} on the memory",
                "في وسط العملية {number} على الذاكرة",
                number = after.saturating_add(1),
            )
        } else {
            said!(
                language,
                "after the consumption was written: that took no more than {after} operations",
                "بعد تسجيل الاستهلاك، فلم يحتج إلا إلى {after} من العمليات",
                after,
            )
        };
        table.line("power failed", when);
        for (name, account) in [("before", &self.before), ("after, with power again", &self.after)] {
            let kwh = |energy| customer::kwh(Energy(energy), language);
            let said = said!(
                language,
                "{balance}, register {register}, this month {month}",
                "{balance}، قراءة العداد {register}، هذا الشهر {month}",
                balance = customer::amount(Balance(account.balance), language),
                register = kwh(account.register_10wh),
                month = kwh(account.month_10wh),
            );
            table.line(name, said);
        }
        let (english, arabic) = match (self.nothing_lost, self.written) {
            (true, true) => (
                "the consumption was written, and is there: nothing was lost",
                "سُجل الاستهلاك وهو موجود: لم يُفقد شيء",
            ),
            (true, false) => (
                "nothing that was written is lost; the consumption was not, and is not charged",
                "لم يُفقد شيء مما سُجل، والاستهلاك لم يُسجل ولا يُحاسب عليه",
            ),
            (false, _) => (
                "THE MEMORY IS NEITHER WHAT IT WAS NOR WHAT IT WAS TO BE",
                "يوجد خلل في ذاكرة العداد: ليست كما كانت ولا كما يجب أن تكون",
            ),
        };
        table.line("so", say(language, english, arabic));
        table.finish()
    }

    fn is_good(&self) -> bool {
        self.nothing_lost
    }
}
