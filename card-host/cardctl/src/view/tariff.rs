//! `cardctl tariff`.

use card_core::tariff::{Basis, Bill, Charge, Lines, Slab, Tariff};
use card_core::text::Language;
use card_core::units::{Balance, Energy, Piastres};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::View;
use super::customer;
use super::table::{Table, time};
use crate::words::{comma, said, say};

/// What months cost.
#[derive(Serialize)]
pub(crate) struct Prices {
    tariff: u32,
    months: Vec<Price>,
}

#[derive(Serialize)]
struct Price {
    energy_10wh: u32,
    energy_charge: u64,
    slab: u8,
    re_rated: bool,
    service_fee: u64,
    charges: Vec<Line>,
    total: i64,
    #[serde(skip)]
    all_charges: Balance,
}

#[derive(Serialize)]
struct Line {
    code: u8,
    name: String,
    amount: i64,
}

impl Prices {
    /// Each bill is of a month with that consumption.
    pub(crate) fn new(tariff: &Tariff, bills: &[(Energy, Bill)]) -> Self {
        let months = bills.iter().map(|(energy, bill)| Price {
            energy_10wh: energy.0,
            energy_charge: bill.energy_charge.0,
            slab: bill.slab,
            re_rated: bill.re_rated,
            service_fee: bill.service_fee.0,
            charges: bill
                .charges()
                .map(|line| Line { code: line.code.0, name: line.code.to_string(), amount: line.amount.0 })
                .collect(),
            total: bill.total().0,
            all_charges: Balance(bill.charges().map(|line| line.amount.0).fold(0, i64::saturating_add)),
        });
        Self { tariff: tariff.version(), months: months.collect() }
    }
}

impl View for Prices {
    fn text(&self, language: Language) -> String {
        let [kwh, energy, slab, rated, fee, charges, total] = match language {
            Language::English => {
                ["kWh", "energy EGP", "slab", "re-rated", "service fee", "charges", "month EGP"]
            }
            Language::Arabic => {
                ["ك.و.س", "الاستهلاك ج", "شريحة", "فرق شرائح", "خدمة العملاء", "الرسوم", "الشهر ج"]
            }
        };
        let mut text =
            format!("{kwh:>14} {energy:>14} {slab:>5} {rated:>9} {fee:>12} {charges:>10} {total:>14}");
        for month in &self.months {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{:>14} {:>14} {:>5} {:>9} {:>12} {:>10} {:>14}",
                piastres(month.energy_10wh).to_string(),
                Piastres(month.energy_charge).to_string(),
                month.slab,
                if month.re_rated { say(language, "yes", "نعم") } else { say(language, "no", "لا") },
                Piastres(month.service_fee).to_string(),
                month.all_charges.to_string(),
                Balance(month.total).to_string(),
            );
        }
        text
    }
}

/// A tariff that is right.
#[derive(Serialize)]
pub(crate) struct Checked {
    version: u32,
    start: u64,
    kind: String,
    zero_consumption_fee: u32,
    slabs: Vec<SlabView>,
    charges: Vec<ChargeView>,
    bytes: String,
    #[serde(skip)]
    tariff: Tariff,
}

#[derive(Serialize)]
struct SlabView {
    up_to_kwh: Option<u32>,
    price_1e5_egp: u32,
    restart: bool,
    fee: u32,
}

#[derive(Serialize)]
struct ChargeView {
    code: u8,
    name: String,
    /// Its value, by the name of its basis; and what else it says.
    #[serde(flatten)]
    says: BTreeMap<&'static str, u32>,
    credit: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    of: Vec<String>,
}

impl From<Slab> for SlabView {
    fn from(slab: Slab) -> Self {
        Self { up_to_kwh: slab.bound, price_1e5_egp: slab.price.0, restart: slab.restart, fee: slab.fee }
    }
}

impl From<Charge> for ChargeView {
    fn from(charge: Charge) -> Self {
        let basis = match charge.basis {
            Basis::Fixed(fixed) => ("fixed", fixed),
            Basis::PerKwh(price) => ("per_kwh_1e5_egp", price.0),
            Basis::PerDay(fixed) => ("per_day", fixed),
            Basis::PerCent(share) => ("hundredths_of_per_cent", share),
            Basis::Minimum(least) => ("minimum", least),
        };
        let more = [
            ("first_kwh", charge.first),
            ("month", charge.month.map(u32::from)),
            ("above_kwh", Some(charge.above).filter(|above| *above != 0)),
            ("up_to_kwh", charge.up_to),
            ("at_most", charge.most),
        ];
        let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Self {
            code: charge.code.0,
            name: charge.code.to_string(),
            says: [basis].into_iter().chain(more).collect(),
            credit: charge.credit,
            of: names(charge.of),
        }
    }
}

/// Lines of a bill, as a file names them.
fn names(of: Lines) -> Vec<String> {
    named(of, Language::English)
}

fn named(of: Lines, language: Language) -> Vec<String> {
    let all = (0..u16::BITS).filter(|bit| of.0 >> bit & 1 == 1);
    let name = |bit| match bit {
        0 => said!(language, "energy", "قيمة الاستهلاك"),
        1 => said!(language, "service fee", "مقابل خدمة العملاء"),
        _ => said!(language, "charge {number}", "البند {number}", number = bit - 1),
    };
    all.map(name).collect()
}

/// A charge in words.
fn words(charge: &Charge, language: Language) -> String {
    let egp = |amount| customer::amount(piastres(amount), language);
    let of = named(charge.of, language).join(comma(language));
    let basis = match charge.basis {
        Basis::Fixed(fixed) => said!(language, "{fixed} a month", "{fixed} في الشهر", fixed = egp(fixed)),
        Basis::PerKwh(price) => {
            said!(language, "{price} piastres per kWh", "{price} قرش لكل ك.و.س", price)
        }
        Basis::PerDay(fixed) => said!(language, "{fixed} a day", "{fixed} في اليوم", fixed = egp(fixed)),
        Basis::PerCent(share) => {
            said!(language, "{share} % of {of}", "{share} % من {of}", share = piastres(share), of)
        }
        Basis::Minimum(least) => {
            said!(
                language,
                "what {of} are below {least}",
                "ما يقل به {of} عن {least}",
                of,
                least = egp(least)
            )
        }
    };
    let limits = [
        charge.first.map(|kwh| said!(language, "of the first {kwh} kWh", "عن أول {kwh} ك.و.س", kwh)),
        charge.most.map(|most| said!(language, "at most {most}", "بحد أقصى {most}", most = egp(most))),
        Some(charge.above)
            .filter(|above| *above != 0)
            .map(|above| said!(language, "above {above} kWh", "فوق {above} ك.و.س", above)),
        charge.up_to.map(|kwh| said!(language, "up to {kwh} kWh", "حتى {kwh} ك.و.س", kwh)),
        charge
            .month
            .map(|month| said!(language, "in month {month} of the year", "في الشهر {month} من السنة", month)),
        charge.credit.then(|| said!(language, "given", "يُمنح للمشترك")),
    ];
    let parts = std::iter::once(basis).chain(limits.into_iter().flatten());
    parts.collect::<Vec<_>>().join(comma(language))
}

impl From<Tariff> for Checked {
    fn from(tariff: Tariff) -> Self {
        Self {
            version: tariff.version(),
            start: tariff.start().to_unix(),
            kind: tariff.kind().to_string(),
            zero_consumption_fee: tariff.zero_fee(),
            slabs: tariff.slabs().map(SlabView::from).collect(),
            charges: tariff.charges().map(ChargeView::from).collect(),
            bytes: hex::encode_upper(tariff.as_bytes()),
            tariff,
        }
    }
}

/// Longest bar of the drawing.
const BAR: u64 = 36;

impl View for Checked {
    fn text(&self, language: Language) -> String {
        let tariff = &self.tariff;
        let mut table = Table::new(language);
        table.line("version", tariff.version());
        table.line("start", time(tariff.start()));
        table.line("kind", tariff.kind());
        table.egp("no consumption", piastres(tariff.zero_fee()));
        for charge in tariff.charges() {
            table.line(charge.code.to_string(), words(&charge, language));
        }
        let size = said!(
            language,
            "{size} of {most} bytes",
            "{size} من {most} بايت",
            size = tariff.as_bytes().len(),
            most = Tariff::MAX_SIZE,
        );
        table.line("in a mail", size);
        let mut text = table.finish();
        let [number, above, to, price, fee] = match language {
            Language::English => ["slab", "above kWh", "to kWh", "piastre/kWh", "fee EGP"],
            Language::Arabic => ["شريحة", "فوق ك.و.س", "حتى ك.و.س", "قرش/ك.و.س", "الرسوم ج"],
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n\n{number:>4} {above:>9} {to:>9} {price:>12} {fee:>9}");

        let dearest = tariff.slabs().map(|slab| slab.price.0).max().unwrap_or(0).max(1);
        let mut below = 0;
        for (number, slab) in (1..).zip(tariff.slabs()) {
            if slab.restart {
                text.push_str(&said!(
                    language,
                    "\n     above {below} kWh the whole month is rated again, from zero:",
                    "\n     فوق {below} ك.و.س يعاد حساب الشهر كله من الصفر:",
                    below,
                ));
            }
            let from = if slab.restart { 0 } else { below };
            let to = slab.bound.map_or_else(|| "-".to_owned(), |bound| bound.to_string());
            let width = u64::from(slab.price.0) * BAR / u64::from(dearest);
            let bar: String = (0..width).map(|_| '#').collect();
            let fee = piastres(slab.fee).to_string();
            let price = slab.price.to_string();
            let _ = write!(text, "\n{number:>4} {from:>9} {to:>9} {price:>12} {fee:>9}  {bar}");
            below = slab.bound.unwrap_or(below);
        }
        text
    }
}

/// Hundredths as a number with two decimals.
fn piastres(amount: u32) -> Piastres {
    Piastres(u64::from(amount))
}
