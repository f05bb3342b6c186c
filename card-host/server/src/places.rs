//! Places for connections: a bounded number, of which one address holds a part. Whoever comes when none is free takes the place of
//! the connection that has asked for nothing for the longest time, so that the idle keep nobody out who wants something.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// An address elsewhere holds so many of them. The proxy on this computer may hold all.
    part: usize,
    held: Mutex<Held>,
    /// Told whenever a place has become free.
    free: Notify,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    by_number: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    /// The address; of an IPv6 address the network, since one computer has all of that.
    from: IpAddr,
    /// Since when it asks for nothing; nothing while a request is answered.
    idle: Option<Instant>,
    /// Told when it has to leave.
    leave: Arc<Notify>,
    leaving: bool,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
    leave: Arc<Notify>,
}

impl Places {
    pub(super) fn new(most: usize, part: usize) -> Arc<Self> {
        Arc::new(Self { most, part: part.clamp(1, most.max(1)), held: Mutex::default(), free: Notify::new() })
    }

    /// A place for a connection from there, once there is one. Nothing where the address holds its part, and all of those ask for something.
    pub(super) async fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let from = network(from);
        let part = if from.is_loopback() { self.most } else { self.part };
        loop {
            match self.try_take(from, part) {
                Taken::Place(place) => return Some(place),
                Taken::TooMany => return None,
                Taken::Wait => self.free.notified().await,
            }
        }
    }

    fn try_take(self: &Arc<Self>, from: IpAddr, part: usize) -> Taken {
        let mut held = self.held();
        let there = held.by_number.values().filter(|holder| holder.from == from && !holder.leaving).count();
        if there >= part && part < self.most && !held.send_away(Some(from)) {
            return Taken::TooMany;
        }
        if held.by_number.len() >= self.most {
            if !held.by_number.values().any(|holder| holder.leaving) {
                // Where nobody is idle, the first that ends makes room.
                let _ = held.send_away(None);
            }
            return Taken::Wait;
        }
        let leave = Arc::new(Notify::new());
        let number = held.next;
        held.next = held.next.wrapping_add(1);
        let holder = Holder { from, idle: Some(Instant::now()), leave: Arc::clone(&leave), leaving: false };
        held.by_number.insert(number, holder);
        Taken::Place(Place { number, places: Arc::clone(self), leave })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.held().by_number.len()
    }

    /// Once all have left.
    pub(super) async fn empty(&self) {
        while !self.held().by_number.is_empty() {
            self.free.notified().await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Taken {
    Place(Place),
    Wait,
    TooMany,
}

impl Held {
    /// Sends the one away that has been idle for the longest time, of this address or of all; gives whether there is one.
    fn send_away(&mut self, from: Option<IpAddr>) -> bool {
        let here = |holder: &&mut Holder| !holder.leaving && from.is_none_or(|from| holder.from == from);
        let idle = self.by_number.values_mut().filter(here).filter(|holder| holder.idle.is_some());
        let Some(longest) = idle.min_by_key(|holder| holder.idle) else { return false };
        longest.leaving = true;
        longest.leave.notify_one();
        true
    }
}

impl Place {
    /// A request has come, or is answered.
    pub(super) fn works(&self, works: bool) {
        if let Some(holder) = self.places.held().by_number.get_mut(&self.number) {
            holder.idle = (!works).then(Instant::now);
        }
    }

    /// Whether a request is being answered.
    pub(super) fn is_working(&self) -> bool {
        self.places.held().by_number.get(&self.number).is_some_and(|holder| holder.idle.is_none())
    }

    /// Once it has to leave.
    pub(super) async fn leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().by_number.remove(&self.number);
        self.places.free.notify_one();
    }
}

fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn taken(places: &Arc<Places>, from: &str, part: usize) -> Place {
        match places.try_take(network(address(from)), part) {
            Taken::Place(place) => place,
            Taken::Wait => panic!("waits"),
            Taken::TooMany => panic!("too many"),
        }
    }

    fn sent_away(places: &Places) -> Vec<u64> {
        places.held().by_number.iter().filter(|(_, holder)| holder.leaving).map(|(n, _)| *n).collect()
    }

    #[test]
    fn an_address_takes_the_places_of_its_own_idle_ones() {
        let places = Places::new(8, 2);
        let other = taken(&places, "192.0.2.1", 2);
        let first = taken(&places, "192.0.2.7", 2);
        let second = taken(&places, "192.0.2.7", 2);
        first.works(true);
        // The second one is idle, and goes; the other address keeps its place.
        let third = taken(&places, "192.0.2.7", 2);
        assert_eq!(sent_away(&places), [second.number]);
        third.works(true);
        assert!(matches!(places.try_take(address("192.0.2.7"), 2), Taken::TooMany));
        drop(second);
        assert!(matches!(places.try_take(address("192.0.2.7"), 2), Taken::TooMany), "both work");
        first.works(false);
        let fourth = taken(&places, "192.0.2.7", 2);
        assert_eq!(sent_away(&places), [first.number]);
        assert!(first.is_working() != third.is_working() && !fourth.is_working() && !other.is_working());
    }

    #[test]
    fn when_all_are_taken_the_longest_idle_one_makes_room() {
        let places = Places::new(2, 2);
        let first = taken(&places, "127.0.0.1", 2);
        let second = taken(&places, "127.0.0.1", 2);
        first.works(true);
        first.works(false);
        assert!(matches!(places.try_take(address("127.0.0.1"), 2), Taken::Wait));
        assert!(matches!(places.try_take(address("127.0.0.1"), 2), Taken::Wait));
        assert_eq!(sent_away(&places), [second.number], "one, however often it is asked");
        drop(second);
        let third = taken(&places, "127.0.0.1", 2);
        for place in [&first, &third] {
            place.works(true);
        }
        assert!(matches!(places.try_take(address("127.0.0.1"), 2), Taken::Wait));
        assert_eq!(sent_away(&places), Vec::<u64>::new(), "nobody who works is sent away");
    }

    #[test]
    fn a_network_is_one_address() {
        let of = |text| network(address(text));
        assert_eq!(of("2001:db8::7"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::7"), of("2001:db8:0:1::7"));
        assert_eq!(of("::ffff:192.0.2.7"), address("192.0.2.7"));
        assert!(of("::1").is_loopback() && of("::ffff:127.0.0.1").is_loopback());
    }
}
