//! What mail says, from the command line.

use card_core::calendar::{Calendar, Holiday};
use card_core::parameters::{Debt, DebtKind, DebtPlan, Limits, Notice, Notices};
use card_core::units::{CardTime, Energy, Piastres};
use clap::ValueEnum;

use crate::commands::mail::ContentError;
use crate::local;

#[derive(clap::Args)]
pub(super) struct LimitsArguments {
    /// Contracted power in W; 0: unlimited.
    #[arg(long, value_name = "W", default_value_t = Limits::DEFAULT.contracted_power)]
    contracted: u32,
    /// Power in certain hours, in W, in place of the contracted one.
    #[arg(long, value_name = "W", requires = "second_from", default_value_t = Limits::DEFAULT.second_power)]
    second_power: u32,
    /// Beginning of those hours, local time.
    #[arg(long, value_name = "HH:MM", default_value = "00:00", value_parser = minute)]
    second_from: u16,
    /// Their end, on the next day where it is before their beginning.
    #[arg(long, value_name = "HH:MM", default_value = "00:00", value_parser = minute)]
    second_until: u16,
    /// Power while an emergency loan is in use, in W; 0: unlimited.
    #[arg(long, value_name = "W", default_value_t = Limits::DEFAULT.loan_power)]
    loan_power: u32,
    /// First threshold of low credit, in EGP.
    #[arg(long, value_name = "EGP", default_value = "10", value_parser = Piastres::from_egp)]
    first: Piastres,
    /// Second threshold, not above the first.
    #[arg(long, value_name = "EGP", default_value = "5", value_parser = Piastres::from_egp)]
    second: Piastres,
    /// Emergency loan in hours; 0: none.
    #[arg(long, value_name = "HOURS", default_value_t = Limits::DEFAULT.loan_hours)]
    loan: u16,
    /// Most that a loan gives, in EGP; 0: no limit.
    #[arg(long, value_name = "EGP", default_value = "200", value_parser = Piastres::from_egp)]
    loan_amount: Piastres,
    /// Seconds in which the customer's card asks twice for a loan; 0: by the button only.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.loan_seconds)]
    loan_seconds: u16,
    /// Pause after an overload, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.overload_pause)]
    pause: u16,
    /// Pauses before an overload locks.
    #[arg(long, value_name = "N", default_value_t = Limits::DEFAULT.overload_pauses)]
    pauses: u8,
    /// After so many minutes without one, overloads are forgotten.
    #[arg(long, value_name = "MINUTES", default_value_t = Limits::DEFAULT.overload_reset)]
    reset: u16,
    /// Greatest step of the clock, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.clock_step)]
    clock_step: u32,
    /// Kinds of tampering that cut the supply, added up: 1 cover, 2 terminal cover, 4 magnet, 8 reverse current, 16 bypass.
    #[arg(long, value_name = "SUM", default_value_t = Limits::DEFAULT.tamper_cuts)]
    tamper_cuts: u8,
    /// After a cut for want of credit the supply waits for the meter's button.
    #[arg(long)]
    button: bool,
    /// Power of a cut supply that shows that the relay is stuck, in W; 0: it is not looked at.
    #[arg(long, value_name = "W", default_value_t = Limits::DEFAULT.relay_power)]
    relay_power: u16,
    /// A restart is told of so many kWh before it; 0: it is not.
    #[arg(long, value_name = "KWH", default_value_t = Limits::DEFAULT.restart_notice.0 / 100, value_parser = clap::value_parser!(u32).range(..=42_949_672))]
    restart_notice: u32,
}

impl LimitsArguments {
    pub(super) fn limits(&self) -> Result<Limits, ContentError> {
        let limits = Limits {
            first_threshold: piastres(self.first)?,
            second_threshold: piastres(self.second)?,
            contracted_power: self.contracted,
            second_power: self.second_power,
            second_from: self.second_from,
            second_until: self.second_until,
            loan_power: self.loan_power,
            overload_pause: self.pause,
            overload_pauses: self.pauses,
            overload_reset: self.reset,
            loan_hours: self.loan,
            loan_amount: piastres(self.loan_amount)?,
            loan_seconds: self.loan_seconds,
            clock_step: self.clock_step,
            tamper_cuts: self.tamper_cuts,
            policies: if self.button { Limits::BUTTON } else { 0 },
            relay_power: self.relay_power,
            restart_notice: Energy(self.restart_notice.saturating_mul(100)),
        };
        limits.check()?;
        Ok(limits)
    }
}

#[derive(clap::Args)]
pub(super) struct CalendarArguments {
    /// A holiday: its first day, and with +N how many days it lasts. To be repeated, up to 32.
    #[arg(long, value_name = "YYYY-MM-DD[+N]", value_parser = holiday)]
    holiday: Vec<Holiday>,
    /// Beginning of the friendly time of day.
    #[arg(long, value_name = "HH:MM", default_value = "17:00", value_parser = minute)]
    friendly_from: u16,
    /// Its end, on the next day where it is not later than its beginning.
    #[arg(long, value_name = "HH:MM", default_value = "10:00", value_parser = minute)]
    friendly_until: u16,
    /// Days of the week that are friendly as a whole; none for none.
    #[arg(long, value_name = "DAYS", default_value = "fri", value_parser = rest_days)]
    rest_days: u8,
}

impl CalendarArguments {
    pub(super) fn calendar(&self) -> Result<Calendar, ContentError> {
        let mut holidays = self.holiday.clone();
        holidays.sort_by_key(|holiday| holiday.first);
        let zone = *Calendar::EGYPT.zone();
        Ok(Calendar::new(zone, self.friendly_from, self.friendly_until, self.rest_days, &holidays)?)
    }
}

#[derive(clap::Args)]
pub(super) struct DebtArguments {
    /// Number of the debt, not 0, and used once in a contract.
    #[arg(long, required = true)]
    id: Vec<u32>,
    /// Each instalment, in EGP.
    #[arg(long, required = true, value_name = "EGP", value_parser = Piastres::from_egp)]
    amount: Vec<Piastres>,
    /// Number of instalments.
    #[arg(long, required = true, value_name = "N")]
    count: Vec<u16>,
    /// The first month that pays one.
    #[arg(long, required = true, value_name = "YYYY-MM", value_parser = month)]
    first_month: Vec<u16>,
    /// The last instalment, in EGP, where it is another amount.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    last: Vec<Piastres>,
    /// What the debts are for.
    #[arg(long, value_enum, default_value = "instalment")]
    kind: For,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    /// A purchase paid in instalments.
    Instalment,
    /// Rescheduled arrears.
    Arrears,
    /// Anything else.
    Other,
}

impl DebtArguments {
    pub(super) fn plan(&self) -> Result<DebtPlan, ContentError> {
        let count = self.id.len();
        let last = if self.last.is_empty() { &self.amount } else { &self.last };
        if [self.amount.len(), self.count.len(), self.first_month.len(), last.len()] != [count; 4] {
            return Err(ContentError::Debts);
        }
        let kind = match self.kind {
            For::Instalment => DebtKind::Instalment,
            For::Arrears => DebtKind::Arrears,
            For::Other => DebtKind::Other,
        };
        let amounts = self.amount.iter().zip(last);
        let times = self.count.iter().zip(&self.first_month);
        let debts = self.id.iter().zip(amounts.zip(times)).map(|(id, ((amount, last), (count, month)))| {
            Ok(Debt {
                id: *id,
                kind,
                first_month: *month,
                count: *count,
                amount: piastres(*amount)?,
                last: piastres(*last)?,
            })
        });
        Ok(DebtPlan::new(&debts.collect::<Result<Vec<_>, ContentError>>()?)?)
    }
}

#[derive(clap::Args)]
pub(super) struct NoticeArguments {
    /// Texts of docs/messages.md, such as N02; none takes all notices away.
    #[arg(value_parser = template)]
    template: Vec<u16>,
    /// The last local day on which they are shown; without it they have no end.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<u16>,
    /// What the text has a place for.
    #[arg(long, value_name = "N", default_value_t = 0)]
    value: u32,
}

impl NoticeArguments {
    pub(super) fn notices(&self) -> Result<Notices, ContentError> {
        let until = self.until.map_or(CardTime::UNSET, |day| local::end_of_day(&Calendar::EGYPT, day));
        let notice = |template: &u16| Notice { template: *template, until, value: self.value };
        Ok(Notices::new(&self.template.iter().map(notice).collect::<Vec<_>>())?)
    }
}

fn piastres(amount: Piastres) -> Result<u32, ContentError> {
    u32::try_from(amount.0).map_err(|_| ContentError::Amount)
}

fn holiday(text: &str) -> Result<Holiday, String> {
    let (first, days) = text.split_once('+').unwrap_or((text, "1"));
    match (local::day_number(first), days.parse()) {
        (Some(first), Ok(days)) if days != 0 => Ok(Holiday { first, days }),
        _ => Err("a holiday is a date from 2020 on, and how many days it lasts: 2027-03-10+3".to_owned()),
    }
}

fn day(text: &str) -> Result<u16, String> {
    local::day_number(text).ok_or_else(|| "a date from 2020 on is written 2027-03-10".to_owned())
}

fn month(text: &str) -> Result<u16, String> {
    local::month_index(text).ok_or_else(|| "a month from 2020 on is written 2027-03".to_owned())
}

fn minute(text: &str) -> Result<u16, String> {
    let parsed = text.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    });
    parsed.ok_or_else(|| "a time of day is written 17:00, from 00:00 to 23:59".to_owned())
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn rest_days(text: &str) -> Result<u8, String> {
    if text == "none" {
        return Ok(0);
    }
    text.split(',').try_fold(0, |days, name| {
        let bit = WEEKDAYS.iter().zip(0_u8..).find(|(known, _)| **known == name).map(|(_, bit)| 1 << bit);
        bit.map(|bit: u8| days | bit)
            .ok_or_else(|| "days are written sun,mon,tue,wed,thu,fri,sat; or none".to_owned())
    })
}

fn template(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix(['N', 'n']).unwrap_or(text);
    u16::from_str_radix(digits, 16).map_err(|_| "a notice is one of docs/messages.md, such as N02".to_owned())
}
