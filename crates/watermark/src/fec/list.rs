//! Successive cancellation list decoding. Tal and Vardy, doi:10.1109/TIT.2015.2410251.
//!
//! The code tree is walked depth first with all paths abreast. Paths share their buffers with the
//! siblings that they forked from until they write (section III.B there, "lazy copy"); all paths
//! write at once, and whole buffers, so that nothing is ever copied. Subtrees without information
//! are skipped.

use multiversion::multiversion;

/// A surviving path.
pub(super) struct Path {
    /// −ln of the likelihood, up to a constant.
    pub(super) metric: f32,
    /// The decided information bits.
    pub(super) bits: Vec<bool>,
}

/// ln(1 + e^−x) for x ≥ 0, by a fitted rational form that is good to 0.0005: many times faster than
/// the two library calls.
#[inline(always)]
fn softplus_neg(x: f32) -> f32 {
    let d = 1.0 + x * (0.090_653 + x * 0.013_696);
    let d2 = d * d;
    let d4 = d2 * d2;
    std::f32::consts::LN_2 / (d4 * d4)
}

/// The soft exclusive or, 2 atanh(tanh a/2 · tanh b/2).
#[inline(always)]
fn check(a: f32, b: f32) -> f32 {
    let min = a.abs().min(b.abs());
    (min.copysign(a * b)) + softplus_neg((a + b).abs()) - softplus_neg((a - b).abs())
}

/// ln(1 + e^−l): the price of deciding 0.
#[inline(always)]
fn price(l: f32) -> f32 {
    (-l).max(0.0) + softplus_neg(l.abs())
}

/// A buffer for each path, all of equal width. They are written for all paths at once; paths that
/// fork from one share its buffer until then.
struct Pool<T> {
    width: usize,
    data: Vec<T>,
    /// Which buffer each path has.
    slot: Vec<usize>,
}

impl<T: Copy + Default> Pool<T> {
    fn new(width: usize, paths: usize) -> Self {
        Self { width, data: vec![T::default(); width * paths], slot: Vec::new() }
    }

    #[inline(always)]
    fn of(&self, path: usize) -> &[T] {
        &self.data[self.slot[path] * self.width..][..self.width]
    }

    /// The buffers of so many paths, to be written.
    #[inline(always)]
    fn renew(&mut self, paths: usize) -> impl Iterator<Item = &mut [T]> {
        self.slot.clear();
        self.slot.extend(0..paths);
        self.data.chunks_exact_mut(self.width).take(paths)
    }

    /// New paths take the place of the old ones, each with its parent's buffer.
    fn fork(&mut self, parents: &[usize]) {
        self.slot = parents.iter().map(|&p| self.slot[p]).collect();
    }
}

/// The soft values of left children from those of their parents.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn left(parents: &Pool<f32>, children: &mut Pool<f32>, paths: usize) {
    for (path, values) in children.renew(paths).enumerate() {
        let (upper, lower) = parents.of(path).split_at(values.len());
        values.iter_mut().zip(upper.iter().zip(lower)).for_each(|(v, (&a, &b))| *v = check(a, b));
    }
}

/// The same of right children, with the sums of the left ones.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn right(parents: &Pool<f32>, sums: &Pool<i8>, children: &mut Pool<f32>, paths: usize) {
    for (path, values) in children.renew(paths).enumerate() {
        let (upper, lower) = parents.of(path).split_at(values.len());
        let pairs = upper.iter().zip(lower).zip(sums.of(path));
        values
            .iter_mut()
            .zip(pairs)
            .for_each(|(v, ((&a, &b), &sign))| *v = b + a * f32::from(sign));
    }
}

/// The sums of subtrees from those of their children.
fn add([left, right]: &[Pool<i8>; 2], sums: &mut Pool<i8>, paths: usize) {
    for (path, values) in sums.renew(paths).enumerate() {
        let (first, second) = (left.of(path), right.of(path));
        let (upper, lower) = values.split_at_mut(first.len());
        upper.iter_mut().zip(first.iter().zip(second)).for_each(|(v, (&a, &b))| *v = a * b);
        lower.copy_from_slice(second);
    }
}

struct Decoder<'a> {
    info: &'a [bool],
    /// Running count of information positions, to see empty subtrees.
    before: Vec<usize>,
    list: usize,
    metrics: Vec<f32>,
    /// For each decided bit, each path's parent and decision.
    decisions: Vec<Vec<(usize, bool)>>,
    /// Log-likelihood ratios, by depth.
    soft: Vec<Pool<f32>>,
    /// Partial sums as signs, of left and of right subtrees, by their depth.
    sums: Vec<[Pool<i8>; 2]>,
}

/// Which child of its parent a subtree is.
const LEFT: usize = 0;
const RIGHT: usize = 1;

/// Decodes channel values of the mother code; the most likely path comes first.
pub(super) fn decode(info: &[bool], channel: &[f32], list: usize) -> Vec<Path> {
    let depths = info.len().trailing_zeros() as usize + 1;
    let mut before = vec![0];
    for &i in info {
        before.push(before.last().copied().unwrap_or(0) + usize::from(i));
    }
    // All paths share the channel.
    let paths = |depth: usize| if depth == 0 { 1 } else { list };
    let soft = (0..depths).map(|d| Pool::new(info.len() >> d, paths(d))).collect();
    let sums =
        (0..depths).map(|d| [LEFT, RIGHT].map(|_| Pool::new(info.len() >> d, paths(d)))).collect();
    let mut d =
        Decoder { info, before, list, metrics: vec![0.0], decisions: Vec::new(), soft, sums };
    d.soft[0].renew(1).for_each(|whole| whole.copy_from_slice(channel));
    d.subtree(0, 0, LEFT);
    d.paths()
}

impl Decoder<'_> {
    /// Decodes the subtree at `depth` whose first leaf is `first`.
    fn subtree(&mut self, depth: usize, first: usize, side: usize) {
        let n = self.info.len() >> depth;
        if self.before[first + n] == self.before[first] {
            self.frozen(depth, side);
        } else if n == 1 {
            self.fork(depth, first, side);
        } else {
            let paths = self.metrics.len();
            let (above, below) = self.soft.split_at_mut(depth + 1);
            left(&above[depth], &mut below[0], paths);
            self.subtree(depth + 1, first, LEFT);
            let paths = self.metrics.len();
            let (above, below) = self.soft.split_at_mut(depth + 1);
            right(&above[depth], &self.sums[depth + 1][LEFT], &mut below[0], paths);
            self.subtree(depth + 1, first + n / 2, RIGHT);
            // Nobody asks for the sums of the whole.
            if depth > 0 {
                let (above, below) = self.sums.split_at_mut(depth + 1);
                add(&below[0], &mut above[depth][side], self.metrics.len());
            }
        }
    }

    fn frozen(&mut self, depth: usize, side: usize) {
        for (path, metric) in self.metrics.iter_mut().enumerate() {
            *metric += self.soft[depth].of(path).iter().map(|&l| price(l)).sum::<f32>();
        }
        self.sums[depth][side].renew(self.metrics.len()).for_each(|sums| sums.fill(1));
    }

    fn fork(&mut self, depth: usize, leaf: usize, side: usize) {
        let mut options: Vec<(f32, usize, bool)> = Vec::with_capacity(2 * self.metrics.len());
        for (i, metric) in self.metrics.iter().enumerate() {
            let l = self.soft[depth].of(i)[0];
            options.push((metric + price(l), i, false));
            options.push((metric + price(-l), i, true));
        }
        if options.len() > self.list {
            options.select_nth_unstable_by(self.list - 1, |a, b| a.0.total_cmp(&b.0));
            options.truncate(self.list);
        }
        let parents: Vec<usize> = options.iter().map(|o| o.1).collect();
        // Of every subtree that this leaf lies in, what its other half needs: on the way down the
        // soft values, then the sums of the left one.
        for above in 0..depth {
            if leaf & (self.info.len() >> (above + 1)) == 0 {
                self.soft[above].fork(&parents)
            } else {
                self.sums[above + 1][LEFT].fork(&parents)
            }
        }
        self.metrics = options.iter().map(|o| o.0).collect();
        for (sums, &(_, _, bit)) in self.sums[depth][side].renew(options.len()).zip(&options) {
            sums.fill(if bit { -1 } else { 1 });
        }
        self.decisions.push(options.into_iter().map(|(_, parent, bit)| (parent, bit)).collect());
    }

    /// The surviving paths, traced back.
    fn paths(&self) -> Vec<Path> {
        let trace = |(mut path, &metric): (usize, &f32)| {
            let mut bits: Vec<bool> = Vec::with_capacity(self.decisions.len());
            for step in self.decisions.iter().rev() {
                let (parent, bit) = step[path];
                bits.push(bit);
                path = parent;
            }
            bits.reverse();
            Path { metric, bits }
        };
        let mut paths: Vec<Path> = self.metrics.iter().enumerate().map(trace).collect();
        paths.sort_by(|a, b| a.metric.total_cmp(&b.metric));
        paths
    }
}
