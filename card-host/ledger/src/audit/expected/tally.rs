//! Many rows compared as one sum: too many to be kept each.

use std::collections::HashSet;
use std::collections::hash_map::{HashMap, RandomState};
use std::hash::{BuildHasher, Hash};

use super::RowFault;
use crate::entry::RequestKey;
use crate::records::{Reading, StepDone};

/// Two keys that are drawn for each audit, so that nobody can make rows with the same sum.
#[derive(Debug, Default)]
pub(super) struct Keys(RandomState, RandomState);

impl Keys {
    fn hash(&self, row: impl Hash) -> u128 {
        u128::from(self.0.hash_one(&row)) << 64 | u128::from(self.1.hash_one(&row))
    }
}

/// So many rows, in whatever order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) struct Tally {
    pub(in crate::audit) count: u64,
    sum: u128,
}

impl Tally {
    pub(super) fn add(&mut self, keys: &Keys, row: impl Hash) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(keys.hash(row));
    }

    pub(super) fn step(&mut self, keys: &Keys, request: &RequestKey, done: &StepDone, month: i64) {
        self.add(keys, (request, done.step, &done.entry, month));
    }
}

/// Reports of meters: 48 bytes each. Of two with the same key the store keeps the one that came first.
#[derive(Debug, Default)]
pub(super) struct Reports {
    first: HashMap<u128, u128>,
    others: HashSet<(u128, u128)>,
}

impl Reports {
    pub(super) fn add(&mut self, keys: &Keys, reading: &Reading) {
        let (key, whole) = hashes(keys, reading);
        if *self.first.entry(key).or_insert(whole) != whole {
            self.others.insert((key, whole));
        }
    }

    pub(super) fn row(&mut self, keys: &Keys, reading: &Reading) -> Option<RowFault> {
        let (key, whole) = hashes(keys, reading);
        match self.first.remove(&key) {
            None => Some(RowFault::Added),
            Some(held) if held == whole || self.others.contains(&(key, whole)) => None,
            Some(_) => Some(RowFault::Changed),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.first.len()
    }
}

fn hashes(keys: &Keys, reading: &Reading) -> (u128, u128) {
    let Reading { binding, number, time, applied_credit, applied_debited, balance, energy, flags, tampering } =
        reading;
    let key = (binding, number, time, energy, flags.0, tampering);
    (keys.hash(key), keys.hash((key, applied_credit, applied_debited, balance)))
}
