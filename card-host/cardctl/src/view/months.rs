//! Months of a meter: what was consumed in each, and what it took.

use card_core::message::Month;
use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use serde::Serialize;
use std::fmt::Write as _;

use super::words::words;
use crate::local;

/// A month of a meter.
#[derive(Serialize)]
pub(crate) struct MonthView {
    month: String,
    index: u16,
    closed: bool,
    energy_10wh: u32,
    energy_charge: u64,
    re_rating: i32,
    service_fee: u32,
    levies: i32,
    other_charges: i32,
    fees: i64,
    instalments: u32,
    doubt_cost: u32,
    tariff: u32,
    slab: u8,
    peak_w: u32,
    partial: bool,
    re_rated: bool,
    clock_doubtful: bool,
}

const PARTIAL: u8 = 0x01;
const RE_RATED: u8 = 0x02;
const DOUBTFUL: u8 = 0x04;

/// Longest bar of the drawing.
const BAR: u64 = 30;

impl MonthView {
    pub(crate) fn new(month: &Month, closed: bool) -> Self {
        Self {
            month: local::month(month.index),
            index: month.index,
            closed,
            energy_10wh: month.energy.0,
            energy_charge: month.energy_charge.0,
            re_rating: month.re_rating,
            service_fee: month.service_fee,
            levies: month.levies,
            other_charges: month.others,
            fees: month.fees().0,
            instalments: month.instalments,
            doubt_cost: month.doubt_cost,
            tariff: month.tariff,
            slab: month.slab,
            peak_w: month.peak,
            partial: month.flags & PARTIAL != 0,
            re_rated: month.flags & RE_RATED != 0,
            clock_doubtful: month.flags & DOUBTFUL != 0,
        }
    }

    /// Energy charge, fees and instalments.
    pub(crate) fn total(&self) -> Balance {
        let charge = i64::try_from(self.energy_charge).unwrap_or(i64::MAX);
        Balance(charge.saturating_add(self.fees).saturating_add(self.instalments.into()))
    }

    /// In one line, with a bar; `most` is the most energy of a month.
    fn text(&self, most: u32, language: Language) -> String {
        let (charge, fees) = (Piastres(self.energy_charge), Balance(self.fees));
        let total = self.total();
        let width = u64::from(self.energy_10wh) * BAR / u64::from(most);
        let bar: String = (0..width).map(|_| '#').collect();
        let mut text = format!(
            "{:<8} {:>10} {:>12} {:>10} {:>10} {:>11} {:>12} {:>5} {:>7}  {:<10} {bar}",
            self.month,
            Piastres(self.energy_10wh.into()).to_string(),
            charge.to_string(),
            Balance(self.re_rating.into()).to_string(),
            if self.closed { fees.to_string() } else { words(language, "not yet").to_owned() },
            Piastres(self.instalments.into()).to_string(),
            total.to_string(),
            self.slab,
            self.peak_w,
            self.flags(language),
        );
        text.truncate(text.trim_end().len());
        text
    }

    fn flags(&self, language: Language) -> String {
        let named = [
            (!self.closed, "runs"),
            (self.partial, "partial"),
            (self.re_rated, "re-rated"),
            (self.clock_doubtful, "clock"),
        ];
        let mut set: Vec<_> = named
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, name)| words(language, name).to_owned())
            .collect();
        if self.doubt_cost != 0 {
            set.push(Piastres(self.doubt_cost.into()).to_string());
        }
        set.join(" ")
    }
}

/// Each month in a line under a head; "re-rated" is a part of the energy charge, and so is the amount behind the
/// flag of the clock.
pub(crate) fn table<'a>(months: impl Iterator<Item = &'a MonthView> + Clone, language: Language) -> String {
    let most = months.clone().map(|month| month.energy_10wh).max().unwrap_or(0).max(1);
    let [month, kwh, energy, re_rated, fees, instalments, total, slab, peak, flags] = match language {
        Language::English => [
            "month",
            "kWh",
            "energy EGP",
            "re-rated",
            "fees EGP",
            "instalments",
            "total EGP",
            "slab",
            "peak W",
            "flags",
        ],
        Language::Arabic => [
            "الشهر",
            "ك.و.س",
            "الاستهلاك ج",
            "فرق شرائح",
            "الرسوم ج",
            "الأقساط",
            "الإجمالي ج",
            "شريحة",
            "أقصى و",
            "ملاحظات",
        ],
    };
    let mut text = format!(
        "{month:<8} {kwh:>10} {energy:>12} {re_rated:>10} {fees:>10} {instalments:>11} {total:>12} {slab:>5} {peak:>7}  {flags}"
    );
    for month in months {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", month.text(most, language));
    }
    text
}
