//! What happened: counted, so that the simulation cannot pass by doing nothing.

use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default, Clone)]
pub struct Tally(pub BTreeMap<String, u64>);

impl Tally {
    pub fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: &str, number: u64) {
        match self.0.get_mut(what) {
            Some(count) => *count += number,
            None => {
                self.0.insert(what.to_owned(), number);
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (what, number) in &other.0 {
            self.add(what, *number);
        }
    }

    pub fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// The last actions of a seed.
#[derive(Debug, Default)]
pub struct Diary(VecDeque<String>);

impl Diary {
    const KEPT: usize = 30;

    pub fn note(&mut self, day: u32, action: &str) {
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(format!("day {day}: {action}"));
    }

    pub fn tell(&self) -> String {
        self.0.iter().map(|line| format!("  {line}\n")).collect()
    }
}
