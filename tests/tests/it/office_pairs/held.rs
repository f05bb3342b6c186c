//! A ledger whose user is held before one of its steps.

use crate::ledger_faults::stepwise::Stepped;
use card_host::card_core::id::Scope;
use card_ledger::{Ledger, LedgerError, Work};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Counts the steps, and holds before one of them.
#[derive(Default)]
pub(crate) struct Gate {
    at: u64,
    armed: AtomicBool,
    steps: AtomicU64,
    holds: AtomicBool,
    /// A transaction that writes was asked for and has not ended.
    asked: AtomicBool,
    /// It has begun.
    begun: AtomicBool,
    opened: Mutex<bool>,
    opens: Condvar,
}

impl Gate {
    /// Holds before step `at`; 0: before none.
    pub(crate) fn new(at: u64) -> Self {
        Self { at, ..Self::default() }
    }

    /// From now on steps count.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether somebody is held.
    pub(crate) fn holds(&self) -> bool {
        self.holds.load(Ordering::SeqCst)
    }

    /// Lets everybody through.
    pub(crate) fn open(&self) {
        *self.opened.lock().unwrap() = true;
        self.opens.notify_all();
    }

    /// Whether a transaction that writes runs.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether one was asked for that has not begun, or is being ended.
    pub(crate) fn begins(&self) -> bool {
        self.asked.load(Ordering::SeqCst) && !self.has_begun()
    }

    fn step(&self) {
        let armed = self.armed.load(Ordering::SeqCst);
        if !armed || self.steps.fetch_add(1, Ordering::SeqCst) + 1 != self.at {
            return;
        }
        let mut opened = self.opened.lock().unwrap();
        self.holds.store(true, Ordering::SeqCst);
        while !*opened {
            opened = self.opens.wait(opened).unwrap();
        }
    }
}

/// The ledger of somebody who passes a gate.
pub(crate) struct Held {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) gate: Arc<Gate>,
}

impl Ledger for Held {
    fn scope(&self) -> Scope {
        self.ledger.scope()
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let gate = &*self.gate;
        gate.step();
        gate.asked.store(true, Ordering::SeqCst);
        let result = self.ledger.transact(&mut |t| {
            gate.begun.store(true, Ordering::SeqCst);
            let result = work(&mut Stepped { t, around: &|| (), before: &|| gate.step() });
            // Before it commits, or is undone.
            gate.step();
            gate.begun.store(false, Ordering::SeqCst);
            result
        });
        gate.asked.store(false, Ordering::SeqCst);
        result
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.gate.step();
        self.ledger.read(work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let gate = &*self.gate;
        self.ledger.look(&mut |t| work(&mut Stepped { t, around: &|| (), before: &|| gate.step() }))
    }
}
