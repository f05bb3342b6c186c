//! `cardctl meter status`: what the display shows.

use card_core::id::{Binding, MeterId};
use card_core::meter::{Buzzer, MeterState};
use card_core::parameters::Notice;
use card_core::tariff::Price;
use card_core::text::{Language, Situation, isolate};
use card_core::units::{Balance, CardTime};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::local;
use crate::view::card::{contract, used};
use crate::view::table::{Table, in_language, posix};
use crate::view::{View, customer};
use crate::words::say;

/// How a meter stands.
pub(crate) struct MeterStatus {
    meter: MeterId,
    state: Box<MeterState>,
}

impl MeterStatus {
    pub(crate) fn new(meter: MeterId, state: MeterState) -> Self {
        Self { meter, state: Box::new(state) }
    }

    fn json(&self) -> Value {
        let state = &*self.state;
        let status = state.status();
        let month = state.month();
        let tables = &state.tables;
        json!({
            "meter": self.meter.to_string(),
            "binding": state.binding,
            "account": state.account.to_string(),
            "time": posix(status.time),
            "clock_doubtful": state.clock.is_doubtful(),
            "clock_offset": state.clock.offset,
            "friendly_time": status.friendly,
            "balance": status.balance.0,
            "energy_left_10wh": status.energy_left.map(|energy| energy.0),
            "days_left": status.days_left,
            "slab": status.slab,
            "price_1e5_egp": status.price.0,
            "next_bracket": status.bracket.map(|bracket| json!({
                "energy_10wh": bracket.energy.0,
                "crossing": bracket.crossing.0,
                "price_1e5_egp": bracket.price.0,
            })),
            "restart_near": status.restart_near,
            "power_limit_w": status.power_limit,
            "loan_offered": status.loan_offered,
            "buzzer": status.buzzer as u8,
            "register_10wh": state.energy.0,
            "month": {
                "index": month.index,
                "energy_10wh": month.energy.0,
                "energy_charge": month.energy_charge.0,
            },
            "supply": status.supply.is_on(),
            "cut": status.supply.cut,
            "tampering": status.supply.tampering,
            "flags": status.flags.0,
            "loan_until": posix(status.supply.loan_until),
            "tariff": tables.active().version(),
            "waiting_tariff": tables.standby().map(|tariff| tariff.version()),
            "debts_left": state.debts.left().0,
            "debts_paid": state.debts.paid.0,
            "applied_credit": state.applied_credit.0,
            "applied_debited": state.applied_debited.0,
            "codes": state.situations().iter().copied().map(customer::code).collect::<Vec<_>>(),
            "notices": shown(state).iter().map(|notice| json!({
                "template": notice.template,
                "until": posix(notice.until),
                "value": notice.value,
                "code": customer::code(situation(notice)),
            })).collect::<Vec<_>>(),
        })
    }
}

impl Serialize for MeterStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl View for MeterStatus {
    fn text(&self, language: Language) -> String {
        let state = &*self.state;
        let status = state.status();
        let calendar = &state.calendar;
        let mut table = Table::new(language);
        let money = |amount: Balance| customer::amount(amount, language);
        let meter = self.meter;
        let contract = match state.binding {
            0 => say(
                language,
                format_args!("{meter} (no contract)"),
                format_args!("{} (بدون تعاقد)", isolate(meter)),
            ),
            number => contract(Binding { meter, number }, language),
        };
        table.line("meter", contract);
        let doubtful =
            if state.clock.is_doubtful() { (", doubtful", "، غير موثوق") } else { ("", "") };
        let friendly =
            if status.friendly { (", a friendly time", "، الوقت الصديق") } else { ("", "") };
        let shows = local::time(calendar, status.time);
        table.line(
            "clock",
            say(
                language,
                format_args!("{shows}{}{}", doubtful.0, friendly.0),
                format_args!("{}{}{}", isolate(&shows), doubtful.1, friendly.1),
            ),
        );
        let left = status.energy_left.filter(|left| left.0 != 0).map(|left| customer::kwh(left, language));
        let left = left.map_or_else(String::new, |left| {
            say(language, format_args!(", about {left}"), format_args!("، نحو {left}"))
        });
        table.line("credit", format!("{}{left}", money(status.balance)));
        if let Some(days) = status.days_left {
            table.line("days remaining", days);
        }
        let slab = if status.slab == 0 { "none yet".to_owned() } else { status.slab.to_string() };
        let slab = in_language(language, slab);
        table.line("slab", priced(&slab, status.price, language));
        if let Some(bracket) = status.bracket {
            let takes = match bracket.crossing {
                Balance(0) => String::new(),
                crossing if crossing > Balance(0) => {
                    let takes = money(crossing);
                    say(
                        language,
                        format_args!("; crossing it takes {takes}"),
                        format_args!("؛ فرق الشرائح عندها {takes}"),
                    )
                }
                Balance(crossing) => {
                    let back = money(Balance(crossing.saturating_neg()));
                    say(
                        language,
                        format_args!("; crossing it gives back {back}"),
                        format_args!("؛ يُرد عندها {back}"),
                    )
                }
            };
            let energy = customer::kwh(bracket.energy, language);
            let after = say(language, format_args!("in {energy}"), format_args!("بعد {energy}"));
            table.line("next bracket", format!("{}{takes}", priced(&after, bracket.price, language)));
        }
        let month = state.month();
        table.line("this month", used(month.energy, month.energy_charge, language));
        table.energy("register", state.energy);
        table.line("supply", if status.supply.is_on() { "on" } else { "cut" });
        if status.power_limit != 0 {
            let limit = status.power_limit;
            table.line(
                "power limit",
                say(language, format_args!("{limit} W"), format_args!("{} وات", isolate(limit))),
            );
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
            let (version, start) = (tariff.version(), local::time(calendar, tariff.start()));
            say(
                language,
                format_args!("; version {version} from {start}"),
                format_args!("؛ ورقم {} من {}", isolate(version), isolate(&start)),
            )
        });
        let version = tables.active().version();
        table.line(
            "tariff",
            say(
                language,
                format_args!("version {version}{waiting}"),
                format_args!("رقم {}{waiting}", isolate(version)),
            ),
        );
        if !state.debts.plan.debts().is_empty() {
            let (left, paid) = (state.debts.left(), state.debts.paid);
            let (left, paid) = (customer::amount(left, language), customer::amount(paid, language));
            table.line(
                "debts",
                say(
                    language,
                    format_args!("{left} still to pay, {paid} paid"),
                    format_args!("متبقٍ {left}، سُدد {paid}"),
                ),
            );
        }
        let mut text = table.finish();
        for &situation in state.situations().iter() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", situation.text(language));
        }
        for notice in &shown(state) {
            let _ = write!(text, "\n{}", in_words(notice, state, language));
        }
        text
    }
}

/// A slab, or when it comes, with its price.
fn priced(what: &str, price: Price, language: Language) -> String {
    say(
        language,
        format_args!("{what}, {price} piastres per kWh"),
        format_args!("{what}، {} قرشًا لكل ك.و.س", isolate(price)),
    )
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
        Language::Arabic => format!("{text} ({})", isolate(until)),
    }
}
