//! What a simulated customer consumes, hour by hour: seeded and the same on every computer, in integers only; or read from a file.

use card_core::calendar::LocalTime;
use card_core::units::Energy;
use fastrand::Rng;
use std::path::{Path, PathBuf};

/// What was consumed in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// Energy.
    pub energy: Energy,
    /// The highest demand in it, in W.
    pub demand: u32,
}

/// A customer's habits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A household: about 200 kWh a month in winter, 350 in summer; most of it in the evening.
    Household,
    /// A shop: about 900 kWh a month, in its opening hours; less on Fridays.
    Shop,
    /// An empty flat: 0 to 2 kWh a month, and in some months nothing at all.
    Empty,
    /// One value for each hour, at least one; after the last the first again.
    Hours(Vec<Energy>),
}

/// A file is not a list of hours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It cannot be read.
    #[error("{}: {error}: name household, shop, empty, or a file with one hourly kWh value on each line", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line of it is not an energy.
    #[error("{}, line {line}: write the hour's energy in kWh with at most two decimals, such as 0.41, at most 10000", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// There are none.
    #[error("{}: there is no value in it: write one hourly kWh value on each line", .0.display())]
    Nothing(PathBuf),
}

/// How a generated profile is made.
struct Shape {
    /// kWh of a month of 30 days without a Friday, for each month of the year.
    months: [u32; 12],
    /// Parts of the day's energy, for each hour of it.
    hours: [u32; 24],
    /// Per cent of the day's energy on Fridays.
    friday: u32,
    /// Highest demand of what is switched on for a short time only, in W.
    short: u32,
}

const HOUSEHOLD: Shape = Shape {
    months: [205, 200, 200, 215, 255, 305, 345, 350, 310, 250, 205, 205],
    hours: [36, 26, 20, 18, 18, 20, 28, 36, 38, 36, 36, 38, 42, 46, 48, 46, 44, 48, 62, 72, 74, 70, 58, 46],
    friday: 110,
    short: 2_600,
};

const SHOP: Shape = Shape {
    months: [870, 870, 890, 920, 980, 1030, 1060, 1060, 1020, 960, 890, 870],
    hours: [16, 12, 10, 10, 10, 10, 12, 16, 26, 48, 60, 62, 62, 62, 60, 58, 58, 62, 70, 76, 76, 70, 52, 28],
    friday: 60,
    short: 3_000,
};

/// Days that the shapes are made for.
const DAYS_OF_A_MONTH: u32 = 30;
/// Longest value of a file, in 10 Wh.
const MOST: u32 = 1_000_000;

impl Profile {
    /// Reads a file: one hourly kWh value on each line; empty lines, and lines that begin with `#`, do not count.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = crate::text_file::read(path)
            .map_err(|error| ProfileError::Read { path: path.to_owned(), error })?;
        let lines = text.lines().map(str::trim).zip(1..);
        let hours: Result<Vec<_>, _> = lines
            .filter(|(text, _)| !text.is_empty() && !text.starts_with('#'))
            .map(|(text, line)| {
                energy(text).ok_or_else(|| ProfileError::Line { path: path.to_owned(), line })
            })
            .collect();
        match hours? {
            hours if hours.is_empty() => Err(ProfileError::Nothing(path.to_owned())),
            hours => Ok(Self::Hours(hours)),
        }
    }

    /// What is consumed in the hour that begins at `local`. `number` is that of the hour in the simulation, from 0: a list is read by
    /// it. A generated profile depends on seed and local time only.
    pub fn hour(&self, seed: u64, local: LocalTime, number: u64) -> Hour {
        match self {
            Self::Household => HOUSEHOLD.hour(seed, local),
            Self::Shop => SHOP.hour(seed, local),
            Self::Empty => empty(seed, local),
            Self::Hours(hours) => {
                let index =
                    number.checked_rem(hours.len() as u64).and_then(|index| usize::try_from(index).ok());
                let energy = index.and_then(|index| hours.get(index)).copied().unwrap_or_default();
                Hour { energy, demand: watts(energy) }
            }
        }
    }
}

impl Shape {
    fn hour(&self, seed: u64, local: LocalTime) -> Hour {
        let hour = usize::from(local.minute / 60).min(self.hours.len() - 1);
        let monthly = self.months.get(month_of_year(local.day)).copied().unwrap_or_default();
        let share = self.hours.get(hour).copied().unwrap_or_default();
        let whole: u32 = self.hours.iter().sum();
        let weekday = if local.weekday == 5 { self.friday } else { 100 };
        let mut dice = seeded(seed, local.day, u16::MAX);
        let of_day = dice.u32(80..=120);
        let mut dice = seeded(seed, local.day, local.minute / 60);
        let of_hour = dice.u32(60..=140);
        let factors = u64::from(weekday) * u64::from(of_day) * u64::from(of_hour);
        // 10 Wh of the month, by hundredths of three factors, days and parts.
        let units = u64::from(monthly) * 100 * u64::from(share) * factors;
        let units = units / (1_000_000 * u64::from(DAYS_OF_A_MONTH) * u64::from(whole.max(1)));
        let energy = Energy(u32::try_from(units).unwrap_or(u32::MAX));
        Hour { energy, demand: watts(energy).saturating_add(dice.u32(0..=self.short)) }
    }
}

/// A refrigerator's clock, a light on the stairs: 0 to 20 Wh in one hour of eight, and in one month of three nothing.
fn empty(seed: u64, local: LocalTime) -> Hour {
    let of_month = seeded(seed, local.day / 30, u16::MAX - 1).u32(0..=2);
    let mut dice = seeded(seed, local.day, local.minute / 60);
    let energy = if of_month == 0 || dice.u32(0..=7) != 0 { 0 } else { dice.u32(0..=2) };
    Hour { energy: Energy(energy), demand: watts(Energy(energy)) }
}

/// The mean demand of an hour with this energy, in W.
const fn watts(energy: Energy) -> u32 {
    energy.0.saturating_mul(10)
}

/// 0 January to 11 December, of a day since 2020-01-01; near a month's end perhaps its neighbour, which a climate does not mind.
fn month_of_year(day: u16) -> usize {
    const YEAR: u32 = 36_525;
    let hundredths = u32::from(day) * 100 % YEAR;
    usize::try_from(hundredths * 12 / YEAR).unwrap_or(0)
}

fn energy(text: &str) -> Option<Energy> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let hundredths: u32 = match fraction.len() {
        1 => fraction.parse::<u32>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    let units = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    (units <= MOST).then_some(Energy(units))
}

/// Begun anew for each hour, so that an hour does not depend on where a simulation began.
fn seeded(seed: u64, day: u16, hour: u16) -> Rng {
    Rng::with_seed(Rng::with_seed(seed).u64(..) ^ u64::from(day) << 16 ^ u64::from(hour))
}

#[cfg(test)]
mod tests {
    use super::*;
    use card_core::calendar::Calendar;
    use card_core::units::CardTime;

    /// kWh of each month of 2026 and the next year.
    fn months(profile: &Profile, seed: u64) -> Vec<u32> {
        let calendar = Calendar::EGYPT;
        (72..96)
            .map(|month| {
                let begins = |month| calendar.month_begins(month).map_or(0, |time| time.0);
                let hours = (begins(month)..begins(month + 1)).step_by(3600);
                let units = hours.map(|time| {
                    let local = calendar.local(CardTime(time));
                    profile.hour(seed, local, 0).energy.0
                });
                units.sum::<u32>() / 100
            })
            .collect()
    }

    #[test]
    fn each_profile_has_its_shape() {
        for seed in [0, 1, u64::MAX] {
            let household = months(&Profile::Household, seed);
            assert!(household.iter().all(|kwh| (165..=400).contains(kwh)), "{household:?}");
            let (winter, summer) = (household.iter().min(), household.iter().max());
            assert!(winter < Some(&230) && summer > Some(&320), "{household:?}");
            let shop = months(&Profile::Shop, seed);
            assert!(shop.iter().all(|kwh| (700..=1_150).contains(kwh)), "{shop:?}");
            assert!((860..=940).contains(&(shop.iter().sum::<u32>() / 24)), "{shop:?}");
            let empty = months(&Profile::Empty, seed);
            assert!(empty.iter().all(|kwh| *kwh <= 2), "{empty:?}");
        }
        assert_eq!(months(&Profile::Household, 7), months(&Profile::Household, 7));
        assert_ne!(months(&Profile::Household, 7), months(&Profile::Household, 8));
    }

    #[test]
    fn a_list_is_repeated_and_a_wrong_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hours");
        std::fs::write(&path, "# a day\n0.41\n\n 2 \n0.5\n").unwrap();
        let profile = Profile::read(&path).unwrap();
        let local = Calendar::EGYPT.local(CardTime(0));
        let hours: Vec<_> = (0..5).map(|number| profile.hour(0, local, number).energy.0).collect();
        assert_eq!(hours, [41, 200, 50, 41, 200]);
        for (wrong, said) in [("1\n-1", "line 2"), ("1e3", "line 1"), ("0.123", "line 1"), ("#", "no value")]
        {
            std::fs::write(&path, wrong).unwrap();
            let error = Profile::read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
