//! The registry: one conformance suite for every database, and what belongs to one alone.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

#[path = "../common/postgres.rs"]
mod postgres_server;

mod entries;
mod owners;
mod search;
mod servers;
mod versions;

use std::sync::Arc;

use proofmark::Payload;
use proofmark::fingerprint::{AudioFingerprint, VideoFingerprint};
use proofmark::media::Stills;
use proofmark::registry::{self, Binding, Content, Entry, Filter, Registry};
use tempfile::TempDir;

/// A place for a registry.
struct Place {
    location: String,
    _folder: Option<TempDir>,
}

impl Place {
    fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            location: folder.path().join("registry.db").to_str().unwrap().into(),
            _folder: Some(folder),
        }
    }

    fn postgres() -> Self {
        Self { location: postgres_server::database(), _folder: None }
    }

    fn open(&self) -> Arc<dyn Registry> {
        registry::open(&self.location).unwrap()
    }
}

/// Names each case of each theme for each database.
macro_rules! conformance {
    ($($theme:ident: $($case:ident)*;)*) => {
        mod sqlite {
            $($(#[test] fn $case() { super::$theme::$case(&super::Place::sqlite()); })*)*
        }
        mod postgres {
            $($(#[test] fn $case() { super::$theme::$case(&super::Place::postgres()); })*)*
        }
    };
}

conformance! {
    entries:
        an_entry_comes_back_as_it_was
        a_registry_outlives_its_opening
        the_same_again_changes_nothing_and_another_is_refused
        a_payload_belongs_to_one_entry
        what_is_forgotten_is_gone_with_all_its_parts
        writers_at_once_lose_nothing
        a_crash_is_mended
        hostile_texts_are_kept_or_refused_whole
        entries_travel;
    search:
        lists_are_filtered_and_go_on_where_they_stopped
        payloads_come_newest_first
        bindings_lead_to_their_entries
        bindings_are_added_and_moved
        entries_are_found_by_words
        looks_are_read_in_pages
        sounds_are_read_in_pages;
    owners:
        what_people_say_is_kept_by_name
        what_a_token_stored_is_its_own
        what_was_changed_behind_it_is_noticed;
    versions:
        a_newer_registry_is_refused
        version_1_is_brought_up_to_date
        version_2_is_brought_up_to_date
        version_3_is_brought_up_to_date
        version_4_is_brought_up_to_date
        version_5_is_brought_up_to_date
        version_6_is_brought_up_to_date;
}

/// An entry whose every field is set, the n-th of many.
fn some(n: u64) -> Entry {
    let payload = Payload::random();
    let mut content = [7; 32];
    content[..8].copy_from_slice(&n.to_be_bytes());
    let mut entry = bare(payload, content.into());
    entry.manifest = Some(vec![n as u8, 0, 255, 1]);
    entry.title = Some(format!("clip {n}"));
    entry.stamped = 1_000 + n;
    entry.labels = ["all".to_string(), format!("number {n}")].into();
    entry.picture = Some(look(n as u8));
    entry.sound = Some(sound(n as u8));
    entry.stills = Some(stills(n as u8));
    entry.bindings =
        [Binding { alg: "org.proofmark.video.2".into(), value: payload.as_bytes().to_vec() }]
            .into();
    entry
}

/// A fingerprint of three frames.
fn look(n: u8) -> VideoFingerprint {
    let mut hashes = vec![1];
    hashes.extend(1.5f32.to_be_bytes());
    for time in 0..3u8 {
        hashes.extend(f32::from(time).to_be_bytes());
        hashes.extend([n ^ time; 32]);
    }
    VideoFingerprint::from_parts(&hashes, vec![n; 3 * 32 * 32]).unwrap()
}

/// A fingerprint of four hashes of sound.
fn sound(n: u8) -> AudioFingerprint {
    AudioFingerprint::from_bytes(&[vec![1], vec![n; 16]].concat()).unwrap()
}

/// Two pictures, as far as a registry looks.
fn stills(n: u8) -> Stills {
    let one = |time: f32| [&time.to_be_bytes()[..], &[0, 0, 0, 3, 0xff, 0xd8, n]].concat();
    Stills::from_bytes(&[one(0.0), one(1.5)].concat()).unwrap()
}

fn bare(payload: Payload, content: Content) -> Entry {
    Entry::new(payload, content, "video/mp4".into(), 1_000)
}

fn listed(r: &dyn Registry, filter: &Filter) -> Vec<String> {
    r.list(filter).unwrap().into_iter().map(|e| e.title.unwrap()).collect()
}

/// Runs statements past the registry.
fn past(place: &Place, sql: &str) {
    if registry::is_server(&place.location) {
        ::postgres::Client::connect(&place.location, ::postgres::NoTls)
            .unwrap()
            .batch_execute(&sql.replace("BYTES", "BYTEA"))
            .unwrap();
    } else {
        rusqlite::Connection::open(&place.location)
            .unwrap()
            .execute_batch(&sql.replace("BYTES", "BLOB"))
            .unwrap();
    }
}
