//! What a caller has a hand in while work goes on.

use std::fmt;

use crate::media::{Cancel, Progress};

/// How to stop the work, and who is told how far it is: `P` is what is told.
///
/// ```
/// use proofmark::Control;
/// use proofmark::media::{Cancel, Progress};
///
/// let cancel = Cancel::default();
/// let control = Control::new(&cancel, |p: Progress| println!("{} frames", p.frames));
/// # drop(control);
/// ```
pub struct Control<'a, P = Progress> {
    /// Stops the work from outside: another thread or a signal handler has a clone of it.
    pub cancel: Cancel,
    /// Told how far the work is.
    pub progress: Box<dyn FnMut(P) + 'a>,
}

impl<'a, P> Control<'a, P> {
    /// Work that `cancel` stops, and that tells `progress` how far it is.
    pub fn new(cancel: &Cancel, progress: impl FnMut(P) + 'a) -> Self {
        Self { cancel: cancel.clone(), progress: Box::new(progress) }
    }
}

impl<P> Default for Control<'_, P> {
    /// Nobody stops it, and nobody is told.
    fn default() -> Self {
        Self::new(&Cancel::default(), |_| {})
    }
}

impl<P> From<&Cancel> for Control<'_, P> {
    /// It can be stopped, and nobody is told.
    fn from(cancel: &Cancel) -> Self {
        Self::new(cancel, |_| {})
    }
}

impl<P> fmt::Debug for Control<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}
