//! Which positions of a polar code carry information: density evolution under the Gaussian
//! approximation.

/// Variance of the log-likelihood ratios behind a capacity, and back: ten Brink's J function in the
/// three-parameter form of Brännström, Rasmussen and Grant, doi:10.1109/TIT.2005.853305. `v` is the
/// variance, `I` the capacity.
const H1: f64 = 0.3073;
const H2: f64 = 0.8935;
const H3: f64 = 1.1064;

/// 1 - I at variance `v`, exact also where I is nearly 1.
fn missing_capacity(v: f64) -> f64 {
    let tail = (-H1 * v.powf(H2)).exp2();
    -(H3 * (-tail).ln_1p()).exp_m1()
}

/// The variance at which the capacity is `i`, given `i` itself.
fn variance(i: f64) -> f64 {
    if i <= 0.0 {
        return 0.0;
    }
    let tail = -(i.ln() / H3).exp_m1();
    (-tail.max(f64::MIN_POSITIVE).log2() / H1).powf(1.0 / H2)
}

/// Variance after a check node.
fn check(a: f64, b: f64) -> f64 {
    // A check node sees what is missing as a variable node sees what is there.
    let dual = variance(missing_capacity(a)) + variance(missing_capacity(b));
    variance(missing_capacity(dual))
}

/// Variances of the synthetic channels of a polar code of `channels.len()` (a power of two), in
/// decoding order.
fn evolve(channels: &[f64], out: &mut Vec<f64>) {
    if let [v] = channels {
        out.push(*v);
        return;
    }
    let (upper, lower) = channels.split_at(channels.len() / 2);
    let left: Vec<f64> = upper.iter().zip(lower).map(|(&a, &b)| check(a, b)).collect();
    let right: Vec<f64> = upper.iter().zip(lower).map(|(&a, &b)| a + b).collect();
    evolve(&left, out);
    evolve(&right, out);
}

/// For each of the code's positions in decoding order, whether it carries information: the `k` most
/// reliable ones when position `i` is received with log-likelihood variance `channels[i]` (0: not
/// transmitted).
pub(super) fn information_positions(channels: &[f64], k: usize) -> Vec<bool> {
    let mut reliability = Vec::with_capacity(channels.len());
    evolve(channels, &mut reliability);
    let mut order: Vec<usize> = (0..reliability.len()).collect();
    // Later positions win ties, which occur only where both are perfect.
    order.sort_by(|&a, &b| reliability[b].total_cmp(&reliability[a]).then(b.cmp(&a)));
    let mut info = vec![false; channels.len()];
    for &i in order.iter().take(k) {
        info[i] = true;
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_and_variance_are_inverse() {
        for v in [0.01, 0.1, 1.0, 4.0, 16.0] {
            let back = variance(1.0 - missing_capacity(v));
            assert!((back / v - 1.0).abs() < 1e-6, "{v} {back}");
        }
    }

    #[test]
    fn the_last_position_is_best_and_the_first_worst() {
        let info = information_positions(&[0.5; 64], 32);
        assert!(info[63] && !info[0]);
        assert_eq!(info.iter().filter(|&&i| i).count(), 32);
    }
}
