//! One machine's share of many files.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A machine's share: those of `of` equal parts whose number is `part`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    part: u64,
    of: u64,
}

impl Shard {
    /// Whether a file is in it. By its name alone, so that machines that are given the same names
    /// agree without talking; FNV-1a, which will never change.
    pub(crate) fn holds(self, path: &Path) -> bool {
        let hash =
            plain(path).as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325u64, |h, &b| {
                (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        // Names that differ in their last letter alone differ in the low bits; the high ones know
        // all letters.
        (hash ^ (hash >> 32)) % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once('/')
            .and_then(|(part, of)| Some((part.trim().parse().ok()?, of.trim().parse().ok()?)));
        match parsed {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err(format!(
                "'{text}' is no shard; give a part and how many there are, from 1/3 to 3/3"
            )),
        }
    }
}

/// A path without '.' and doubled slashes.
pub(super) fn plain(path: &Path) -> PathBuf {
    path.components().filter(|c| *c != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_disjoint_complete_and_even() {
        let names: Vec<PathBuf> =
            (0..3000).map(|i| format!("clips/{}/{i:04}.mp4", i % 7).into()).collect();
        for of in [1, 2, 3, 8] {
            let shards: Vec<Shard> =
                (1..=of).map(|part| format!("{part}/{of}").parse().unwrap()).collect();
            assert!(names.iter().all(|n| shards.iter().filter(|s| s.holds(n)).count() == 1));
            for s in &shards {
                let share = names.iter().filter(|n| s.holds(n)).count() as f64 * of as f64 / 3000.0;
                assert!((0.9..1.1).contains(&share), "{s:?} has {share} of its share");
            }
        }
        let first: Shard = "1/3".parse().unwrap();
        assert_eq!(first.holds(Path::new("./a//b.mp4")), first.holds(Path::new("a/b.mp4")));
        // Machines of different versions share too: this never changes.
        assert_eq!(
            (0..8)
                .map(|i| u8::from(first.holds(Path::new(&format!("{i}.mp4")))))
                .collect::<Vec<_>>(),
            [1, 0, 0, 0, 0, 0, 0, 1]
        );
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
