//! Work on several things at once, with answers that do not depend on who was quicker.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Threads that are worth starting.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// `f` of each item, in order. Each of `workers`, of which there must be one, is a thread with its
/// own scratch.
pub fn map<T: Sync, W: Send, R: Send>(
    items: &[T],
    workers: &mut [W],
    f: impl Fn(&mut W, &T) -> R + Sync,
) -> Vec<R> {
    map_until(items, workers, f, |_| false)
}

/// `f` of each item, in order, up to the first that is `enough`: items behind it are not begun once
/// it is known, and left out.
pub fn map_until<T: Sync, W: Send, R: Send>(
    items: &[T],
    workers: &mut [W],
    f: impl Fn(&mut W, &T) -> R + Sync,
    enough: impl Fn(&R) -> bool + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let run = |worker: &mut W| {
        // An item that was taken is always finished, and items are taken in order: the first that
        // is enough is the same every time.
        while !stop.load(Ordering::Acquire) {
            let i = next.fetch_add(1, Ordering::AcqRel);
            let Some(item) = items.get(i) else { break };
            let result = f(worker, item);
            if enough(&result) {
                stop.store(true, Ordering::Release);
            }
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((i, result));
        }
    };
    match workers {
        [] => {}
        [alone] => run(alone),
        _ => std::thread::scope(|scope| {
            let run = &run;
            for worker in workers.iter_mut().take(items.len()) {
                scope.spawn(move || run(worker));
            }
        }),
    }
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|r| r.0);
    let wanted = results.iter().position(|r| enough(&r.1)).map_or(results.len(), |i| i + 1);
    results.into_iter().take(wanted).map(|r| r.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_end_with_the_first_that_is_enough() {
        let items: Vec<usize> = (0..100).collect();
        for workers in [1, 2, 5] {
            let mut scratch = vec![0; workers];
            let squares = map(&items, &mut scratch, |count, &i| {
                *count += 1;
                i * i
            });
            assert_eq!(squares, items.iter().map(|i| i * i).collect::<Vec<_>>());
            assert_eq!(scratch.iter().sum::<i32>(), 100);
            // The later an item, the quicker it is done.
            let slow = |(): &mut (), &i: &usize| {
                std::thread::sleep(std::time::Duration::from_micros(500 - 5 * i as u64));
                i
            };
            assert_eq!(map_until(&items, &mut vec![(); workers], slow, |&i| i >= 20), items[..=20]);
        }
        assert!(map(&items[..0], &mut [()], |(), _| ()).is_empty());
    }
}
