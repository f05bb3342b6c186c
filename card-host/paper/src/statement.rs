//! The statement: how a customer stands, and what was consumed and charged.

use card_core::units::{Balance, CardTime, Energy, Piastres};
use maud::{Markup, PreEscaped, html};

use crate::PaperError;
use crate::chart;
use crate::page::{Line, Look, identifier, lines, page};
use crate::words::{
    ACCOUNT, AS_OF, BALANCE, BRACKET, CARD, CHANNEL, CHARGES, CHART_OF, CREDIT, CROSSING, DATE, DAYS_LEFT,
    DOUBTFUL, EGP, ENERGY, ENERGY_CHARGE, FEES, INSTALMENTS, METER, MONTH, MONTHS, NEVER, NO_CHARGES,
    NO_MONTHS, NOW, PAID, PARTIAL, RE_RATED, RESTART, RESTART_TOOK, SALE, STATEMENT, TO_NEXT, TOTAL, WAITING,
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
        let language = look.language;
        let content = html! {
            (lines(STATEMENT.of(language), &self.standing(&look)))
            h2 { (MONTHS.of(language)) }
            @if self.months.is_empty() { p { (NO_MONTHS.of(language)) } } @else { (self.months(&look)?) }
            h2 { (CHARGES.of(language)) }
            @if self.charges.is_empty() { p { (NO_CHARGES.of(language)) } } @else { (self.charges(&look)) }
        };
        Ok(page(&look, STATEMENT.of(language), SALE.of(language), &content))
    }

    fn standing(&self, look: &Look) -> Vec<Line> {
        let language = look.language;
        let balance = match self.balance {
            Some((balance, time)) => html! {
                (look.amount(balance)) br; span.note { (AS_OF.of(language)) " " (look.time(time)) }
            },
            None => html! { span.note { (NEVER.of(language)) } },
        };
        let mut standing = vec![Line::strong(BALANCE.of(language), balance)];
        if self.waiting != Piastres::ZERO {
            standing.push(Line::new(WAITING.of(language), look.amount(self.waiting)));
        }
        if let Some(days) = self.days_left {
            standing.push(Line::new(DAYS_LEFT.of(language), look.number(days)));
        }
        if let Some((energy, takes)) = self.next_bracket {
            standing.push(Line::new(TO_NEXT.of(language), self.energy(look, energy)));
            if takes != Piastres::ZERO {
                standing.push(Line::new(CROSSING.of(language), look.amount(takes)));
            }
        }
        standing.push(Line::new(CARD.of(language), identifier(&self.card)));
        standing.push(Line::new(METER.of(language), identifier(self.meter)));
        standing.push(Line::new(ACCOUNT.of(language), identifier(self.account)));
        standing
    }

    fn energy(&self, look: &Look, energy: Energy) -> Markup {
        html! { (kwh(look, energy)) " " (ENERGY.of(look.language)) }
    }

    fn months(&self, look: &Look) -> Result<Markup, PaperError> {
        let language = look.language;
        let months = self.months.get(..Self::MONTHS).unwrap_or(&self.months);
        let drawn = chart::months(months, &self.brackets, look)?;
        let instalments = months.iter().any(|month| month.instalments != Piastres::ZERO);
        Ok(html! {
            figure {
                div role="img" aria-label=(CHART_OF.of(language)) { (PreEscaped(drawn)) }
                figcaption.note {
                    (CHART_OF.of(language))
                    @if self.brackets.iter().any(|bracket| bracket.restart) {
                        br; span style="color:#a61c00" { "━ " (RESTART.of(language)) }
                    }
                }
            }
            div.scroll tabindex="0" role="region" aria-label=(MONTHS.of(language)) {
                table.figures {
                    thead { tr {
                        th scope="col" { (MONTH.of(language)) }
                        th scope="col" { (ENERGY.of(language)) }
                        th.wide scope="col" { (BRACKET.of(language)) }
                        th.wide scope="col" { (ENERGY_CHARGE.of(language)) " (" (EGP.of(language)) ")" }
                        th.wide scope="col" { (FEES.of(language)) " (" (EGP.of(language)) ")" }
                        @if instalments {
                            th.wide scope="col" { (INSTALMENTS.of(language)) " (" (EGP.of(language)) ")" }
                        }
                        th scope="col" { (TOTAL.of(language)) " (" (EGP.of(language)) ")" }
                    } }
                    tbody { @for month in months { (row(look, month, instalments)) } }
                }
            }
        })
    }

    fn charges(&self, look: &Look) -> Markup {
        let language = look.language;
        html! {
            div.scroll tabindex="0" role="region" aria-label=(CHARGES.of(language)) {
                table.figures {
                    thead { tr {
                        th scope="col" { (DATE.of(language)) }
                        th.wide scope="col" { (CHANNEL.of(language)) }
                        th scope="col" { (PAID.of(language)) " (" (EGP.of(language)) ")" }
                        th scope="col" { (CREDIT.of(language)) " (" (EGP.of(language)) ")" }
                    } }
                    tbody {
                        @for charge in &self.charges {
                            tr {
                                th scope="row" { (look.time(charge.time)) }
                                td.wide { bdi { (charge.channel) } }
                                td { @if let Some(paid) = charge.paid { (look.number(paid)) } @else { "–" } }
                                td { (look.number(charge.credit)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(look: &Look, month: &MonthRow, instalments: bool) -> Markup {
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
    html! {
        tr {
            th scope="row" {
                (look.month(month.index))
                @for (_, words) in notes.into_iter().filter(|(is, _)| *is) {
                    br; span.note { (words.of(language)) }
                }
            }
            td { (kwh(look, month.energy)) }
            td.wide { (look.number(month.bracket)) }
            td.wide {
                (look.number(month.energy_charge))
                @if month.re_rating != Balance(0) {
                    br; span.note { (RESTART_TOOK.of(language)) " " (look.number(month.re_rating)) }
                }
            }
            td.wide { (look.number(month.fees)) }
            @if instalments { td.wide { (look.number(month.instalments)) } }
            td { (look.number(total)) }
        }
    }
}

/// Without its unit.
fn kwh(look: &Look, energy: Energy) -> Markup {
    look.number(format_args!("{}.{:02}", energy.0 / 100, energy.0 % 100))
}
