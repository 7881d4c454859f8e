//! What a disk, a crash or a hand in the file does to a registry: whatever is changed behind it is
//! noticed, and a backup brings it back.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use proofmark::Payload;
use proofmark::fingerprint::{AudioFingerprint, VideoFingerprint};
use proofmark::media::Stills;
use proofmark::registry::{self, Binding, Content, Entry, Filter, RegistryError};
use rusqlite::Connection;
use tempfile::TempDir;

const ENTRIES: usize = 30;

/// An entry with something in every table.
fn entry(n: u8) -> Entry {
    let payload = Payload::random();
    let mut entry = Entry::new(
        payload,
        Content::of_bytes(payload.as_bytes()),
        "video/mp4".into(),
        1_700_000_000 + u64::from(n),
    );
    let mut hashes = [&[1][..], &1.5f32.to_be_bytes()].concat();
    for time in 0..4u8 {
        hashes.extend(f32::from(time).to_be_bytes());
        hashes.extend([n ^ time; 32]);
    }
    entry.manifest = Some(vec![n; 20_000]);
    entry.title = Some(format!("Clip {n}"));
    entry.labels = ["demo".to_string(), format!("n{n}")].into();
    entry.bindings = [Binding { alg: "org.example".into(), value: vec![n; 16] }].into();
    entry.picture = VideoFingerprint::from_parts(&hashes, vec![n; 4 * 32 * 32]);
    entry.sound = AudioFingerprint::from_bytes(&[vec![1], vec![n; 16]].concat());
    entry.stills =
        Stills::from_bytes(&[&0f32.to_be_bytes()[..], &[0, 0, 0, 3, 0xff, 0xd8, n]].concat());
    assert!(entry.picture.is_some() && entry.sound.is_some() && entry.stills.is_some());
    entry
}

/// A registry, closed, in one file.
fn filled(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("registry.db");
    let registry = registry::open(path.to_str().unwrap()).unwrap();
    let entries: Vec<Entry> = (0..ENTRIES as u8).map(entry).collect();
    registry.put_all(&entries, false).unwrap();
    assert_eq!(registry.integrity().unwrap(), Vec::<String>::new());
    drop(registry);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    path
}

/// Whether something is seen to be wrong: when it is opened, checked, or read through.
fn is_noticed(path: &Path) -> bool {
    let Ok(registry) = registry::open(path.to_str().unwrap()) else { return true };
    let read = || -> Result<(), RegistryError> {
        for listed in registry.list(&Filter::default())? {
            registry.by_id(&listed.id)?;
        }
        Ok(())
    };
    registry.integrity().map_or(true, |wrong| !wrong.is_empty()) || read().is_err()
}

/// All that is in it.
fn all(path: &Path) -> Vec<Entry> {
    let registry = registry::open(path.to_str().unwrap()).unwrap();
    registry
        .list(&Filter::default())
        .unwrap()
        .into_iter()
        .map(|listed| registry.by_id(&listed.id).unwrap().unwrap())
        .collect()
}

/// What a hand in the database, or a bug of ours, could do; `?` is the id of one entry.
const CHANGES: [&str; 34] = [
    "UPDATE entries SET payload = randomblob(16) WHERE id = ?",
    "UPDATE entries SET payload = NULL WHERE id = ?",
    "UPDATE entries SET payload = randomblob(15) WHERE id = ?",
    "UPDATE entries SET content = randomblob(32) WHERE id = ?",
    "UPDATE entries SET content = randomblob(31) WHERE id = ?",
    "UPDATE entries SET media_type = 'image/png' WHERE id = ?",
    "UPDATE entries SET title = 'Another' WHERE id = ?",
    "UPDATE entries SET title = NULL WHERE id = ?",
    "UPDATE entries SET title = CAST(title AS BLOB) WHERE id = ?",
    "UPDATE entries SET stamped = stamped + 1 WHERE id = ?",
    "UPDATE entries SET stamped = -1 WHERE id = ?",
    "UPDATE entries SET target = '/nowhere' WHERE id = ?",
    "UPDATE entries SET id = 'urn:c2pa:other' WHERE id = ?",
    "UPDATE manifests SET store = zeroblob(20000) WHERE id = ?",
    "UPDATE manifests SET store = substr(store, 1, 19999) WHERE id = ?",
    "UPDATE manifests SET store = store || x'00' WHERE id = ?",
    "DELETE FROM manifests WHERE id = ?",
    "UPDATE bindings SET value = randomblob(16) WHERE id = ?",
    "UPDATE bindings SET alg = 'org.other' WHERE id = ?",
    "DELETE FROM bindings WHERE id = ?",
    "INSERT INTO bindings (alg, value, id) VALUES ('org.new', x'01', ?)",
    "UPDATE labels SET label = 'other' WHERE id = ? AND label = 'demo'",
    "DELETE FROM labels WHERE id = ?",
    "INSERT INTO labels (id, label) VALUES (?, 'new')",
    "UPDATE fingerprints SET hashes = zeroblob(length(hashes)) WHERE id = ?",
    "UPDATE fingerprints SET hashes = substr(hashes, 1, 36) WHERE id = ?",
    "DELETE FROM fingerprints WHERE id = ?",
    "UPDATE fingerprint_pictures SET pictures = zeroblob(4096) WHERE id = ?",
    "DELETE FROM fingerprint_pictures WHERE id = ?",
    "UPDATE sound_fingerprints SET hashes = zeroblob(length(hashes)) WHERE id = ?",
    "DELETE FROM sound_fingerprints WHERE id = ?",
    "UPDATE digests SET digest = randomblob(32) WHERE id = ?",
    "DELETE FROM digests WHERE id = ?",
    "DELETE FROM entries WHERE id = ?",
];

#[test]
fn what_is_changed_behind_it_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder);
    let (whole, damaged) = (std::fs::read(&path).unwrap(), folder.path().join("damaged.db"));
    for change in CHANGES {
        std::fs::write(&damaged, &whole).unwrap();
        let connection = Connection::open(&damaged).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let id: String = connection
            .query_row("SELECT id FROM entries ORDER BY stamped LIMIT 1 OFFSET 7", [], |r| r.get(0))
            .unwrap();
        assert!(connection.execute(change, [id]).unwrap() > 0, "{change}");
        drop(connection);
        assert!(is_noticed(&damaged), "{change}");
    }
}

#[test]
fn what_a_disk_does_to_a_file_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder);
    let (whole, damaged) = (std::fs::read(&path).unwrap(), folder.path().join("damaged.db"));
    let (page, before) = (4096, all(&path));
    let pages = whole.len() / page;
    // Bytes that nothing is kept in may change.
    let unseen = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&damaged, &bytes).unwrap();
        (bytes != whole && !is_noticed(&damaged) && all(&damaged) != before)
            .then(|| what.to_string())
    };
    let mut missed = Vec::new();
    missed.extend(unseen("another file", &|b| b[..16].copy_from_slice(b"no database here")));
    missed.extend(unseen("an empty page size", &|b| b[16..18].fill(0)));
    missed.extend(unseen("cut in half", &|b| b.truncate(b.len() / 2)));
    missed.extend(unseen("cut within a page", &|b| b.truncate(b.len() - page / 2)));
    missed.extend(unseen("a byte of text", &|b| {
        let at = b.windows(7).position(|w| w == b"Clip 12").unwrap();
        b[at] = b'K';
    }));
    // Every page once: zeroed, filled, overwritten with its neighbour, and with one bit turned over
    // here and there.
    for n in 1..pages {
        let at = n * page;
        missed.extend(unseen(&format!("page {n} zeroed"), &|b| b[at..at + page].fill(0)));
        missed.extend(unseen(&format!("page {n} filled"), &|b| b[at..at + page].fill(0xff)));
        missed.extend(unseen(&format!("page {n} is its neighbour"), &|b| {
            b.copy_within(at - page..at, at)
        }));
        for place in [9, 100, page / 2, page - 9] {
            missed.extend(unseen(&format!("a bit of page {n} at {place}"), &|b| {
                b[at + place] ^= 0x10
            }));
        }
    }
    assert!(missed.is_empty(), "{missed:?} of {pages} pages");
}

#[test]
fn a_backup_under_load_is_whole_and_brings_all_of_it_back() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder);
    let location = path.to_str().unwrap();
    let registry = registry::open(location).unwrap();
    let (stop, copy) = (AtomicBool::new(false), folder.path().join("copy.db"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = registry::open(location).unwrap();
            let mut n = 100;
            while !stop.load(Ordering::Relaxed) {
                other.put(&entry(n), false).unwrap();
                n = n.wrapping_add(1);
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(300));
        registry.backup(&copy).unwrap();
        stop.store(true, Ordering::Relaxed);
    });
    let before = registry::open(copy.to_str().unwrap()).unwrap();
    let kept = before.count().unwrap();
    assert!(kept >= ENTRIES as u64 && before.integrity().unwrap().is_empty());
    let first = before.list(&Filter::default()).unwrap().pop().unwrap();
    drop(before);
    // What comes after it is gone again, and what was lost is back; others who have it open see the
    // same.
    let other = registry::open(location).unwrap();
    registry.put(&entry(7), false).unwrap();
    registry.delete(&first.id).unwrap();
    registry.restore(&copy).unwrap();
    assert_eq!((registry.count().unwrap(), other.count().unwrap()), (kept, kept));
    assert!(other.by_id(&first.id).unwrap().is_some() && registry.integrity().unwrap().is_empty());
    // What is no backup takes nothing away.
    let text = folder.path().join("text.db");
    std::fs::write(&text, "no registry").unwrap();
    let empty = folder.path().join("empty.db");
    Connection::open(&empty).unwrap().execute_batch("CREATE TABLE t (v)").unwrap();
    let mut torn = std::fs::read(&copy).unwrap();
    torn.truncate(torn.len() / 2);
    let half = folder.path().join("half.db");
    std::fs::write(&half, torn).unwrap();
    for wrong in [&text, &empty, &half, &folder.path().join("nothing.db")] {
        assert!(
            matches!(registry.restore(wrong), Err(RegistryError::NoBackup { .. })),
            "{}",
            wrong.display()
        );
    }
    assert_eq!(registry.count().unwrap(), kept);
}
