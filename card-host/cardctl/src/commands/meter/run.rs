//! `cardctl meter run`: days pass.

use card_host::simulated_meter::{Profile, ProfileError};
use std::path::Path;

use super::Bench;
use crate::commands::Error;
use crate::context::Context;
use crate::say;
use crate::view::meter::run::Passed;
use crate::words;
use card_core::id::MeterId;

pub(crate) fn run(
    context: &Context,
    meter: Option<MeterId>,
    days: u32,
    profile: &str,
    seed: u64,
) -> Result<Passed, Error> {
    let bench = Bench::open(context, meter)?;
    let habits = habits(profile)?;
    let Bench { workplace, id, meter, reading, .. } = bench;
    let calendar = meter.state()?.calendar;
    drop(meter);
    let hours = u64::from(days) * 24;
    let bar = say::progress(u64::from(days)).with_message(words::say(say::language(), "days", "يوم"));
    let mut progress = |number: u64| bar.set_position((number + 1) / 24);
    let run = workplace.in_memory(id, |meter| meter.run(reading, hours, &habits, seed, &mut progress))?;
    Ok(Passed::new(id, run, profile, calendar))
}

fn habits(name: &str) -> Result<Profile, ProfileError> {
    match name {
        "household" => Ok(Profile::Household),
        "shop" => Ok(Profile::Shop),
        "empty" => Ok(Profile::Empty),
        file => Profile::read(Path::new(file)),
    }
}
