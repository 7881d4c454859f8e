//! How much of a file its manifest leaves out of the hash over it: more than its own place is open
//! to change.

use c2pa::Reader;
use serde_json::Value;

/// Bytes that heads and padding around a manifest take.
const HEADS: u64 = 4096;

/// Bytes of a file of such a media type that the active manifest, whose store in it has so many
/// bytes, leaves open to change; `None` if that is its own place alone, or cannot be told.
pub(super) fn open_bytes(reader: &Reader, format: &str, store: &[u8]) -> Option<u64> {
    let told: Value = serde_json::from_str(&reader.crjson()).ok()?;
    let excluded = told
        .pointer("/manifests/0/assertions")?
        .as_object()?
        .iter()
        .filter(|(label, _)| label.starts_with("c2pa.hash.data"))
        .filter_map(|(_, hash)| hash.get("exclusions")?.as_array())
        .flatten()
        .filter_map(|range| range.get("length")?.as_u64())
        .fold(0, u64::saturating_add);
    excluded.checked_sub(own_place(format, store.len() as u64)).filter(|open| *open > 0)
}

/// Bytes that a store takes in such a kind of file.
fn own_place(format: &str, store: u64) -> u64 {
    HEADS
        + match format {
            // In pieces of up to 255 bytes.
            "image/gif" => store + store / 200,
            // In Base64.
            "image/svg+xml" | "svg" => store + store / 2,
            // In segments of up to 64 kB.
            _ => store + store / 1000,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_its_own_place_in_every_kind_of_file() {
        for (format, store, taken) in [
            ("image/jpeg", 192_000, 192_000 + 3 * 20),
            ("image/gif", 100_000, 100_000 + 100_000 / 255 + 30),
            ("image/svg+xml", 90_000, 120_000 + 200),
            ("image/png", 10, 22),
        ] {
            assert!(own_place(format, store) >= taken, "{format}");
        }
        assert!(
            own_place("image/jpeg", 192_699) < 206_316,
            "a picture's metadata are not its place"
        );
    }
}
