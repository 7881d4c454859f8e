//! Successive cancellation list decoding. Tal and Vardy, doi:10.1109/TIT.2015.2410251.
//!
//! The code tree is walked depth first with all paths abreast. Each path shares its soft values and partial sums with
//! its siblings until one of them writes (reference-counted buffers); subtrees without information are skipped at once.

use std::rc::Rc;

/// A surviving path.
#[derive(Clone)]
pub(super) struct Path {
    /// −ln of the likelihood, up to a constant.
    pub(super) metric: f32,
    /// The decided information bits.
    pub(super) bits: Vec<bool>,
    /// Log-likelihood ratios, by depth.
    soft: Vec<Rc<Vec<f32>>>,
    /// Partial sums of finished left children, by depth of the parent.
    left: Vec<Rc<Vec<bool>>>,
    /// Partial sums of the subtree that was finished last.
    done: Rc<Vec<bool>>,
}

/// ln(1 + e^−x) for x ≥ 0, by a fitted rational form that is good to 0.0005: many times faster than the two library calls.
fn softplus_neg(x: f32) -> f32 {
    let d = 1.0 + x * (0.090_653 + x * 0.013_696);
    let d2 = d * d;
    let d4 = d2 * d2;
    std::f32::consts::LN_2 / (d4 * d4)
}

/// The soft exclusive or, 2 atanh(tanh a/2 · tanh b/2).
fn check(a: f32, b: f32) -> f32 {
    let min = a.abs().min(b.abs());
    (min.copysign(a * b)) + softplus_neg((a + b).abs()) - softplus_neg((a - b).abs())
}

/// ln(1 + e^−l): the price of deciding 0.
fn price(l: f32) -> f32 {
    (-l).max(0.0) + softplus_neg(l.abs())
}

struct Decoder<'a> {
    info: &'a [bool],
    /// Running count of information positions, to see empty subtrees.
    before: Vec<usize>,
    list: usize,
    paths: Vec<Path>,
}

/// Decodes channel values of the mother code; the most likely path comes first.
pub(super) fn decode(info: &[bool], channel: &[f32], list: usize, bits: usize) -> Vec<Path> {
    let depths = info.len().trailing_zeros() as usize + 1;
    let mut before = vec![0];
    for &i in info {
        before.push(before.last().copied().unwrap_or(0) + usize::from(i));
    }
    let mut soft: Vec<_> = (0..depths).map(|_| Rc::default()).collect();
    soft[0] = Rc::new(channel.to_vec());
    let root = Path { metric: 0.0, bits: Vec::with_capacity(bits), soft, left: (0..depths).map(|_| Rc::default()).collect(), done: Rc::new(Vec::new()) };
    let mut d = Decoder { info, before, list, paths: vec![root] };
    d.subtree(0, 0);
    d.paths.sort_by(|a, b| a.metric.total_cmp(&b.metric));
    d.paths
}

impl Decoder<'_> {
    /// Decodes the subtree at `depth` whose first leaf is `first`.
    fn subtree(&mut self, depth: usize, first: usize) {
        let n = self.info.len() >> depth;
        if self.before[first + n] == self.before[first] {
            self.frozen(depth, n);
        } else if n == 1 {
            self.fork(depth);
        } else {
            self.child(depth, |a, b, _| check(a, b));
            self.subtree(depth + 1, first);
            for p in &mut self.paths {
                p.left[depth] = Rc::clone(&p.done);
            }
            self.child(depth, |a, b, u| if u { b - a } else { b + a });
            self.subtree(depth + 1, first + n / 2);
            for p in &mut self.paths {
                let sum: Vec<bool> = p.left[depth].iter().zip(p.done.iter()).map(|(&l, &r)| l ^ r).chain(p.done.iter().copied()).collect();
                p.done = Rc::new(sum);
            }
        }
    }

    /// Fills the soft values of a child from both halves of its parent's and, for a right child, the left's sums.
    fn child(&mut self, depth: usize, combine: impl Fn(f32, f32, bool) -> f32) {
        for p in &mut self.paths {
            let (upper, lower) = p.soft[depth].split_at(p.soft[depth].len() / 2);
            let left = &p.left[depth];
            // A stale left buffer of the wrong length belongs to an earlier subtree: the left child does not look at it.
            let bit = |i: usize| left.get(i).copied().unwrap_or(false);
            let values: Vec<f32> = upper.iter().zip(lower).enumerate().map(|(i, (&a, &b))| combine(a, b, bit(i))).collect();
            p.soft[depth + 1] = Rc::new(values);
        }
    }

    fn frozen(&mut self, depth: usize, n: usize) {
        let zeros = Rc::new(vec![false; n]);
        for p in &mut self.paths {
            p.metric += p.soft[depth].iter().map(|&l| price(l)).sum::<f32>();
            p.done = Rc::clone(&zeros);
        }
    }

    fn fork(&mut self, depth: usize) {
        let mut options: Vec<(f32, usize, bool)> = Vec::with_capacity(2 * self.paths.len());
        for (i, p) in self.paths.iter().enumerate() {
            let l = p.soft[depth].first().copied().unwrap_or(0.0);
            options.push((p.metric + price(l), i, false));
            options.push((p.metric + price(-l), i, true));
        }
        if options.len() > self.list {
            options.select_nth_unstable_by(self.list - 1, |a, b| a.0.total_cmp(&b.0));
            options.truncate(self.list);
        }
        let word = [Rc::new(vec![false]), Rc::new(vec![true])];
        self.paths = options
            .into_iter()
            .map(|(metric, i, bit)| {
                let mut p = self.paths[i].clone();
                p.metric = metric;
                p.bits.push(bit);
                p.done = Rc::clone(&word[usize::from(bit)]);
                p
            })
            .collect();
    }
}
