//! A card at a port of its own, without pcscd: for tests in any language, on any system, and any number of them at once.
//!
//! One port speaks two languages; the first byte of a connection tells them apart:
//!
//! - **frames**, as the virtual reader's ([`crate::vpcd`]): a length of two bytes (big endian) and that many bytes, where one byte is a
//!   control (`00` off, `01` on, `02` reset, `04` send the ATR) and everything else a command APDU. Whoever connects is the reader. One
//!   reader at a time has the card; the next one waits. Where there is no card, or its power is lost, the connection ends.
//! - **HTTP**: `GET /`, and `POST` to `/apdu`, `/insert`, `/remove`, `/reset` and `/cut-power`; see `docs/guides/testing.md`.

mod http;

use crate::card::{Profile, SimulatedCard};
use crate::chip::{Cut, SimulatedMemory};
use crate::vpcd::{VirtualCard, VirtualSlot};
use card_core::id::CardId;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The first byte of a frame is at most this: short commands have at most 261 bytes. HTTP begins with a capital letter.
const FRAME: u8 = 0x1F;

/// Cards at ports, until this is dropped: then they have no power, and nothing is answered any more.
pub struct Endpoint {
    runtime: Option<Runtime>,
    slots: Vec<Arc<Slot>>,
    addresses: Vec<SocketAddr>,
}

impl Endpoint {
    /// Puts the first card at `first`, and the others at the next ports; where its port is 0, each at a free one.
    ///
    /// # Errors
    ///
    /// Where a port is in use or must not be used.
    pub fn start(cards: Vec<(CardId, Box<dyn TestCard>)>, first: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let slots: Vec<_> = cards.into_iter().map(|(id, card)| Slot::new(id, card)).collect();
        let mut addresses = Vec::new();
        let mut address = first;
        for slot in &slots {
            let listener = runtime.block_on(TcpListener::bind(address))?;
            addresses.push(listener.local_addr()?);
            runtime.spawn(Arc::clone(slot).serve(listener));
            if first.port() != 0 {
                address.set_port(address.port().checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?);
            }
        }
        Ok(Self { runtime: Some(runtime), slots, addresses })
    }

    /// The numbers of the cards, and where each can be reached: in both languages.
    pub fn cards(&self) -> impl Iterator<Item = (CardId, SocketAddr)> {
        self.slots.iter().map(|slot| slot.id).zip(self.addresses.iter().copied())
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.remove();
        }
        if let Some(runtime) = self.runtime.take() {
            // A connection may be waited on that never says anything.
            runtime.shutdown_background();
        }
    }
}

/// A simulated card that can be torn, whatever its memory.
pub trait TestCard: VirtualCard + Send {
    /// Lets its power fail in the middle of its next but `operations` operation on memory.
    fn cut_after(&mut self, operations: u64);
    /// Whether it has power.
    fn is_powered(&self) -> bool;
    /// How it is connected.
    fn profile(&self) -> Profile;
}

impl<M: SimulatedMemory + Send> TestCard for SimulatedCard<M> {
    fn cut_after(&mut self, operations: u64) {
        if let Some(chip) = self.chip_mut() {
            chip.memory.flash_mut().cut_after(operations, Cut::Partly { seed: operations });
        }
    }

    fn is_powered(&self) -> bool {
        self.is_on()
    }

    fn profile(&self) -> Profile {
        self.profile()
    }
}

/// A card, and the reader that it may lie in.
struct Slot {
    id: CardId,
    card: Mutex<Box<dyn TestCard>>,
    inserted: AtomicBool,
    /// Ends the connection that has the card.
    taken_out: Mutex<Arc<AtomicBool>>,
    /// Held by the connection that has the card.
    reader: tokio::sync::Mutex<()>,
}

impl Slot {
    fn new(id: CardId, card: Box<dyn TestCard>) -> Arc<Self> {
        Arc::new(Self {
            id,
            card: Mutex::new(card),
            inserted: AtomicBool::new(true),
            taken_out: Mutex::default(),
            reader: tokio::sync::Mutex::default(),
        })
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let router = http::router(Arc::clone(&self));
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // An endpoint answers what it can; who is not answered sees the connection end.
                    tokio::spawn(Arc::clone(&self).answer(stream, router.clone()));
                }
                // Too many open files, for example: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }

    fn card(&self) -> MutexGuard<'_, Box<dyn TestCard>> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self) {
        self.card().power_on();
        self.inserted.store(true, Ordering::Release);
    }

    fn remove(&self) {
        let mut card = self.card();
        self.inserted.store(false, Ordering::Release);
        card.power_off();
        drop(card);
        self.taken_out.lock().unwrap_or_else(PoisonError::into_inner).store(true, Ordering::Release);
    }

    async fn answer(self: Arc<Self>, stream: TcpStream, router: axum::Router) {
        let mut first = [0];
        if !stream.peek(&mut first).await.is_ok_and(|count| count == 1) {
            return;
        }
        if first <= [FRAME] {
            let _ = self.frames(stream).await;
            return;
        }
        let service = TowerToHyperService::new(router);
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn frames(self: Arc<Self>, stream: TcpStream) -> io::Result<()> {
        let _reader = self.reader.lock().await;
        let stop = Arc::new(AtomicBool::new(false));
        *self.taken_out.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&stop);
        if !self.inserted.load(Ordering::Acquire) {
            return Ok(());
        }
        let stream = stream.into_std()?;
        let slot = Arc::clone(&self);
        let served = tokio::task::spawn_blocking(move || {
            let atr = slot.card().atr().to_vec();
            let mut card = InReader { slot, atr };
            VirtualSlot::from_stream(stream).and_then(|mut slot| slot.serve(&mut card, &stop))
        });
        let _ = served.await;
        Ok(())
    }
}

/// The card as the reader at the other end of a connection has it.
struct InReader {
    slot: Arc<Slot>,
    atr: Vec<u8>,
}

impl VirtualCard for InReader {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn power_on(&mut self) {
        self.reset();
    }

    fn power_off(&mut self) {
        self.slot.card().power_off();
    }

    fn reset(&mut self) {
        let mut card = self.slot.card();
        if self.slot.inserted.load(Ordering::Acquire) {
            card.reset();
        }
    }

    fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        self.slot.card().transmit(apdu)
    }
}
