//! `cardctl meter status`: what the display shows.

use card_core::id::MeterId;
use card_core::meter::{Buzzer, MeterState};
use card_core::parameters::Notice;
use card_core::text::{Language, Situation};
use card_core::units::{Balance, CardTime};
use serde::Serialize;
use std::fmt::Write as _;

use crate::local;
use crate::view::table::{Table, egp, posix};
use crate::view::{View, customer};

/// How a meter stands.
#[derive(Serialize)]
pub(crate) struct MeterStatus {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    time: Option<u64>,
    clock_doubtful: bool,
    clock_offset: i64,
    friendly_time: bool,
    balance: i64,
    energy_left_10wh: Option<u32>,
    days_left: Option<u32>,
    slab: u8,
    price_1e5_egp: u32,
    next_bracket: Option<Bracket>,
    restart_near: bool,
    power_limit_w: u32,
    loan_offered: bool,
    buzzer: u8,
    register_10wh: u32,
    month: Running,
    supply: bool,
    cut: u8,
    tampering: u8,
    flags: u16,
    loan_until: Option<u64>,
    tariff: u32,
    waiting_tariff: Option<u32>,
    debts_left: u64,
    debts_paid: u64,
    applied_credit: u64,
    applied_debited: u64,
    codes: Vec<&'static str>,
    notices: Vec<NoticeView>,
    #[serde(skip)]
    state: Box<MeterState>,
}

/// Where the price changes.
#[derive(Serialize)]
struct Bracket {
    energy_10wh: u32,
    crossing: i64,
    price_1e5_egp: u32,
}

/// The month that runs.
#[derive(Serialize)]
struct Running {
    index: u16,
    energy_10wh: u32,
    energy_charge: u64,
}

#[derive(Serialize)]
struct NoticeView {
    template: u16,
    until: Option<u64>,
    value: u32,
    code: &'static str,
}

impl From<&Notice> for NoticeView {
    fn from(notice: &Notice) -> Self {
        Self {
            template: notice.template,
            until: posix(notice.until),
            value: notice.value,
            code: customer::code(situation(notice)),
        }
    }
}

impl MeterStatus {
    pub(crate) fn new(meter: MeterId, state: MeterState) -> Self {
        let status = state.status();
        let month = state.month();
        let tables = &state.tables;
        Self {
            meter: meter.number(),
            binding: state.binding,
            account: state.account,
            time: posix(status.time),
            clock_doubtful: state.clock.is_doubtful(),
            clock_offset: state.clock.offset,
            friendly_time: status.friendly,
            balance: status.balance.0,
            energy_left_10wh: status.energy_left.map(|energy| energy.0),
            days_left: status.days_left,
            slab: status.slab,
            price_1e5_egp: status.price.0,
            next_bracket: status.bracket.map(|bracket| Bracket {
                energy_10wh: bracket.energy.0,
                crossing: bracket.crossing.0,
                price_1e5_egp: bracket.price.0,
            }),
            restart_near: status.restart_near,
            power_limit_w: status.power_limit,
            loan_offered: status.loan_offered,
            buzzer: status.buzzer as u8,
            register_10wh: state.energy.0,
            month: Running {
                index: month.index,
                energy_10wh: month.energy.0,
                energy_charge: month.energy_charge.0,
            },
            supply: status.supply.is_on(),
            cut: status.supply.cut,
            tampering: status.supply.tampering,
            flags: status.flags.0,
            loan_until: posix(status.supply.loan_until),
            tariff: tables.active().version(),
            waiting_tariff: tables.standby().map(|tariff| tariff.version()),
            debts_left: state.debts.left().0,
            debts_paid: state.debts.paid.0,
            applied_credit: state.applied_credit.0,
            applied_debited: state.applied_debited.0,
            codes: state.situations().map(customer::code).collect(),
            notices: shown(&state).iter().map(NoticeView::from).collect(),
            state: Box::new(state),
        }
    }
}

impl View for MeterStatus {
    fn text(&self, language: Language) -> String {
        let state = &*self.state;
        let status = state.status();
        let calendar = &state.calendar;
        let mut table = Table::default();
        let number = self.meter;
        let binding =
            if state.binding == 0 { "no contract".to_owned() } else { format!("binding {}", state.binding) };
        table.line("meter", format!("{number} ({binding})"));
        let doubtful = if state.clock.is_doubtful() { ", doubtful" } else { "" };
        let friendly = if status.friendly { ", a friendly time" } else { "" };
        table.line("clock", format!("{}{doubtful}{friendly}", local::time(calendar, status.time)));
        let left = status.energy_left.filter(|left| left.0 != 0);
        let left = left.map_or_else(String::new, |left| format!(", about {left}"));
        table.line("credit", format!("{}{left}", egp(status.balance)));
        if let Some(days) = status.days_left {
            table.line("days remaining", days);
        }
        let slab = if status.slab == 0 { "none yet".to_owned() } else { status.slab.to_string() };
        table.line("slab", format!("{slab}, {} piastres per kWh", status.price));
        if let Some(bracket) = status.bracket {
            let takes = match bracket.crossing {
                Balance(0) => String::new(),
                crossing if crossing > Balance(0) => format!("; crossing it takes {}", egp(crossing)),
                Balance(crossing) => {
                    format!("; crossing it gives back {}", egp(Balance(crossing.saturating_neg())))
                }
            };
            table.line(
                "next bracket",
                format!("in {}, {} piastres per kWh{takes}", bracket.energy, bracket.price),
            );
        }
        let month = state.month();
        table.line("this month", format!("{}, {}", month.energy, egp(month.energy_charge)));
        table.line("register", state.energy);
        table.line("supply", if status.supply.is_on() { "on" } else { "cut" });
        if status.power_limit != 0 {
            table.line("power limit", format!("{} W", status.power_limit));
        }
        let buzzer = match status.buzzer {
            Buzzer::Silent => None,
            Buzzer::LowCredit => Some("credit is low"),
            Buzzer::CutIsNear => Some("a cut is near"),
        };
        if let Some(buzzer) = buzzer {
            table.line("buzzer", buzzer);
        }
        if status.supply.loan_until != CardTime::UNSET {
            table.line("emergency loan until", local::time(calendar, status.supply.loan_until));
        }
        let tables = &state.tables;
        let waiting = tables.standby().map_or_else(String::new, |tariff| {
            format!("; version {} from {}", tariff.version(), local::time(calendar, tariff.start()))
        });
        table.line("tariff", format!("version {}{waiting}", tables.active().version()));
        if !state.debts.plan.debts().is_empty() {
            let (left, paid) = (egp(state.debts.left()), egp(state.debts.paid));
            table.line("debts", format!("{left} still to pay, {paid} paid"));
        }
        let mut text = table.finish();
        for situation in state.situations() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", situation.text(language));
        }
        for notice in &shown(state) {
            let _ = write!(text, "\n{}", in_words(notice, state, language));
        }
        text
    }
}

/// The notices that have not ended.
fn shown(state: &MeterState) -> Vec<Notice> {
    let time = state.clock.time;
    let lasts = |notice: &&Notice| notice.until == CardTime::UNSET || notice.until > time;
    state.inbox.notices.notices().iter().filter(lasts).copied().collect()
}

fn situation(notice: &Notice) -> Situation {
    Situation::of_notice(notice.template).unwrap_or(Situation::Notice)
}

fn in_words(notice: &Notice, state: &MeterState, language: Language) -> String {
    let text = situation(notice).text(language);
    if notice.until == CardTime::UNSET {
        return text.to_string();
    }
    let until = local::last_minute(&state.calendar, notice.until);
    match language {
        Language::English => format!("{text} (until {until})"),
        Language::Arabic => format!("{text} ({})", card_core::text::isolate(until)),
    }
}
