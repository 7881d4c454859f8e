//! Places that are taken by whoever keeps things moving: where none is left, the idlest makes room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::pace::Pulse;

/// So many places, of which one network has a part at most.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    all: HashMap<u64, (Option<IpAddr>, Arc<Pulse>)>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken.
    All,
    /// The network has its part.
    Each,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().all.remove(&self.number);
    }
}

impl Places {
    /// `most` in all, and `each` for one network.
    pub(super) fn new(most: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { most, each, taken: Mutex::default() })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one who comes from a network; those from `None` have all places to themselves.
    /// Where there is none left, the idlest gives up its connection: of the same network, if that
    /// has its part already.
    pub(super) fn enter(
        self: &Arc<Self>,
        network: Option<IpAddr>,
        pulse: &Arc<Pulse>,
    ) -> Result<Place, Full> {
        let mut taken = self.taken();
        let own =
            taken.all.values().filter(|(other, _)| network.is_some() && *other == network).count();
        if own >= self.each || taken.all.len() >= self.most {
            let may = |other: &Option<IpAddr>| own < self.each || *other == network;
            let idle = taken
                .all
                .iter()
                .filter(|(_, (other, _))| may(other))
                .filter_map(|(number, (_, pulse))| Some((pulse.idle()?, *number)));
            let full = if taken.all.len() >= self.most { Full::All } else { Full::Each };
            let (_, idlest) = idle.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or(full)?;
            if let Some((_, pulse)) = taken.all.remove(&idlest) {
                pulse.evict();
            }
        }
        taken.next += 1;
        let number = taken.next;
        taken.all.insert(number, (network, pulse.clone()));
        Ok(Place { number, places: self.clone() })
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.taken().all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_network_has_its_part_and_no_more() {
        let places = Places::new(5, 2);
        let pulse = Arc::new(Pulse::default());
        let enter = |network| places.enter(network, &pulse);
        let kept = [enter(address(1)).unwrap(), enter(address(1)).unwrap()];
        assert_eq!(enter(address(1)).unwrap_err(), Full::Each);
        let _other = enter(address(2)).unwrap();
        assert_eq!(places.left(), 2);
        // A proxy that is trusted has many clients.
        let _proxied = [enter(None).unwrap(), enter(None).unwrap()];
        assert_eq!((enter(None).unwrap_err(), places.left()), (Full::All, 0));
        drop(kept);
        assert_eq!(places.left(), 2);
    }

    #[test]
    fn the_idlest_makes_room() {
        let places = Places::new(4, 2);
        let idle = |seconds: f64| Arc::new(Pulse::idle_for(seconds));
        let (busy, idler, idlest) = (idle(0.0), idle(4.0), idle(8.0));
        let _busy = places.enter(address(1), &busy).unwrap();
        let _others =
            [places.enter(address(2), &idlest).unwrap(), places.enter(address(3), &idler).unwrap()];
        let _more =
            [places.enter(address(1), &busy).unwrap(), places.enter(address(4), &busy).unwrap()];
        assert!(idlest.is_evicted() && !idler.is_evicted(), "the idlest of all");
        // A network that has its part takes nothing from others.
        assert_eq!(places.enter(address(1), &busy).unwrap_err(), Full::All);
        assert!(!idler.is_evicted());
    }
}
