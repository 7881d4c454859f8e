//! Successive cancellation list decoding. Tal and Vardy, doi:10.1109/TIT.2015.2410251.
//!
//! The code tree is walked depth first with all paths abreast. Paths share their buffers with the siblings that they forked from until they write
//! (section III.B there, "lazy copy"); buffers are written whole, so that nothing is ever copied. Subtrees without information are skipped at once.

/// A surviving path.
pub(super) struct Path {
    /// −ln of the likelihood, up to a constant.
    pub(super) metric: f32,
    /// The decided information bits.
    pub(super) bits: Vec<bool>,
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

/// Buffers of equal width that paths share.
struct Pool<T> {
    width: usize,
    data: Vec<T>,
    /// Which buffer each path has.
    slot: Vec<usize>,
    /// How many paths have each buffer.
    uses: Vec<u32>,
    free: Vec<usize>,
}

impl<T: Copy + Default> Pool<T> {
    /// One path, which has the first of `count` buffers.
    fn new(width: usize, count: usize) -> Self {
        let mut uses = vec![0; count];
        uses[0] = 1;
        Self { width, data: vec![T::default(); width * count], slot: vec![0], uses, free: (1..count).collect() }
    }

    fn of(&self, path: usize) -> &[T] {
        &self.data[self.slot[path] * self.width..][..self.width]
    }

    /// The path's own buffer, to be written whole.
    fn renew(&mut self, path: usize) -> &mut [T] {
        let old = self.slot[path];
        if self.uses[old] > 1
            && let Some(own) = self.free.pop()
        {
            self.uses[old] -= 1;
            self.uses[own] = 1;
            self.slot[path] = own;
        }
        &mut self.data[self.slot[path] * self.width..][..self.width]
    }

    /// New paths take the place of the old ones, each with its parent's buffer.
    fn fork(&mut self, parents: &[usize]) {
        self.slot = parents.iter().map(|&p| self.slot[p]).collect();
        self.uses.fill(0);
        self.slot.iter().for_each(|&s| self.uses[s] += 1);
        self.free.clear();
        self.free.extend((0..self.uses.len()).filter(|&s| self.uses[s] == 0));
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
    // All paths share the channel; below, each needs a buffer of its own at times.
    let count = |depth: usize| if depth == 0 { 1 } else { list };
    let soft = (0..depths).map(|d| Pool::new(info.len() >> d, count(d))).collect();
    let sums = (0..depths).map(|d| [LEFT, RIGHT].map(|_| Pool::new(info.len() >> d, if d == 0 { 1 } else { list }))).collect();
    let mut d = Decoder { info, before, list, metrics: vec![0.0], decisions: Vec::new(), soft, sums };
    d.soft[0].renew(0).copy_from_slice(channel);
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
            self.fork(depth, side);
        } else {
            self.child(depth, |(a, b), _| check(a, b));
            self.subtree(depth + 1, first, LEFT);
            self.child(depth, |(a, b), sign| b + a * f32::from(sign));
            self.subtree(depth + 1, first + n / 2, RIGHT);
            // Nobody asks for the sums of the whole.
            if depth > 0 {
                self.add(depth, side);
            }
        }
    }

    /// Fills the soft values of a child from both halves of its parent's and, for a right child, the left's sums.
    fn child(&mut self, depth: usize, combine: impl Fn((f32, f32), i8) -> f32) {
        let (above, below) = self.soft.split_at_mut(depth + 1);
        let left = &self.sums[depth + 1][LEFT];
        for path in 0..self.metrics.len() {
            let parent = above[depth].of(path);
            let (upper, lower) = parent.split_at(parent.len() / 2);
            let values = below[0].renew(path).iter_mut().zip(left.of(path));
            values.zip(upper.iter().zip(lower)).for_each(|((v, &sign), (&a, &b))| *v = combine((a, b), sign));
        }
    }

    /// The sums of a subtree from those of its children.
    fn add(&mut self, depth: usize, side: usize) {
        let (above, below) = self.sums.split_at_mut(depth + 1);
        let [left, right] = &below[0];
        for path in 0..self.metrics.len() {
            let (first, second) = (left.of(path), right.of(path));
            let (upper, lower) = above[depth][side].renew(path).split_at_mut(first.len());
            upper.iter_mut().zip(first.iter().zip(second)).for_each(|(v, (&a, &b))| *v = a * b);
            lower.copy_from_slice(second);
        }
    }

    fn frozen(&mut self, depth: usize, side: usize) {
        for (path, metric) in self.metrics.iter_mut().enumerate() {
            *metric += self.soft[depth].of(path).iter().map(|&l| price(l)).sum::<f32>();
            self.sums[depth][side].renew(path).fill(1);
        }
    }

    fn fork(&mut self, depth: usize, side: usize) {
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
        self.soft.iter_mut().for_each(|pool| pool.fork(&parents));
        self.sums.iter_mut().flatten().for_each(|pool| pool.fork(&parents));
        self.metrics = options.iter().map(|o| o.0).collect();
        for (path, &(_, _, bit)) in options.iter().enumerate() {
            self.sums[depth][side].renew(path).fill(if bit { -1 } else { 1 });
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
