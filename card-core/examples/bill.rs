//! What energy costs in a month by the shipped tariff of Egypt: the bill of each amount that is given in kWh.
//! `cargo run -q -p card-core --example bill -- 40 200 701`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

use card_core::tariff::{Bill, EGYPT_2024_08, MonthFull, MonthMeter};
use card_core::units::Energy;

/// The month of a household that has used so much, in units of 10 Wh.
fn bill(energy: Energy) -> Result<Bill, MonthFull> {
    let mut month = MonthMeter::begin(EGYPT_2024_08, false);
    // In one piece here; a meter counts every 10 Wh, and comes to the same amount.
    month.consume(energy)?;
    // A month that is not in any list of one month a year: January 2020.
    Ok(month.close(0, false))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = std::env::args().skip(1).map(|kwh| kwh.parse());
    let mut months: Vec<u32> = given.collect::<Result<_, _>>()?;
    if months.is_empty() {
        months = vec![40, 200, 701];
    }
    for kwh in months {
        let bill = bill(Energy(kwh.saturating_mul(100)))?;
        println!("{}: {} EGP for energy by slab {}", bill.energy, bill.energy_charge, bill.slab);
        if bill.re_rated {
            println!("  rated again from zero, since a higher group was reached");
        }
        println!("  customer service {} EGP", bill.service_fee);
        for line in bill.charges() {
            println!("  {} {} EGP", line.code, line.amount);
        }
    }
    Ok(())
}
