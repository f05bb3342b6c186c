//! What meters and cards of the simulation run on: flash memory that outlives its owner, so that power can be cut at any operation,
//! also while its owner recovers, and so that its content can be put back to what it was.

use std::cell::RefCell;
use std::rc::Rc;

use applet_sim::chip::{Cut, FlashModel};
use card_core::key::AesKey;
use card_core::platform::{
    Block, Delay, Engine, Memory, MemoryError, PAGE, PartialBlock, Random, RandomError,
};
use card_core::soft::SoftEngine;

use super::dice::Dice;

/// A handle: all clones are the same board.
#[derive(Clone)]
pub struct Board(Rc<RefCell<Parts>>);

struct Parts {
    flash: FlashModel,
    random: Dice,
}

impl Board {
    pub fn new(pages: u16, seed: u64) -> Self {
        let flash = FlashModel::new(pages, seed);
        Self(Rc::new(RefCell::new(Parts { flash, random: Dice::new(!seed) })))
    }

    pub fn is_powered(&self) -> bool {
        self.0.borrow().flash.is_powered()
    }

    pub fn power_up(&self) {
        self.0.borrow_mut().flash.power_up();
    }

    /// Power will fail during the erase or program after the next `operations` ones.
    pub fn cut_after(&self, operations: u64, how: Cut) {
        self.0.borrow_mut().flash.cut_after(operations, how);
    }

    /// No cut is planned any more, where power is there.
    pub fn no_cut(&self) {
        if self.is_powered() {
            self.power_up();
        }
    }

    /// Erases and programs so far.
    pub fn operations(&self) -> u64 {
        self.0.borrow().flash.counters().operations()
    }

    /// Programs over what was not erased: correct software does none.
    pub fn overwrites(&self) -> u64 {
        self.0.borrow().flash.counters().overwrites
    }

    /// The memory as it is.
    pub fn image(&self) -> FlashModel {
        self.0.borrow().flash.clone()
    }

    /// Puts an image back.
    pub fn restore(&self, image: FlashModel) {
        self.0.borrow_mut().flash = image;
    }
}

impl Engine for Board {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        SoftEngine.encrypt_block(key, block);
    }
    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.encrypt_cbc(key, iv, data)
    }
    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.decrypt_cbc(key, iv, data)
    }
    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        SoftEngine.cmac(key, message)
    }
}

impl Random for Board {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0.borrow_mut().random.fill(out)
    }
}

impl Memory for Board {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.0.borrow_mut().flash.read(page, offset, out)
    }
    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.0.borrow_mut().flash.erase(page)
    }
    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.0.borrow_mut().flash.program(page, data)
    }
    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.0.borrow_mut().flash.margin(page)
    }
}

impl Delay for Board {
    fn wait(&mut self, _milliseconds: u16) {}
}
