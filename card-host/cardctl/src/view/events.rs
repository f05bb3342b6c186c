//! Events of a meter in words.

use card_core::calendar::Calendar;
use card_core::message::Event;
use card_core::meter::doubt;
use card_core::meter::events::{Happening, fault, loan_end};
use card_core::parameters::command::kind;
use card_core::tariff::ChargeCode;
use card_core::text::{Language, Situation, isolate};
use card_core::units::{Balance, CardTime, Energy, Piastres};
use serde::Serialize;

use super::customer::{self, kwh};
use super::table::{in_language, time};
use crate::local;
use crate::words::say;

/// An event in words; times in it are local where the meter's calendar is known, else in UTC.
pub(crate) fn in_words(event: &Event, calendar: Option<&Calendar>, language: Language) -> String {
    let when = |at: CardTime| {
        let time = match calendar {
            Some(calendar) => local::time(calendar, at),
            None => time(at),
        };
        in_language(language, time)
    };
    let egp = |amount: Balance| customer::amount(amount, language);
    let say =
        |english: std::fmt::Arguments<'_>, arabic: std::fmt::Arguments<'_>| say(language, english, arabic);
    let Some(happening) = Happening::of(event) else {
        let bytes = format!("{:04X} {}", event.code, hex::encode_upper(event.data));
        return in_language(language, bytes);
    };
    match happening {
        Happening::BindingOpened { number } => {
            say(format_args!("binding {number} opened"), format_args!("بدأ التعاقد {}", isolate(number)))
        }
        Happening::CardRefused { reason, generation } => say(
            format_args!("a card of generation {generation} was refused (reason {reason:02X})"),
            format_args!(
                "رُفض كارت من الإصدار {} (السبب {})",
                isolate(generation),
                isolate(format_args!("{reason:02X}"))
            ),
        ),
        Happening::ClockDoubtful { reading, doubt } => {
            let (why, arabic) = match doubt {
                doubt::STOOD => ("it stood while there was no power", "توقفت أثناء انقطاع التيار"),
                doubt::CERTIFICATE => ("a certificate disagrees with it", "تخالفها شهادة"),
                _ => ("it does not go as it should", "لا تسير كما يجب"),
            };
            let at = when(reading);
            say(
                format_args!("the clock is doubtful, {why}: it showed {at}"),
                format_args!("تاريخ ووقت العداد يحتاجان إلى ضبط، فالساعة {arabic}، وكانت {at}"),
            )
        }
        Happening::NotBelieved { issued } => {
            let at = when(issued);
            say(
                format_args!("a certificate says that it was issued {at}: not believed"),
                format_args!("شهادة تذكر أنها صدرت في {at}، ولم يؤخذ به"),
            )
        }
        Happening::TimeMoved { before } => {
            let at = when(before);
            say(
                format_args!("a certificate put the clock forward; it was {at} before"),
                format_args!("قدمت شهادة الساعة، وكانت {at}"),
            )
        }
        Happening::ClockSet { before } => {
            let at = when(before);
            say(
                format_args!("the clock was set by a command; it was {at} before"),
                format_args!("ضُبطت الساعة بأمر، وكانت {at}"),
            )
        }
        Happening::MailRefused { slot, refusal, version } => {
            let why = mail(refusal, language);
            say(
                format_args!(
                    "mail in slot {slot:02X}, version {version}, was refused ({refusal:02X}): {why}"
                ),
                format_args!(
                    "رُفضت رسالة {}: {why}",
                    isolate(format_args!("{slot:02X}/{version}, {refusal:02X}"))
                ),
            )
        }
        Happening::Command { counter, kind, outcome: became } => {
            let (what, became) = (command(kind, language), outcome(became, language));
            say(
                format_args!("command {counter}, {what}: {became}"),
                format_args!("الأمر {}، {what}: {became}", isolate(counter)),
            )
        }
        Happening::KeysChanged { version } => say(
            format_args!("new keys, version number {version}"),
            format_args!("بيانات تشفير جديدة، رقمها {}", isolate(version)),
        ),
        Happening::SupplyCut { reasons } => {
            let reasons: Vec<_> = Situation::in_cut(reasons).map(|cut| cut.text(language).what).collect();
            reasons.join(if language == Language::Arabic { "؛ " } else { "; " })
        }
        Happening::SupplyRestored => say(format_args!("the supply is on again"), format_args!("عاد التيار")),
        Happening::LoanGiven { until } => {
            let at = when(until);
            say(format_args!("emergency loan, until {at}"), format_args!("خدمة سلفني حتى {at}"))
        }
        Happening::LoanOver { owed, how } => {
            let (why, arabic) = match how {
                loan_end::REPAID => ("repaid", "سُددت"),
                loan_end::AMOUNT => ("its amount is used up", "نفد مبلغها"),
                _ => ("its hours are over", "انتهت ساعاتها"),
            };
            let owed = egp(Balance(owed));
            say(
                format_args!("the emergency loan is over, {why}: {owed} owed"),
                format_args!("انتهت خدمة سلفني، {arabic}: المستحق {owed}"),
            )
        }
        Happening::PowerOff => say(format_args!("power went"), format_args!("انقطعت الكهرباء عن العداد")),
        Happening::PowerOn { away } => {
            let english = away.map_or_else(|| "nobody knows how long".to_owned(), |away| format!("{away} s"));
            let arabic =
                away.map_or_else(|| "غير معروفة".to_owned(), |away| format!("{} ثانية", isolate(away)));
            say(
                format_args!("power is back; it was away for {english}"),
                format_args!("عادت الكهرباء إلى العداد، ومدة الانقطاع {arabic}"),
            )
        }
        Happening::Overload { watts, count } => say(
            format_args!("overload: {watts} W, number {count}"),
            format_args!("زيادة الأحمال: {} وات، للمرة {}", isolate(watts), isolate(count)),
        ),
        Happening::Tampering { kind } => Situation::of_tampering(kind).map_or_else(
            || {
                say(
                    format_args!("tampering {kind:02X}"),
                    format_args!("تلاعب {}", isolate(format_args!("{kind:02X}"))),
                )
            },
            |seen| seen.text(language).what.to_owned(),
        ),
        Happening::Relay { fault: fault::RELAY_OFF, .. } => {
            say(format_args!("the relay does not close"), format_args!("مفتاح العداد لا يوصل التيار"))
        }
        Happening::Relay { watts, .. } => say(
            format_args!("the relay does not open: {watts} W while the supply is cut"),
            format_args!("مفتاح العداد لا يفصل التيار: {} وات أثناء القطع", isolate(watts)),
        ),
        Happening::BatteryLow => Situation::BatteryLow.text(language).what.to_owned(),
        Happening::RestartNear { crossing, energy } => {
            let (crossing, energy) = (egp(Balance(crossing.into())), kwh(Energy(energy.into()), language));
            say(
                format_args!("a restart is near: crossing it in {energy} takes {crossing}"),
                format_args!(
                    "اقترب الانتقال إلى شريحة يعاد حساب الشهر عندها: بعد {energy}، وفرق الشرائح {crossing}"
                ),
            )
        }
        Happening::ReRated { adjustment, slab } => {
            let taken = egp(Balance(adjustment.into()));
            say(
                format_args!("the month was rated again, slab {slab}: {taken} taken"),
                format_args!("أعيد حساب الشهر على الشريحة {}: فرق الشرائح {taken}", isolate(slab)),
            )
        }
        Happening::Instalment { amount, debt } => {
            let taken = customer::amount(Piastres(amount.into()), language);
            say(
                format_args!("instalment of {taken} taken, debt ..{debt:04X}"),
                format_args!("خُصم قسط {taken}، المديونية {}", isolate(format_args!("..{debt:04X}"))),
            )
        }
        Happening::Tariff { version } => say(
            format_args!("tariff version {version} is in force"),
            format_args!("بدأ العمل بالتعريفة {}", isolate(version)),
        ),
        Happening::TariffReplaced { version } => say(
            format_args!("tariff version {version}, which waited, was replaced by a newer one"),
            format_args!("حلت تعريفة أحدث محل التعريفة المنتظرة {}", isolate(version)),
        ),
        Happening::Credit { amount } => {
            let added = egp(Balance(amount));
            say(format_args!("credit of {added} added"), format_args!("أضيف رصيد {added}"))
        }
        Happening::Correction { amount } => {
            let taken = egp(Balance(amount));
            say(
                format_args!("a correction of an earlier charge: {taken} taken"),
                format_args!("تصحيح لشحنة سابقة: خُصم {taken}"),
            )
        }
        Happening::Fees { amount, kind } => {
            let (taken, code) = (egp(Balance(amount)), ChargeCode(kind));
            let what = if kind == 0 { "service fee".to_owned() } else { code.to_string() };
            say(
                format_args!("{what} of the month that has ended: {taken} taken"),
                format_args!("مقابل خدمة العملاء ورسوم الشهر ({}): خُصم {taken}", isolate(kind)),
            )
        }
        Happening::MonthBrought { taken } => {
            let taken = egp(Balance(taken));
            say(
                format_args!("the month so far came from another contract: {taken} taken"),
                format_args!("نُقل استهلاك الشهر من تعاقد آخر: خُصم {taken}"),
            )
        }
    }
}

/// What became of a command: 01, or why it was refused.
pub(crate) fn outcome(outcome: u8, language: Language) -> String {
    match outcome {
        0x01 => say(language, "executed", "نُفذ"),
        refusal => mail(refusal, language).to_owned(),
    }
}

fn mail(refusal: u8, language: Language) -> &'static str {
    Situation::of_mail(refusal).unwrap_or(Situation::MailMalformed).text(language).what
}

/// An event.
#[derive(Serialize)]
pub(crate) struct EventView {
    number: u32,
    time: u64,
    code: String,
    data: String,
    says: String,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            number: event.number,
            time: event.time.to_unix(),
            code: format!("{:04X}", event.code),
            data: hex::encode_upper(event.data),
            says: in_words(event, None, Language::English),
        }
    }
}

/// A kind of command in words.
pub(crate) fn command(code: u8, language: Language) -> String {
    let (english, arabic) = match code {
        kind::CUT => ("cut the supply", "قطع التيار"),
        kind::END_CUT => ("end the cut by command", "إنهاء القطع بأمر"),
        kind::CLEAR_TAMPER => ("clear tampering", "مسح التلاعب"),
        kind::CLOCK => ("set the clock", "ضبط الساعة"),
        kind::READ_OUT => ("read out", "قراءة العداد"),
        kind::END_OVERLOAD => ("end the overload", "إنهاء زيادة الأحمال"),
        kind::LOWEST_GENERATION => ("set the lowest generation", "تحديد أقل إصدار مقبول"),
        kind::CLOCK_BACK => ("set the clock, also before certificates", "ضبط الساعة ولو قبل وقت الشهادات"),
        code => return in_language(language, format!("kind {code:02X}")),
    };
    say(language, english, arabic)
}
