//! Flash memory as it is when power fails: half-changed pages, bits that cannot make up their mind, wear.

use card_core::platform::{Memory, MemoryError, PAGE};
use fastrand::Rng;

/// One page of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What its bits are; what a weak one is has no meaning.
    pub data: [u8; PAGE],
    /// Bits that are 1 here are weak: they read at random until they are erased, or programmed to 0.
    pub weak: [u8; PAGE],
    /// How often it was erased.
    pub wear: u32,
}

impl Page {
    /// A page as it comes from the factory.
    pub const ERASED: Self = Self { data: [0xFF; PAGE], weak: [0; PAGE], wear: 0 };

    fn is_blank(&self) -> bool {
        self.data == Self::ERASED.data && self.weak == Self::ERASED.weak
    }
}

/// What becomes of the operation during which power is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It has not begun.
    Before,
    /// Some of the bits that it was to change have changed, some have not, and some of either are weak.
    Partly {
        /// Which ones.
        seed: u64,
    },
    /// It is complete, but whoever asked never learns of it.
    After,
}

/// When power is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerCut {
    /// During which erase or program, counted from 0 since the model was made: see [`Counters::operations`].
    pub at_operation: u64,
    /// What becomes of it.
    pub how: Cut,
}

/// What the memory was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Readings, and checks of a margin.
    pub reads: u64,
    /// Pages programmed.
    pub programs: u64,
    /// Pages erased.
    pub erases: u64,
    /// Programs that gave a page the data it already read as: they change no bit that is firm.
    pub refreshes: u64,
    /// Programs over a page that was neither erased nor the same. Correct software does none.
    pub overwrites: u64,
}

impl Counters {
    /// Erases and programs, those in which power was lost included.
    pub const fn operations(&self) -> u64 {
        self.programs + self.erases
    }
}

/// A model of flash memory. The same seed gives the same readings of weak bits.
#[derive(Debug, Clone)]
pub struct FlashModel {
    pages: Vec<Page>,
    counters: Counters,
    plan: Option<PowerCut>,
    powered: bool,
    wear_limit: Option<u32>,
    random: Rng,
}

impl FlashModel {
    /// `pages` erased pages.
    pub fn new(pages: u16, seed: u64) -> Self {
        Self::from_pages(vec![Page::ERASED; usize::from(pages)], seed)
    }

    /// Pages in any state, such as those from an image file.
    pub const fn from_pages(pages: Vec<Page>, seed: u64) -> Self {
        Self {
            pages,
            counters: Counters { reads: 0, programs: 0, erases: 0, refreshes: 0, overwrites: 0 },
            plan: None,
            powered: true,
            wear_limit: None,
            random: Rng::with_seed(seed),
        }
    }

    /// Plans a loss of power. After it everything fails with [`MemoryError::PowerLost`] until [`power_up`](Self::power_up).
    pub const fn plan(&mut self, cut: PowerCut) {
        self.plan = Some(cut);
    }

    /// Plans a loss of power during the erase or program after the next `operations` ones.
    pub const fn cut_after(&mut self, operations: u64, how: Cut) {
        self.plan(PowerCut { at_operation: self.counters.operations() + operations, how });
    }

    /// Whether power is there.
    pub const fn is_powered(&self) -> bool {
        self.powered
    }

    /// Gives power again, and forgets a planned loss of it.
    pub const fn power_up(&mut self) {
        self.powered = true;
        self.plan = None;
    }

    /// Takes power away between two operations.
    pub const fn power_down(&mut self) {
        self.powered = false;
    }

    /// From how many erases on a page can no longer be erased or programmed.
    pub const fn set_wear_limit(&mut self, limit: Option<u32>) {
        self.wear_limit = limit;
    }

    /// Lets weak bits read differently from now on.
    pub const fn reseed(&mut self, seed: u64) {
        self.random = Rng::with_seed(seed);
    }

    /// Makes the bits of `page` weak that are 1 in `mask`, as years or heat do. Nothing where there is no such page.
    pub fn weaken(&mut self, page: u16, mask: &[u8; PAGE]) {
        if let Some(page) = self.pages.get_mut(usize::from(page)) {
            for (weak, mask) in page.weak.iter_mut().zip(mask) {
                *weak |= mask;
            }
        }
    }

    /// Turns over the bits of `page` that are 1 in `mask`, firmly. Nothing where there is no such page.
    pub fn corrupt(&mut self, page: u16, mask: &[u8; PAGE]) {
        if let Some(page) = self.pages.get_mut(usize::from(page)) {
            for (data, mask) in page.data.iter_mut().zip(mask) {
                *data ^= mask;
            }
        }
    }

    /// What was asked so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The pages as they are.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// How often the most and the least erased of the pages in `range` were erased.
    pub fn wear(&self, range: core::ops::Range<u16>) -> Option<(u32, u32)> {
        let range = usize::from(range.start)..usize::from(range.end);
        let wear = || self.pages.get(range.clone()).unwrap_or_default().iter().map(|page| page.wear);
        wear().max().zip(wear().min())
    }

    /// The index of `page`, where there is power and such a page.
    fn check(&mut self, page: u16) -> Result<usize, MemoryError> {
        if !self.powered {
            return Err(MemoryError::PowerLost);
        }
        let page = usize::from(page);
        if page < self.pages.len() { Ok(page) } else { Err(MemoryError::OutOfRange) }
    }

    /// Carries `change` out, as far as the plan lets it. `number` is the operation's.
    fn change(&mut self, page: u16, number: u64, change: Change<'_>) -> Result<(), MemoryError> {
        let cut = self.plan.filter(|plan| plan.at_operation == number).map(|plan| plan.how);
        let page = self.pages.get_mut(usize::from(page)).ok_or(MemoryError::OutOfRange)?;
        match cut {
            None | Some(Cut::After) => change.complete(page),
            Some(Cut::Partly { seed }) => change.partly(page, &mut Rng::with_seed(seed)),
            Some(Cut::Before) => {}
        }
        if cut.is_some() {
            self.powered = false;
            return Err(MemoryError::PowerLost);
        }
        Ok(())
    }

    fn worn(&self, page: usize) -> bool {
        let wear = self.pages.get(page).map(|page| page.wear);
        self.wear_limit.zip(wear).is_some_and(|(limit, wear)| wear >= limit)
    }
}

impl Memory for FlashModel {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let page = self.check(page)?;
        let end = offset.checked_add(out.len()).ok_or(MemoryError::OutOfRange)?;
        let page = self.pages.get(page).ok_or(MemoryError::OutOfRange)?;
        let data = page.data.get(offset..end).ok_or(MemoryError::OutOfRange)?;
        let weak = page.weak.get(offset..end).ok_or(MemoryError::OutOfRange)?;
        self.counters.reads += 1;
        for ((out, data), weak) in out.iter_mut().zip(data).zip(weak) {
            let noise = if *weak == 0 { 0 } else { self.random.u8(..) };
            *out = (data & !weak) | (noise & weak);
        }
        Ok(())
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        let index = self.check(page)?;
        if self.worn(index) {
            return Err(MemoryError::WornOut);
        }
        let number = self.counters.operations();
        self.counters.erases += 1;
        self.change(page, number, Change::Erase)
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        let index = self.check(page)?;
        if self.worn(index) {
            return Err(MemoryError::WornOut);
        }
        let number = self.counters.operations();
        self.counters.programs += 1;
        if let Some(page) = self.pages.get(index).filter(|page| !page.is_blank()) {
            if same_where_firm(page, data) {
                self.counters.refreshes += 1;
            } else {
                self.counters.overwrites += 1;
            }
        }
        self.change(page, number, Change::Program(data))
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        let page = self.check(page)?;
        self.counters.reads += 1;
        Ok(self.pages.get(page).is_some_and(|page| page.weak == [0; PAGE]))
    }
}

/// Whether programming `data` would leave every firm bit of `page` as it is, and every weak one firm.
fn same_where_firm(page: &Page, data: &[u8; PAGE]) -> bool {
    let mut bytes = page.data.iter().zip(&page.weak).zip(data);
    bytes.all(|((old, weak), new)| (old ^ new) & !weak == 0 && new & weak == 0)
}

/// What is being done to a page.
#[derive(Clone, Copy)]
enum Change<'a> {
    Erase,
    Program(&'a [u8; PAGE]),
}

impl Change<'_> {
    fn complete(self, page: &mut Page) {
        match self {
            Self::Erase => {
                let wear = page.wear.saturating_add(1);
                *page = Page { wear, ..Page::ERASED };
            }
            // Programming leaves alone the bits that are 1 in `data`, weak ones too.
            Self::Program(data) => {
                for ((old, weak), new) in page.data.iter_mut().zip(&mut page.weak).zip(data) {
                    *old &= new;
                    *weak &= new;
                }
            }
        }
    }

    /// Stops somewhere on the way. Any mixture may come of it; the likely ones are hardly begun, nearly done, and
    /// everything at once on the edge.
    fn partly(self, page: &mut Page, random: &mut Rng) {
        let mut after = page.clone();
        self.complete(&mut after);
        // Of 256: how many bits get there, and how many are weak.
        let (done, weak) = match random.u8(..) % 6 {
            0 => (128, 64),
            1 => (255, 2),
            2 => (4, 2),
            3 => (255, 6),
            4 => (128, 256),
            _ => (u16::from(random.u8(..)), u16::from(random.u8(..))),
        };
        let new = after.data.iter().zip(&after.weak);
        for ((data, doubt), (new, new_doubt)) in page.data.iter_mut().zip(&mut page.weak).zip(new) {
            let moving = (*data ^ new) | (*doubt & !new_doubt);
            let arrived = mask(random, done) & moving;
            let unsure = mask(random, weak) & moving;
            *data = (*data & !arrived) | (new & arrived);
            *doubt = (*doubt & !arrived) | unsure;
        }
        page.wear = after.wear;
    }
}

/// Eight bits, each 1 with a chance of `share` in 256.
fn mask(random: &mut Rng, share: u16) -> u8 {
    (0..8).fold(0, |mask, _| (mask << 1) | u8::from(u16::from(random.u8(..)) < share))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: [u8; PAGE] = [0x5A; PAGE];

    fn read(flash: &mut FlashModel) -> [u8; PAGE] {
        let mut out = [0; PAGE];
        flash.read(0, 0, &mut out).unwrap();
        out
    }

    #[test]
    fn programming_clears_and_erasing_sets() {
        let mut flash = FlashModel::new(1, 0);
        assert_eq!(read(&mut flash), [0xFF; PAGE]);
        flash.program(0, &DATA).unwrap();
        assert_eq!(read(&mut flash), DATA);
        assert_eq!(flash.counters().overwrites, 0);
        flash.program(0, &DATA).unwrap();
        assert_eq!((flash.counters().refreshes, flash.counters().overwrites), (1, 0));
        flash.program(0, &[0xF0; PAGE]).unwrap();
        assert_eq!(read(&mut flash), [0x50; PAGE]);
        assert_eq!(flash.counters().overwrites, 1);
        flash.erase(0).unwrap();
        assert_eq!(read(&mut flash), [0xFF; PAGE]);
        assert_eq!(flash.pages()[0].wear, 1);
    }

    #[test]
    fn a_cut_happens_where_planned_and_lasts() {
        for (how, expected) in [(Cut::Before, [0xFF; PAGE]), (Cut::After, DATA)] {
            let mut flash = FlashModel::new(2, 0);
            flash.plan(PowerCut { at_operation: 1, how });
            flash.erase(1).unwrap();
            assert_eq!(flash.program(0, &DATA), Err(MemoryError::PowerLost));
            assert_eq!(flash.read(0, 0, &mut [0]), Err(MemoryError::PowerLost));
            assert_eq!(flash.margin(0), Err(MemoryError::PowerLost));
            assert_eq!(flash.erase(0), Err(MemoryError::PowerLost));
            flash.power_up();
            assert_eq!(read(&mut flash), expected);
            assert_eq!(flash.counters().operations(), 2);
        }
    }

    #[test]
    fn a_torn_page_lies_between_old_and_new_and_can_be_firmed_up() {
        let mut doubtful = 0;
        let mut unstable = 0;
        for seed in 0..200 {
            let mut flash = FlashModel::new(1, seed);
            flash.cut_after(0, Cut::Partly { seed });
            flash.program(0, &DATA).unwrap_err();
            flash.power_up();
            let first = read(&mut flash);
            assert!(first.iter().zip(&DATA).all(|(byte, data)| byte & data == *data));
            let firm = flash.margin(0).unwrap();
            doubtful += u32::from(!firm);
            let same = (0..20).all(|_| read(&mut flash) == first);
            assert!(same || !firm);
            unstable += u32::from(!same);
            flash.program(0, &DATA).unwrap();
            assert!(flash.margin(0).unwrap());
            assert_eq!(read(&mut flash), DATA);
        }
        assert!(doubtful > 100 && unstable > 100, "{doubtful} {unstable}");
    }

    #[test]
    fn programming_does_not_firm_up_a_weak_one() {
        let mut flash = FlashModel::new(1, 0);
        flash.program(0, &DATA).unwrap();
        flash.weaken(0, &[0xFF; PAGE]);
        flash.program(0, &DATA).unwrap();
        assert!(!flash.margin(0).unwrap());
        assert_eq!(flash.pages()[0].weak, DATA);
        assert_eq!(flash.counters().overwrites, 1);
    }

    #[test]
    fn worn_pages_refuse() {
        let mut flash = FlashModel::new(2, 0);
        flash.set_wear_limit(Some(2));
        flash.erase(0).unwrap();
        flash.erase(0).unwrap();
        assert_eq!(flash.erase(0), Err(MemoryError::WornOut));
        assert_eq!(flash.program(0, &DATA), Err(MemoryError::WornOut));
        flash.erase(1).unwrap();
        assert_eq!(flash.wear(0..2), Some((2, 1)));
    }

    #[test]
    fn ranges_are_checked() {
        let mut flash = FlashModel::new(1, 0);
        assert_eq!(flash.read(1, 0, &mut [0]), Err(MemoryError::OutOfRange));
        assert_eq!(flash.read(0, 64, &mut [0]), Err(MemoryError::OutOfRange));
        assert_eq!(flash.read(0, usize::MAX, &mut [0; 2]), Err(MemoryError::OutOfRange));
        assert_eq!(flash.program(1, &DATA), Err(MemoryError::OutOfRange));
        flash.read(0, 62, &mut [0; 2]).unwrap();
    }
}
