//! What is kept of a clip along time: evenly spaced, and no more than so many, however long it is.

/// Things that were taken in at times in seconds, ascending.
#[derive(Clone, Debug)]
pub struct Spaced<T> {
    kept: Vec<T>,
    most: usize,
    interval: f64,
    next: f64,
}

impl<T> Spaced<T> {
    /// One each `interval` seconds; twice as far apart whenever there are more than `most`.
    pub fn new(interval: f64, most: usize) -> Self {
        Self { kept: Vec::new(), most, interval, next: 0.0 }
    }

    /// Whether one at `time` seconds is due.
    pub fn wants(&self, time: f64) -> bool {
        time >= self.next
    }

    /// What is kept so far.
    pub fn kept(&self) -> &[T] {
        &self.kept
    }

    /// Takes in what was due at `time` seconds.
    pub fn push(&mut self, time: f64, one: T) {
        self.kept.push(one);
        if self.kept.len() > self.most {
            let mut keep = false;
            self.kept.retain(|_| {
                keep = !keep;
                keep
            });
            self.interval *= 2.0;
        }
        self.pass(time);
    }

    /// What was due at `time` seconds is left out.
    pub fn pass(&mut self, time: f64) {
        // On a grid, so that a late one does not delay the rest.
        self.next = ((time / self.interval + 1e-6).floor() + 1.0) * self.interval;
    }

    /// What was kept.
    pub fn finish(self) -> Vec<T> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_any_length_is_even_and_bounded() {
        for length in [1, 9, 25, 26, 100, 1000] {
            let mut spaced = Spaced::new(1.0, 24);
            for time in (0..10 * length).map(|tenth| f64::from(tenth) / 10.0) {
                if spaced.wants(time) {
                    spaced.push(time, time);
                }
            }
            let kept = spaced.finish();
            let steps: Vec<f64> = kept.windows(2).map(|two| two[1] - two[0]).collect();
            assert!(
                kept.len() <= 24 && steps.iter().all(|step| (step - steps[0]).abs() < 1e-9),
                "{length}: {kept:?}"
            );
        }
    }

    #[test]
    fn what_is_left_out_delays_nothing() {
        let mut spaced = Spaced::new(1.0, 24);
        spaced.push(0.3, ());
        assert!(!spaced.wants(0.9) && spaced.wants(1.0));
        spaced.pass(1.2);
        assert!(!spaced.wants(1.9) && spaced.wants(2.0));
        assert_eq!(spaced.kept().len(), 1);
    }
}
