//! A year of a household as its statement, in Arabic: `cargo run -q -p card-paper --example statement > statement.html`;
//! with `--features pdf` and the word `pdf` behind `--`, as a PDF; with `en`, in English.

use card_core::text::Language;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_paper::{Bracket, ChargeRow, Look, MonthRow, Statement};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let language =
        if std::env::args().any(|word| word == "en") { Language::English } else { Language::Arabic };
    let (statement, look) = (statement(), Look { language, ..Look::default() });
    #[cfg(feature = "pdf")]
    if std::env::args().any(|word| word == "pdf") {
        return Ok(std::io::stdout().write_all(&statement.pdf(look, card_paper::Format::A4)?)?);
    }
    Ok(std::io::stdout().write_all(statement.page(look)?.as_bytes())?)
}

fn statement() -> Statement {
    let kwh = [180, 210, 240, 330, 410, 690, 655, 480, 300, 220, 160, 95];
    let months = (0_u16..).zip(kwh).map(|(month, kwh)| MonthRow {
        index: 82_u16.saturating_sub(month),
        energy: Energy(kwh * 100),
        bracket: if kwh > 650 { 6 } else { 3 },
        energy_charge: Piastres(u64::from(kwh) * 155),
        fees: Balance(if month == 0 { 0 } else { 3100 }),
        running: month == 0,
        re_rated: kwh > 650,
        ..MonthRow::default()
    });
    let bounds = [(50, false), (100, true), (200, false), (350, false), (650, true), (1000, true)];
    let time = CardTime(218_000_000);
    Statement {
        card: "0000000000000001".into(),
        meter: 481,
        account: 77,
        balance: Some((Balance(14_250), time)),
        waiting: Piastres(5000),
        days_left: Some(12),
        next_bracket: Some((Energy(2000), Piastres(0))),
        brackets: bounds.map(|(bound, restart)| Bracket { bound, restart }).into(),
        months: months.collect(),
        charges: vec![ChargeRow {
            time,
            channel: "branch".into(),
            paid: Some(Piastres(10_000)),
            credit: Piastres(9_400),
        }],
    }
}
