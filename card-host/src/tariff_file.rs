//! A tariff as people write it: TOML, with amounts as decimal strings (`docs/tariff.md` explains the fields).

use card_core::numerals::{self, DECIMAL, NumberError, digit};
use card_core::tariff::{
    Basis, Charge, ChargeCode, Head, Kind, Lines, MAX_CHARGES, MAX_SLABS, Price, Slab, Tariff, TariffError,
};
use card_core::units::CardTime;
use serde::de::{Deserialize, Deserializer, Visitor};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::value::Datetime;

#[cfg(test)]
mod tests;

/// Longest file that is looked at, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What `card-host/tariffs/egypt-2024-08.toml` holds, the file of [`card_core::tariff::EGYPT_2024_08`].
pub const EGYPT_2024_08: &str = include_str!("../tariffs/egypt-2024-08.toml");

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TariffFileError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is longer than any tariff.
    #[error("{}: too long to be a tariff", .0.display())]
    TooLong(PathBuf),
    /// It says something that a tariff cannot say.
    #[error("{}: {error}", path.display())]
    Mistake {
        /// Which file.
        path: PathBuf,
        /// What, and where.
        error: Mistake,
    },
}

/// What is wrong in a file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// In words.
    pub problem: String,
}

/// Reads a tariff from a file.
pub fn read(path: &Path) -> Result<Tariff, TariffFileError> {
    let io = |error| TariffFileError::Io { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(io)?.len() > LONGEST {
        return Err(TariffFileError::TooLong(path.to_owned()));
    }
    let text = crate::text_file::read(path).map_err(io)?;
    parse(&text).map_err(|error| TariffFileError::Mistake { path: path.to_owned(), error })
}

/// Reads a tariff from the text of a file.
pub fn parse(text: &str) -> Result<Tariff, Mistake> {
    let at = |span: Range<usize>, problem: String| {
        let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
        Mistake { line: before.iter().filter(|byte| **byte == b'\n').count() + 1, problem }
    };
    let file: File = toml::from_str(text)
        .map_err(|error| at(error.span().unwrap_or_default(), error.message().to_owned()))?;
    let head = file.head().map_err(|Problem(span, problem)| at(span, problem))?;
    let slabs: Result<Vec<_>, _> = file.slab.iter().map(SlabEntry::slab).collect();
    let slabs = slabs.map_err(|Problem(span, problem)| at(span, problem))?;
    let charges = (1..).zip(&file.charge).map(|(number, entry)| ChargeEntry::charge(entry, number));
    let charges: Result<Vec<_>, _> = charges.collect();
    let charges = charges.map_err(|Problem(span, problem)| at(span, problem))?;
    Tariff::new(head, &slabs, &charges).map_err(|error| at(file.span_of(error), error.to_string()))
}

/// What is wrong with the value at a place.
struct Problem(Range<usize>, String);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    start: Spanned<Datetime>,
    kind: Spanned<String>,
    zero_consumption_fee_egp: Amount,
    slab: Vec<Spanned<SlabEntry>>,
    #[serde(default)]
    charge: Vec<Spanned<ChargeEntry>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SlabEntry {
    up_to_kwh: Option<Spanned<u32>>,
    price_piastre: Amount,
    #[serde(default)]
    restart: Option<Spanned<bool>>,
    fee_egp: Amount,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargeEntry {
    what: Spanned<What>,
    fixed_egp: Option<Amount>,
    per_kwh_piastre: Option<Amount>,
    per_day_egp: Option<Amount>,
    per_cent: Option<Amount>,
    minimum_egp: Option<Amount>,
    of: Option<Spanned<Vec<Spanned<What>>>>,
    #[serde(default)]
    credit: bool,
    first_kwh: Option<Spanned<u32>>,
    month: Option<Spanned<u8>>,
    above_kwh: Option<Spanned<u32>>,
    up_to_kwh: Option<Spanned<u32>>,
    at_most_egp: Option<Amount>,
}

#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "a name in quotes, or a number: what a charge is for, from 128 to 255, or which charge it is of"
)]
enum What {
    Name(String),
    Number(u8),
}

impl File {
    fn head(&self) -> Result<Head, Problem> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == *self.kind.get_ref());
        let kind = kind.ok_or_else(|| {
            let names = Kind::ALL.map(|kind| format!("{:?}", kind.to_string())).join(", ");
            Problem(self.kind.span(), format!("kind: it is one of {names}"))
        })?;
        let start = start(self.start.get_ref()).ok_or_else(|| {
            let example = "write date, time and offset from UTC, such as 2024-08-01T00:00:00+03:00";
            Problem(self.start.span(), format!("start: {example}; from 2020 to 2155"))
        })?;
        let zero_fee = self.zero_consumption_fee_egp.egp("zero_consumption_fee_egp")?;
        Ok(Head { version: *self.version.get_ref(), start, kind, zero_fee })
    }

    /// The place that an error speaks of.
    fn span_of(&self, error: TariffError) -> Range<usize> {
        let slab = |number: u8| self.slab.get(usize::from(number).saturating_sub(1));
        let charge = |number: u8| self.charge.get(usize::from(number).saturating_sub(1));
        let span = match error {
            TariffError::Version => Some(self.version.span()),
            TariffError::Start => Some(self.start.span()),
            TariffError::Kind => Some(self.kind.span()),
            TariffError::SlabCount => self.slab.get(MAX_SLABS).map(Spanned::span),
            TariffError::SlabBound(number) => slab(number).map(|it| it.get_ref().up_to_kwh.span_in(it)),
            TariffError::FirstRestart => slab(1).map(|it| it.get_ref().restart.span_in(it)),
            TariffError::ChargeCount => self.charge.get(MAX_CHARGES).map(Spanned::span),
            TariffError::ChargeCode(number) => charge(number).map(|charge| charge.get_ref().what.span()),
            TariffError::ChargeValue(number) => charge(number).map(|it| it.get_ref().per_cent.span_in(it)),
            TariffError::ChargeLines(number) => charge(number).map(|it| it.get_ref().of.span_in(it)),
            TariffError::ChargeFirst(number) => charge(number).map(|it| it.get_ref().first_kwh.span_in(it)),
            TariffError::ChargeMonth(number) => charge(number).map(|it| it.get_ref().month.span_in(it)),
            TariffError::ChargeRange(number) => charge(number).map(|it| {
                let (above, up_to) = (&it.get_ref().above_kwh, &it.get_ref().up_to_kwh);
                if up_to.is_some() { up_to.span_in(it) } else { above.span_in(it) }
            }),
            TariffError::ChargeMost(number) => charge(number).map(|it| it.get_ref().at_most_egp.span_in(it)),
            TariffError::ChargeBasis(number) | TariffError::ChargeForm(number) => {
                charge(number).map(Spanned::span)
            }
            TariffError::TooLong => {
                self.charge.last().map(Spanned::span).or_else(|| self.slab.last().map(Spanned::span))
            }
            // These are of the encoding only.
            TariffError::Length | TariffError::Format | TariffError::Number | TariffError::SlabFee(_) => None,
        };
        span.unwrap_or_default()
    }
}

/// A point of time with an offset from UTC; card time has no fractions of a second.
fn start(time: &Datetime) -> Option<CardTime> {
    time.offset?;
    let stamp: jiff::Timestamp = time.to_string().parse().ok()?;
    let whole = stamp.subsec_nanosecond() == 0;
    CardTime::from_unix(u64::try_from(stamp.as_second()).ok()?).filter(|_| whole)
}

impl SlabEntry {
    fn slab(entry: &Spanned<Self>) -> Result<Slab, Problem> {
        let entry = entry.get_ref();
        Ok(Slab {
            bound: entry.up_to_kwh.as_ref().map(|bound| *bound.get_ref()),
            price: entry.price_piastre.price("price_piastre")?,
            restart: entry.restart.as_ref().is_some_and(|restart| *restart.get_ref()),
            fee: entry.fee_egp.egp("fee_egp")?,
        })
    }
}

/// Where a field stands that may be left out: then it is the entry that it belongs to.
trait SpanIn {
    fn span_in<T>(&self, entry: &Spanned<T>) -> Range<usize>;
}

impl<V> SpanIn for Option<Spanned<V>> {
    fn span_in<T>(&self, entry: &Spanned<T>) -> Range<usize> {
        self.as_ref().map_or_else(|| entry.span(), Spanned::span)
    }
}

impl SpanIn for Option<Amount> {
    fn span_in<T>(&self, entry: &Spanned<T>) -> Range<usize> {
        self.as_ref().map_or_else(|| entry.span(), |amount| amount.0.span())
    }
}

impl ChargeEntry {
    /// The charge with this number, from 1.
    fn charge(entry: &Spanned<Self>, number: u8) -> Result<Charge, Problem> {
        let span = entry.span();
        let entry = entry.get_ref();
        let basis = entry.basis().map_err(|problem| {
            problem.unwrap_or_else(|| {
                let names = "fixed_egp, per_kwh_piastre, per_day_egp, per_cent and minimum_egp";
                Problem(span.clone(), format!("a charge has exactly one of {names}"))
            })
        })?;
        let plain = Charge::new(entry.code()?, basis);
        let of = match (&entry.of, basis) {
            (Some(of), _) => entry.lines(of.get_ref())?,
            (None, Basis::Minimum(_)) => Lines::before(number),
            (None, _) => plain.of,
        };
        let value = |field: &Option<Spanned<u32>>| field.as_ref().map(|it| *it.get_ref());
        if value(&entry.above_kwh) == Some(0) {
            let problem = "above_kwh: leave it out where the charge is due whatever the month's total is";
            return Err(Problem(entry.above_kwh.as_ref().map_or(span, Spanned::span), problem.to_owned()));
        }
        let most = entry.at_most_egp.as_ref().map(|most| most.egp("at_most_egp")).transpose()?;
        Ok(Charge {
            of,
            credit: entry.credit,
            first: value(&entry.first_kwh),
            month: entry.month.as_ref().map(|it| *it.get_ref()),
            above: value(&entry.above_kwh).unwrap_or(0),
            up_to: value(&entry.up_to_kwh),
            most,
            ..plain
        })
    }

    fn code(&self) -> Result<ChargeCode, Problem> {
        let code = match self.what.get_ref() {
            What::Name(name) => {
                ChargeCode::NAMED.into_iter().find(|(_, known)| known == name).map(|(code, _)| code)
            }
            What::Number(number) => Some(ChargeCode(*number)).filter(|code| *code >= ChargeCode::FIRST_OWN),
        };
        code.ok_or_else(|| {
            let names = ChargeCode::NAMED.map(|(_, name)| format!("{name:?}")).join(", ");
            Problem(self.what.span(), format!("what: it is one of {names} or a number from 128 to 255"))
        })
    }

    /// `Err(None)` where there is not exactly one.
    fn basis(&self) -> Result<Basis, Option<Problem>> {
        let fields =
            (&self.fixed_egp, &self.per_kwh_piastre, &self.per_day_egp, &self.per_cent, &self.minimum_egp);
        Ok(match fields {
            (Some(fixed), None, None, None, None) => Basis::Fixed(fixed.egp("fixed_egp")?),
            (None, Some(price), None, None, None) => Basis::PerKwh(price.price("per_kwh_piastre")?),
            (None, None, Some(day), None, None) => Basis::PerDay(day.egp("per_day_egp")?),
            (None, None, None, Some(share), None) => Basis::PerCent(share.digits("per_cent", 2, "per cent")?),
            (None, None, None, None, Some(least)) => Basis::Minimum(least.egp("minimum_egp")?),
            _ => return Err(None),
        })
    }

    /// The lines of a bill that are named.
    fn lines(&self, of: &[Spanned<What>]) -> Result<Lines, Problem> {
        of.iter().try_fold(Lines::NONE, |lines, named| {
            let line = match named.get_ref() {
                What::Name(name) if name == "energy" => Lines::ENERGY,
                What::Name(name) if name == "service fee" => Lines::SERVICE_FEE,
                What::Number(number) => Lines::charge(*number),
                What::Name(_) => Lines::NONE,
            };
            if line == Lines::NONE {
                let names = "\"energy\", \"service fee\", or the number of a charge before this one, from 1";
                return Err(Problem(named.span(), format!("of: it names {names}")));
            }
            Ok(lines.and(line))
        })
    }
}

/// A decimal number in quotes: a number without them would be a binary fraction.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Amount(Spanned<Quoted>);

struct Quoted(String);

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuotedVisitor)
    }
}

struct QuotedVisitor;

impl Visitor<'_> for QuotedVisitor {
    type Value = Quoted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in quotes, such as \"68.5\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quoted, E> {
        Ok(Quoted(text.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Quoted, E> {
        Err(E::custom(format_args!("amounts are written in quotes: \"{number}\"")))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Quoted, E> {
        Err(E::custom("amounts are written in quotes, such as \"68.5\""))
    }
}

impl Amount {
    /// The number without its point, `places` decimals filled up with zeros.
    fn digits(&self, field: &str, places: usize, unit: &str) -> Result<u32, Problem> {
        decimal(&self.0.get_ref().0, places)
            .map_err(|error| Problem(self.0.span(), format!("{field}: {error}, in {unit}")))
    }

    fn price(&self, field: &str) -> Result<Price, Problem> {
        self.digits(field, 3, "piastres per kWh").map(Price)
    }

    fn egp(&self, field: &str) -> Result<u32, Problem> {
        self.digits(field, 2, "EGP")
    }
}

/// A text is not a decimal number of the wanted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Something other than digits and one point.
    #[error("write digits and at most one point")]
    NotANumber,
    /// Finer than the unit.
    #[error("write at most {0} decimals")]
    TooManyDecimals(usize),
    /// Does not fit 32 bits.
    #[error("the number is too large")]
    TooLarge,
}

/// The number that `text` says, in units of the last of `places` decimals: "68.5" with 3 places is 68500.
pub fn decimal(text: &str, places: usize) -> Result<u32, DecimalError> {
    let short = match text.split_once(['.', DECIMAL]) {
        Some((whole, fraction)) if !fraction.is_empty() => {
            match fraction.trim_end_matches(|letter| digit(letter) == Some(0)) {
                "" => whole.to_owned(),
                fraction => format!("{whole}.{fraction}"),
            }
        }
        _ => text.to_owned(),
    };
    let value = numerals::decimal(&short, u32::try_from(places).unwrap_or(u32::MAX));
    match value.map(u32::try_from) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) | Err(NumberError::TooLarge) => Err(DecimalError::TooLarge),
        Err(NumberError::TooManyDecimals) => Err(DecimalError::TooManyDecimals(places)),
        Err(NumberError::NotANumber) => Err(DecimalError::NotANumber),
    }
}
