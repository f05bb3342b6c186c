//! The statement: how a customer stands, and what was consumed and charged.

use card_core::text::Language;
use card_core::units::{Balance, CardTime, Energy, Piastres};

use crate::PaperError;
use crate::look::Look;
use crate::sheet::{Block, Column, Line, Run, Sheet, Table, Text, identifier, words};
use crate::words::{
    ACCOUNT, AS_OF, BALANCE, BRACKET, CARD, CHANNEL, CHARGES, CHART_OF, CREDIT, CROSSING, DATE, DAYS_LEFT,
    DOUBT_TOOK, DOUBTFUL, EGP, ENERGY, ENERGY_CHARGE, FEES, INSTALMENTS, METER, MONTH, MONTHS, NEVER,
    NO_CHARGES, NO_MONTHS, NOW, PAID, PARTIAL, RE_RATED, RESTART, RESTART_TOOK, SALE, STATEMENT, TO_NEXT,
    TOTAL, WAITING, Words,
};

/// Where a bracket of the tariff ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// Its bound in kWh, which is still inside.
    pub bound: u32,
    /// Whether the whole month is rated again above it.
    pub restart: bool,
}

/// A month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthRow {
    /// Months since January 2020, in local time.
    pub index: u16,
    /// What was consumed.
    pub energy: Energy,
    /// Number from 1 of the bracket that it reached.
    pub bracket: u8,
    /// What the energy cost.
    pub energy_charge: Piastres,
    /// Service fee, charges and levies; below zero where rebates are more.
    pub fees: Balance,
    /// What of the energy charge restarts have brought; below zero it was given.
    pub re_rating: Balance,
    /// What of the energy charge a doubtful clock has brought.
    pub doubt_cost: Piastres,
    /// Instalments that the meter took as it began.
    pub instalments: Piastres,
    /// It runs still: no fees are due yet.
    pub running: bool,
    /// It began or ended within a calendar month.
    pub partial: bool,
    /// It was rated again at a restart.
    pub re_rated: bool,
    /// The meter's clock was doubtful in it.
    pub doubtful: bool,
}

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRow {
    /// When it was sold.
    pub time: CardTime,
    /// Where.
    pub channel: String,
    /// What was paid; nothing where only the credit is known.
    pub paid: Option<Piastres>,
    /// What was credited.
    pub credit: Piastres,
}

/// How a customer stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// The card, as it is printed on it.
    pub card: String,
    /// The meter's number.
    pub meter: u64,
    /// The customer's account.
    pub account: u64,
    /// The balance at the meter, and when it was that.
    pub balance: Option<(Balance, CardTime)>,
    /// What is on the card and not yet at the meter.
    pub waiting: Piastres,
    /// Days that the balance lasts, where the meter said so.
    pub days_left: Option<u32>,
    /// How far the next bracket is, and what crossing it takes at once.
    pub next_bracket: Option<(Energy, Piastres)>,
    /// Bounds of the brackets, rising.
    pub brackets: Vec<Bracket>,
    /// Months, the newest first, at most 36 are drawn.
    pub months: Vec<MonthRow>,
    /// Charges, the newest first.
    pub charges: Vec<ChargeRow>,
}

impl Statement {
    /// Most months that are drawn.
    pub const MONTHS: usize = 36;

    /// The page.
    ///
    /// # Errors
    /// [`PaperError::Chart`] where the chart cannot be drawn.
    pub fn page(&self, look: Look) -> Result<String, PaperError> {
        self.sheet(look).html()
    }

    /// The same as a PDF.
    ///
    /// # Errors
    /// Those of [`page`](Self::page), and [`PaperError::Pdf`].
    #[cfg(feature = "pdf")]
    pub fn pdf(&self, look: Look, format: crate::look::Format) -> Result<Vec<u8>, PaperError> {
        self.sheet(look).pdf(format)
    }

    fn sheet(&self, look: Look) -> Sheet<'_> {
        let language = look.language;
        let mut blocks = vec![
            Block::Lines(STATEMENT.of(language), self.standing(&look)),
            Block::Heading(MONTHS.of(language)),
        ];
        match self.months.get(..Self::MONTHS).unwrap_or(&self.months) {
            [] => blocks.push(Block::Plain(NO_MONTHS.of(language))),
            months => {
                let (about, restart) = (CHART_OF.of(language), RESTART.of(language));
                blocks.push(Block::Chart { about, restart, months, brackets: &self.brackets });
                blocks.push(Block::Table(of_months(months, &look)));
            }
        }
        blocks.push(Block::Heading(CHARGES.of(language)));
        blocks.push(match self.charges.as_slice() {
            [] => Block::Plain(NO_CHARGES.of(language)),
            charges => Block::Table(of_charges(charges, &look)),
        });
        Sheet { look, title: STATEMENT.of(language), under: SALE.of(language), blocks }
    }

    fn standing(&self, look: &Look) -> Vec<Line> {
        let language = look.language;
        let balance = match self.balance {
            Some((balance, time)) => {
                let mut said = look.amount(balance);
                let mut note = words(format!("{} ", AS_OF.of(language)));
                note.extend(look.time(time));
                said.push(Run::Note(note));
                said
            }
            None => vec![Run::Note(words(NEVER.of(language)))],
        };
        let mut standing = vec![Line::strong(BALANCE.of(language), balance)];
        if self.waiting != Piastres::ZERO {
            standing.push(Line::new(WAITING.of(language), look.amount(self.waiting)));
        }
        if let Some(days) = self.days_left {
            standing.push(Line::new(DAYS_LEFT.of(language), look.number(days)));
        }
        if let Some((energy, takes)) = self.next_bracket {
            let mut far = look.kwh(energy);
            far.push(Run::Words(format!(" {}", ENERGY.of(language))));
            standing.push(Line::new(TO_NEXT.of(language), far));
            if takes != Piastres::ZERO {
                standing.push(Line::new(CROSSING.of(language), look.amount(takes)));
            }
        }
        standing.push(Line::new(CARD.of(language), identifier(&self.card)));
        standing.push(Line::new(METER.of(language), identifier(self.meter)));
        standing.push(Line::new(ACCOUNT.of(language), identifier(self.account)));
        standing
    }
}

fn column(head: &str, wide: bool) -> Column {
    Column { head: head.to_owned(), wide }
}

/// A column of amounts.
fn amounts(words: Words, wide: bool, language: Language) -> Column {
    column(&format!("{} ({})", words.of(language), EGP.of(language)), wide)
}

fn of_months(months: &[MonthRow], look: &Look) -> Table {
    let language = look.language;
    let instalments = months.iter().any(|month| month.instalments != Piastres::ZERO);
    let before = [
        column(MONTH.of(language), false),
        column(ENERGY.of(language), false),
        column(BRACKET.of(language), true),
        amounts(ENERGY_CHARGE, true, language),
        amounts(FEES, true, language),
    ];
    let paid_off = instalments.then(|| amounts(INSTALMENTS, true, language));
    let columns = before.into_iter().chain(paid_off).chain([amounts(TOTAL, false, language)]).collect();
    Table {
        caption: MONTHS.of(language),
        columns,
        rows: months.iter().map(|month| row(look, month, instalments)).collect(),
    }
}

fn of_charges(charges: &[ChargeRow], look: &Look) -> Table {
    let language = look.language;
    let columns = vec![
        column(DATE.of(language), false),
        column(CHANNEL.of(language), true),
        amounts(PAID, false, language),
        amounts(CREDIT, false, language),
    ];
    let rows = charges.iter().map(|charge| {
        vec![
            look.time(charge.time),
            vec![Run::Own(charge.channel.clone())],
            charge.paid.map_or_else(|| words("–"), |paid| look.number(paid)),
            look.number(charge.credit),
        ]
    });
    Table { caption: CHARGES.of(language), columns, rows: rows.collect() }
}

fn row(look: &Look, month: &MonthRow, instalments: bool) -> Vec<Text> {
    let language = look.language;
    let notes = [
        (month.running, NOW),
        (month.partial && !month.running, PARTIAL),
        (month.re_rated, RE_RATED),
        (month.doubtful, DOUBTFUL),
    ];
    let energy_charge = i64::try_from(month.energy_charge.0).unwrap_or(i64::MAX);
    let paid_off = i64::try_from(month.instalments.0).unwrap_or(i64::MAX);
    let total = Balance(energy_charge.saturating_add(month.fees.0).saturating_add(paid_off));
    let mut name = words(look.month(month.index));
    let notes = notes.into_iter().filter(|(is, _)| *is);
    name.extend(notes.map(|(_, note)| Run::Note(words(note.of(language)))));
    let mut energy = look.number(month.energy_charge);
    if month.re_rating != Balance(0) {
        let mut restarts = words(format!("{} ", RESTART_TOOK.of(language)));
        restarts.extend(look.number(month.re_rating));
        energy.push(Run::Note(restarts));
    }
    if month.doubt_cost != Piastres::ZERO {
        let mut doubt = words(format!("{} ", DOUBT_TOOK.of(language)));
        doubt.extend(look.number(month.doubt_cost));
        energy.push(Run::Note(doubt));
    }
    let instalments = instalments.then(|| look.number(month.instalments));
    let before = [name, look.kwh(month.energy), look.number(month.bracket), energy, look.number(month.fees)];
    before.into_iter().chain(instalments).chain([look.number(total)]).collect()
}
