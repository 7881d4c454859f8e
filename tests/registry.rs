//! The registry: one conformance suite for every database, and what belongs to one alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say so at once")]

#[path = "common/postgres.rs"]
mod postgres_server;

use std::path::Path;
use std::sync::Arc;

use proofmark::Payload;
use proofmark::fingerprint::{AudioFingerprint, VideoFingerprint};
use proofmark::media::Stills;
use proofmark::registry::{
    self, Act, Binding, Change, Content, Entry, Filter, Mended, Put, Registration, Registry,
    RegistryError, Remark,
};
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

/// Names each case for each database.
macro_rules! conformance {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[test] fn $case() { super::$case(&super::Place::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $case() { super::$case(&super::Place::postgres()); })*
        }
    };
}

conformance! {
    an_entry_comes_back_as_it_was
    a_registry_outlives_its_opening
    the_same_again_changes_nothing_and_another_is_refused
    a_payload_belongs_to_one_entry
    what_is_forgotten_is_gone_with_all_its_parts
    lists_are_filtered_and_go_on_where_they_stopped
    payloads_come_newest_first
    bindings_lead_to_their_entries
    bindings_are_added_and_moved
    writers_at_once_lose_nothing
    a_crash_is_mended
    hostile_texts_are_kept_or_refused_whole
    a_newer_registry_is_refused
    entries_travel
    version_1_is_brought_up_to_date
    version_2_is_brought_up_to_date
    version_3_is_brought_up_to_date
    version_4_is_brought_up_to_date
    version_5_is_brought_up_to_date
    version_6_is_brought_up_to_date
    what_was_changed_behind_it_is_noticed
    what_people_say_is_kept_by_name
    entries_are_found_by_words
    what_a_token_stored_is_its_own
    looks_are_read_in_pages
    sounds_are_read_in_pages
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
        [Binding { alg: "org.proofmark.video.1".into(), value: payload.as_bytes().to_vec() }]
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

fn an_entry_comes_back_as_it_was(place: &Place) {
    let r = place.open();
    let entry = some(1);
    assert_eq!(r.put(&entry, false).unwrap(), Put::Added);
    assert_eq!(r.by_id(&entry.id).unwrap(), Some(entry.clone()));
    assert_eq!(r.by_payload(entry.payload.unwrap()).unwrap(), Some(entry.clone()));
    assert_eq!(r.by_payload(Payload::random()).unwrap(), None);
    assert_eq!(r.by_id("urn:c2pa:nothing").unwrap(), None);
    assert_eq!(r.count().unwrap(), 1);
    // Lists leave manifests and fingerprints out.
    assert_eq!(
        r.list(&Filter::default()).unwrap(),
        [Entry { manifest: None, picture: None, sound: None, stills: None, ..entry }]
    );
    let plain = bare(Payload::random(), [1; 32].into());
    r.put(&plain, false).unwrap();
    assert_eq!(r.by_id(&plain.id).unwrap(), Some(plain));
    assert_eq!(r.integrity().unwrap(), Vec::<String>::new());
}

fn a_registry_outlives_its_opening(place: &Place) {
    let entry = some(1);
    place.open().put(&entry, false).unwrap();
    let again = place.open();
    assert_eq!(again.by_id(&entry.id).unwrap(), Some(entry));
    assert!(
        !again.location().contains(postgres_server::PASSWORD)
            && !format!("{again:?}").contains(postgres_server::PASSWORD)
    );
}

fn the_same_again_changes_nothing_and_another_is_refused(place: &Place) {
    let r = place.open();
    let entry = some(1);
    r.put(&entry, false).unwrap();
    assert_eq!(r.put(&entry, false).unwrap(), Put::Unchanged);
    let mut other = some(2);
    (other.id, other.payload) = (entry.id.clone(), entry.payload);
    assert!(matches!(r.put(&other, false), Err(RegistryError::Conflict { id }) if id == entry.id));
    assert_eq!(r.by_id(&entry.id).unwrap(), Some(entry), "a refusal changes nothing");
    assert_eq!(r.put(&other, true).unwrap(), Put::Replaced);
    assert_eq!(r.by_id(&other.id).unwrap(), Some(other));
    assert_eq!(r.count().unwrap(), 1);
}

fn a_payload_belongs_to_one_entry(place: &Place) {
    let r = place.open();
    let entry = some(1);
    r.put(&entry, false).unwrap();
    let usurper = Entry { id: "urn:c2pa:another".into(), ..entry.clone() };
    for replace in [false, true] {
        assert!(matches!(r.put(&usurper, replace), Err(RegistryError::Conflict { .. })));
    }
    assert_eq!(r.by_payload(entry.payload.unwrap()).unwrap(), Some(entry));
}

fn what_is_forgotten_is_gone_with_all_its_parts(place: &Place) {
    let r = place.open();
    let (gone, stays) = (some(1), some(2));
    r.put(&gone, false).unwrap();
    r.put(&stays, false).unwrap();
    assert!(r.delete(&gone.id).unwrap());
    assert!(!r.delete(&gone.id).unwrap());
    assert_eq!(r.by_payload(gone.payload.unwrap()).unwrap(), None);
    assert_eq!(
        r.by_binding(None, gone.payload.unwrap().as_bytes(), 10).unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(r.by_id(&stays.id).unwrap(), Some(stays));
    // Nothing of it is left in the way.
    assert_eq!(r.put(&gone, false).unwrap(), Put::Added);
    assert_eq!(r.by_id(&gone.id).unwrap(), Some(gone));
}

fn lists_are_filtered_and_go_on_where_they_stopped(place: &Place) {
    let r = place.open();
    for n in 1..=25 {
        let mut e = some(n);
        // Several at the same second, as a fleet stamps them.
        e.stamped = 1_000 + n / 4;
        r.put(&e, false).unwrap();
    }
    let ask = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        listed(r.as_ref(), &filter)
    };
    assert_eq!(ask(&|_| {}).len(), 25);
    assert_eq!(ask(&|f| f.label = Some("number 7".into())), ["clip 7"]);
    assert_eq!(ask(&|f| f.label = Some("number".into())), Vec::<String>::new(), "labels are whole");
    assert_eq!(ask(&|f| f.since = Some(1_006)).len(), 2);
    let mut seen = Vec::new();
    let mut filter = Filter::default();
    filter.most = 4;
    loop {
        let page = r.list(&filter).unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.stamped, last.id.clone()));
        seen.extend(page.into_iter().map(|e| (e.stamped, e.id)));
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, none twice");
}

fn payloads_come_newest_first(place: &Place) {
    let r = place.open();
    let entries: Vec<Entry> = (0..5).map(some).collect();
    entries.iter().for_each(|e| assert_eq!(r.put(e, false).unwrap(), Put::Added));
    let newest: Vec<Payload> = entries.iter().rev().map(|e| e.payload.unwrap()).collect();
    assert_eq!(r.payloads(10).unwrap(), newest);
    assert_eq!(r.payloads(2).unwrap(), newest[..2]);
}

fn bindings_lead_to_their_entries(place: &Place) {
    let r = place.open();
    let (mut a, mut b) = (some(1), some(2));
    let shared = |alg: &str| Binding { alg: alg.into(), value: vec![1, 2, 3] };
    a.bindings.insert(shared("first"));
    b.bindings.extend([shared("first"), shared("second")]);
    r.put(&a, false).unwrap();
    r.put(&b, false).unwrap();
    let found = |alg, value: &[u8], most| {
        let mut ids = r.by_binding(alg, value, most).unwrap();
        ids.sort();
        ids
    };
    let mut both = vec![a.id.clone(), b.id.clone()];
    both.sort();
    assert_eq!(found(Some("first"), &[1, 2, 3], 10), both);
    assert_eq!(found(Some("second"), &[1, 2, 3], 10), [b.id.clone()]);
    assert_eq!(found(None, &[1, 2, 3], 10), both, "once each");
    assert_eq!(found(None, &[1, 2, 3], 1).len(), 1);
    assert_eq!(found(None, &[1, 2], 10), Vec::<String>::new());
    assert_eq!(found(None, a.payload.unwrap().as_bytes(), 10), [a.id]);
}

fn bindings_are_added_and_moved(place: &Place) {
    let r = place.open();
    let (a, b) = (some(1), some(2));
    r.put(&a, false).unwrap();
    r.put(&b, false).unwrap();
    let binding = Binding { alg: "looks".into(), value: vec![7; 300] };
    let found = || r.by_binding(Some("looks"), &binding.value, 10).unwrap();
    assert!(!r.rebind(&a.id, &binding).unwrap(), "nothing to move yet");
    assert!(r.bind(&a.id, &binding).unwrap() && r.bind(&a.id, &binding).unwrap(), "twice is once");
    assert_eq!(found(), [a.id.as_str()]);
    assert!(
        !r.bind("urn:c2pa:none", &binding).unwrap()
            && !r.rebind("urn:c2pa:none", &binding).unwrap()
    );
    assert_eq!(found(), [a.id.as_str()], "a move to nowhere moves nothing");
    assert!(r.rebind(&b.id, &binding).unwrap());
    assert_eq!(found(), [b.id.as_str()]);
    assert!(r.by_id(&b.id).unwrap().unwrap().bindings.contains(&binding));
    let unfit = Binding { alg: "a\0b".into(), ..binding.clone() };
    assert!(
        matches!(r.bind(&a.id, &unfit), Err(RegistryError::Unfit { .. }))
            && matches!(r.rebind(&a.id, &unfit), Err(RegistryError::Unfit { .. }))
    );
}

fn writers_at_once_lose_nothing(place: &Place) {
    let contested = some(0);
    let own: Vec<Vec<Entry>> =
        (0..4).map(|t| (0..20).map(|n| some(100 * t + n)).collect()).collect();
    let added: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = own
            .iter()
            .map(|entries| {
                let contested = &contested;
                scope.spawn(move || {
                    let r = place.open();
                    entries.iter().for_each(|e| assert_eq!(r.put(e, false).unwrap(), Put::Added));
                    usize::from(r.put(contested, false).unwrap() == Put::Added)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(added, 1, "one was first");
    let r = place.open();
    assert_eq!(r.count().unwrap(), 81);
    for e in own.iter().flatten().chain([&contested]) {
        assert_eq!(r.by_id(&e.id).unwrap().as_ref(), Some(e));
    }
}

fn a_crash_is_mended(place: &Place) {
    let folder = TempDir::new().unwrap();
    let r = place.open();
    let announce = |name: &str, n: u64, written: Option<&[u8]>| {
        let path = folder.path().join(name);
        std::fs::write(&path, n.to_string()).unwrap();
        let mut e = some(n);
        e.content = Content::of_file(&path).unwrap();
        e.target = Some(path.clone());
        match written {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        r.put(&e, false).unwrap();
        e
    };
    let there = announce("there", 1, Some(b"1"));
    let absent = announce("absent", 2, None);
    let other = announce("other", 3, Some(b"something else"));
    let old = announce("old", 0, Some(b"0"));
    assert_eq!(r.announced().unwrap().len(), 4);
    // One that is announced is known already: its clip may be in the world.
    assert!(r.by_payload(absent.payload.unwrap()).unwrap().is_some());

    assert_eq!(registry::mend(r.as_ref(), 1_001).unwrap(), Mended { confirmed: 1, open: 2 });
    assert_eq!(r.by_id(&there.id).unwrap().unwrap().target, None);
    assert_eq!(r.by_id(&other.id).unwrap().unwrap().target, other.target);
    assert_eq!(registry::mend(r.as_ref(), 0).unwrap(), Mended { confirmed: 1, open: 2 });
    assert_eq!(r.by_id(&old.id).unwrap().unwrap().target, None);
    // Again, once the file is there after all.
    std::fs::write(absent.target.as_ref().unwrap(), "2").unwrap();
    assert_eq!(registry::mend(r.as_ref(), 0).unwrap(), Mended { confirmed: 1, open: 1 });
    assert_eq!(registry::mend(r.as_ref(), 0).unwrap(), Mended { confirmed: 0, open: 1 });
    r.confirm(&other.id).unwrap();
    assert_eq!(r.announced().unwrap(), []);
    assert_eq!(r.count().unwrap(), 4);
}

fn hostile_texts_are_kept_or_refused_whole(place: &Place) {
    let r = place.open();
    let mut e = some(1);
    e.title = Some("'; DROP TABLE entries; -- \"ü\u{1F3AC}\u{202e}\n$1 ?1".into());
    e.labels = [e.title.clone().unwrap(), String::new(), "x".repeat(2000)].into();
    e.id = format!("urn:c2pa:{}:'\"", "é".repeat(200));
    r.put(&e, false).unwrap();
    assert_eq!(r.by_id(&e.id).unwrap(), Some(e.clone()));
    let mut filter = Filter::default();
    filter.label.clone_from(&e.title);
    assert_eq!(listed(r.as_ref(), &filter).len(), 1);
    let unfit = [
        Entry { title: Some("a\0b".into()), ..some(2) },
        Entry { labels: ["\0".into()].into(), ..some(3) },
        Entry { id: String::new(), ..some(4) },
    ];
    for e in unfit {
        assert!(matches!(r.put(&e, true), Err(RegistryError::Unfit { .. })), "{e:?}");
    }
    assert_eq!(r.count().unwrap(), 1);
    assert_eq!(r.by_id("a\0b").unwrap(), None);
}

fn a_newer_registry_is_refused(place: &Place) {
    drop(place.open());
    past(place, "INSERT INTO proofmark_version (version) VALUES (99)");
    let refused = registry::open(&place.location).unwrap_err();
    assert!(matches!(refused, RegistryError::Newer { found: 99, .. }), "{refused}");
    assert!(!refused.to_string().contains(postgres_server::PASSWORD));
}

fn entries_travel(place: &Place) {
    let r = place.open();
    let entries: Vec<Entry> =
        (0..3).map(some).chain([bare(Payload::random(), [9; 32].into())]).collect();
    for e in &entries {
        let line = Registration::from(e).line();
        assert!(!line.contains('\n'));
        assert_eq!(&Registration::parse(&line).unwrap(), e);
        r.put(&Registration::parse(&line).unwrap(), false).unwrap();
    }
    assert_eq!(r.count().unwrap(), 4);
    for e in &entries {
        assert_eq!(r.by_id(&e.id).unwrap().as_ref(), Some(e));
    }
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

/// The tables of each version, as it left them.
const VERSIONS: [&str; 6] = [
    include_str!("../crates/registry/src/migrations/1.sql"),
    include_str!("../crates/registry/src/migrations/2.sql"),
    include_str!("../crates/registry/src/migrations/3.sql"),
    include_str!("../crates/registry/src/migrations/4.sql"),
    include_str!("../crates/registry/src/migrations/5.sql"),
    include_str!("../crates/registry/src/migrations/6.sql"),
];

fn version_1_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 1);
}

fn version_2_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 2);
}

fn version_3_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 3);
}

fn version_4_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 4);
}

fn version_5_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 5);
}

fn version_6_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 6);
}

fn what_was_changed_behind_it_is_noticed(place: &Place) {
    let registry = place.open();
    let entries: Vec<Entry> = (0..3).map(some).collect();
    registry.put_all(&entries, false).unwrap();
    registry.confirm(&entries[0].id).unwrap();
    registry.bind(&entries[0].id, &Binding { alg: "org.example".into(), value: vec![1] }).unwrap();
    registry
        .rebind(&entries[1].id, &Binding { alg: "org.example".into(), value: vec![1] })
        .unwrap();
    assert_eq!(registry.integrity().unwrap(), Vec::<String>::new());
    past(place, &format!("UPDATE entries SET title = 'Another' WHERE id = '{}'", entries[2].id));
    let wrong = registry.integrity().unwrap();
    assert!(wrong.len() == 1 && wrong[0].contains(&entries[2].id), "{wrong:?}");
    if registry::is_server(&place.location) {
        assert!(matches!(
            registry.backup(Path::new("copy.db")),
            Err(RegistryError::Elsewhere { .. })
        ));
    }
}

fn what_a_token_stored_is_its_own(place: &Place) {
    let r = place.open();
    let put = |e: &Entry, by| r.put_all_by(std::slice::from_ref(e), true, by).unwrap()[0];
    let (entry, mut changed, here) = (some(1), some(2), some(3));
    changed.id.clone_from(&entry.id);
    changed.payload = entry.payload;
    let binding = Binding { alg: "mark".into(), value: vec![1] };
    assert_eq!((put(&entry, Some("a")), put(&here, None)), (Put::Added, Put::Added));
    // Another token changes nothing of it, nor of what was registered here.
    assert_eq!(
        (
            put(&changed, Some("b")),
            r.delete_by(&entry.id, Some("b")).unwrap(),
            r.delete_by(&here.id, Some("a")).unwrap()
        ),
        (Put::Owned, Change::Refused, Change::Refused)
    );
    assert_eq!(r.bind_by(&entry.id, &binding, Some("b")).unwrap(), Change::Done);
    assert_eq!(
        (
            r.rebind_by(&here.id, &binding, Some("b")).unwrap(),
            r.rebind_by(&here.id, &binding, Some("a")).unwrap()
        ),
        (Change::Refused, Change::Done)
    );
    assert_eq!(r.by_id(&entry.id).unwrap().unwrap().content, entry.content);
    // Its owner does, and keeps the place.
    assert_eq!(
        (
            put(&changed, Some("a")),
            r.delete_by(&entry.id, Some("a")).unwrap(),
            put(&entry, Some("b"))
        ),
        (Put::Replaced, Change::Done, Put::Owned)
    );
    assert_eq!(
        (put(&entry, Some("a")), r.delete_by("none", Some("a")).unwrap()),
        (Put::Added, Change::Absent)
    );
    // This deployment may do everything, and then it is its own.
    assert_eq!((put(&changed, None), put(&entry, Some("a"))), (Put::Replaced, Put::Owned));
    let told: Vec<(Option<String>, String)> =
        r.log(Some(&entry.id), 100).unwrap().into_iter().map(|e| (e.who, e.what)).collect();
    assert_eq!((told.len(), r.log(None, 5).unwrap().len()), (11, 5));
    assert!(
        told.contains(&(Some("b".into()), "delete-refused".into()))
            && told.contains(&(None, "replace".into()))
    );
}

fn what_people_say_is_kept_by_name(place: &Place) {
    let r = place.open();
    let (clip, other) = (Content::of_bytes(b"clip"), Content::of_bytes(b"other"));
    let remark = |who: &str, act, said: &str| {
        r.remark(&Remark { content: clip, at: 0, who: who.into(), act, said: said.into() })
    };
    let refused = |who: &str, act, said: &str, part: &str| {
        let told = remark(who, act, said).unwrap_err().to_string();
        assert!(told.contains(part), "{told}");
    };
    refused("a", Act::Note, "  ", "says nothing");
    refused("a", Act::Note, &"x".repeat(4001), "longer");
    refused("a", Act::Note, "a\0b", "NUL");
    refused("a", Act::Label, "two\nlines", "one line");
    refused("a", Act::Decision, "burn", "no decision");
    refused("a", Act::Review, "agree", "no decision to review");
    remark("a", Act::Note, " A face was replaced.\nLook at 0:02. ").unwrap();
    remark("a", Act::Label, "face swap").unwrap();
    remark("a", Act::Decision, "remove").unwrap();
    // Nobody reviews what they decided themselves.
    refused("a", Act::Review, "agree", "cannot review");
    refused("b", Act::Review, "perhaps", "no review");
    remark("b", Act::Review, "disagree").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    r.remark(&Remark {
        content: other,
        at: 0,
        who: "b".into(),
        act: Act::Label,
        said: "another".into(),
    })
    .unwrap();
    let told: Vec<(String, Act, String)> =
        r.remarks(&clip).unwrap().into_iter().map(|m| (m.who, m.act, m.said)).collect();
    let one = |who: &str, act, said: &str| (who.to_string(), act, said.to_string());
    assert_eq!(
        told,
        [
            one("a", Act::Note, "A face was replaced.\nLook at 0:02."),
            one("a", Act::Label, "face swap"),
            one("a", Act::Decision, "remove"),
            one("b", Act::Review, "disagree")
        ]
    );
    let cases = |label| {
        r.cases(label, 10).unwrap().into_iter().map(|m| (m.content, m.act)).collect::<Vec<_>>()
    };
    assert_eq!(cases(None), [(other, Act::Label), (clip, Act::Review)]);
    assert_eq!(
        (cases(Some("Face Swap")), cases(Some("none"))),
        (vec![(clip, Act::Review)], Vec::new())
    );
    let log = r.log(Some(&clip.to_string()), 10).unwrap();
    assert!(
        log.len() == 4 && log.iter().any(|e| e.what == "review" && e.who.as_deref() == Some("b")),
        "{log:?}"
    );
}

fn entries_are_found_by_words(place: &Place) {
    let r = place.open();
    let (mut a, mut b) = (some(1), some(2));
    a.title = Some("A Rabbit, 100 % _real_, ÜBER".into());
    b.labels = ["campaign \\x".into()].into();
    r.put_all(&[a.clone(), b.clone()], false).unwrap();
    let found =
        |words: &str| r.find(words, 10).unwrap().into_iter().map(|e| e.id).collect::<Vec<_>>();
    for words in [
        "rabbit",
        "100 %",
        "_real_",
        "über",
        "Über",
        &a.payload.unwrap().to_string(),
        &a.id,
        &a.content.to_string(),
        " RABBIT ",
    ] {
        assert_eq!(found(words), [a.id.clone()], "{words}");
    }
    assert_eq!((found("campaign"), found("\\x")), (vec![b.id.clone()], vec![b.id.clone()]));
    assert_eq!(found("clip 2"), [b.id]);
    // Signs that stand for others in SQL are themselves.
    assert!(
        ["", "  ", "%", "a_rabbit", "nothing", "\0", "' OR 1=1 --"].iter().all(|words| found(
            words
        )
        .len()
            < 2)
    );
    assert!(found("r%t").is_empty() && found("").is_empty());
    assert_eq!(r.find("rabbit", 10).unwrap()[0].labels, a.labels);
}

fn is_brought_up_to_date(place: &Place, version: usize) {
    for (i, step) in VERSIONS[..version].iter().enumerate() {
        past(place, step);
        past(place, "CREATE TABLE IF NOT EXISTS proofmark_version (version BIGINT NOT NULL)");
        past(place, &format!("INSERT INTO proofmark_version (version) VALUES ({})", i + 1));
    }
    let content = "00".repeat(32);
    let bytes = if registry::is_server(&place.location) {
        format!("'\\x{content}'::bytea")
    } else {
        format!("x'{content}'")
    };
    past(
        place,
        &format!(
            "INSERT INTO entries (id, content, media_type, stamped) VALUES ('urn:c2pa:old', {bytes}, 'video/mp4', 7)"
        ),
    );
    let r = place.open();
    let old = r.by_id("urn:c2pa:old").unwrap().unwrap();
    assert_eq!((old.stamped, old.picture, old.sound, old.manifest), (7, None, None, None));
    let new = some(1);
    r.put(&new, false).unwrap();
    assert_eq!(r.by_id(&new.id).unwrap(), Some(new));
    assert_eq!(r.integrity().unwrap(), Vec::<String>::new());
}

fn looks_are_read_in_pages(place: &Place) {
    let r = place.open();
    let mut ids: Vec<String> =
        (0..7).map(some).map(|e| r.put(&e, false).map(|_| e.id).unwrap()).collect();
    r.put(&bare(Payload::random(), [1; 32].into()), false).unwrap();
    ids.sort();
    let first = r.looks(None, 5).unwrap();
    let second = r.looks(Some(&first[4].0), 5).unwrap();
    assert_eq!(first.iter().chain(&second).map(|l| l.0.clone()).collect::<Vec<_>>(), ids);
    assert!(first[0].1.pictures().is_empty() && first[0].1.len() == 3, "hashes alone");
    r.delete(&ids[0]).unwrap();
    assert_eq!(r.looks(None, 10).unwrap().len(), 6);
}

fn sounds_are_read_in_pages(place: &Place) {
    let r = place.open();
    let mut entries: Vec<Entry> = (0..7).map(some).collect();
    assert!(entries.iter().all(|e| r.put(e, false).unwrap() == Put::Added));
    r.put(&bare(Payload::random(), [1; 32].into()), false).unwrap();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    let first = r.sounds(None, 5).unwrap();
    let second = r.sounds(Some(&first[4].0), 5).unwrap();
    let read: Vec<(String, AudioFingerprint)> = first.into_iter().chain(second).collect();
    assert_eq!(
        read,
        entries.iter().map(|e| (e.id.clone(), e.sound.clone().unwrap())).collect::<Vec<_>>()
    );
    r.delete(&entries[0].id).unwrap();
    assert_eq!(r.sounds(None, 10).unwrap().len(), 6);
}

#[test]
fn registrations_of_earlier_versions_are_read() {
    let mut entry = some(1);
    let line = Registration::from(&entry).line();
    (entry.sound, entry.stills) = (None, None);
    let (before, after) = line.split_once(",\"sound\":").unwrap();
    assert_eq!(after.find('"'), Some(0), "{after}");
    assert_eq!(Registration::parse(&format!("{before}}}")).unwrap(), entry);
}

#[test]
fn a_registration_that_is_not_one_says_why() {
    let good = Registration::from(&some(1)).line();
    let cases = [
        (String::new(), "EOF"),
        ("{}".into(), "schema"),
        (good.replace("registration/1", "registration/2"), "registration/2"),
        (good.replace("\"content\":\"", "\"content\":\"zz"), "SHA-256"),
        (good.replace("\"manifest\":\"", "\"manifest\":\"*"), "base64"),
        (good.replace("\"sound\":\"AQ", "\"sound\":\"Ag"), "fingerprint of sound is damaged"),
        (good.replace("urn:c2pa:", "urn:other:"), "id"),
        (good.replace("\"stamped\":1001", "\"stamped\":-1"), "-1"),
        (good.replace("\"labels\"", "\"label\""), "label"),
        (good[..good.len() / 2].into(), "EOF"),
    ];
    for (line, part) in cases {
        let told = Registration::parse(&line).unwrap_err();
        assert!(told.contains(part), "'{part}' is missing in: {told}");
    }
}

#[test]
fn what_is_no_registry_is_refused_and_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, but a text that is long enough to be mistaken for one. ".repeat(20),
    )
    .unwrap();
    let before = std::fs::read(&text).unwrap();
    let refused = registry::open(text.to_str().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("text.db"), "{refused}");
    assert_eq!(std::fs::read(&text).unwrap(), before);
    let refused = registry::open(folder.path().to_str().unwrap()).unwrap_err();
    assert!(matches!(refused, RegistryError::Open { .. }), "{refused}");
    let absent = folder.path().join("no/such/folder/registry.db");
    assert!(matches!(registry::open(absent.to_str().unwrap()), Err(RegistryError::Open { .. })));
}

#[test]
fn a_server_that_refuses_is_told_without_its_password() {
    let url = postgres_server::database();
    let wrong = [
        url.replace(postgres_server::PASSWORD, "hunter2"),
        url.replace("/registry_", "/nowhere_"),
        "postgres://me:hunter2@127.0.0.1:1/db".into(),
        "postgres://me:hunter2@:::".into(),
    ];
    for url in wrong {
        let refused = registry::open(&url).unwrap_err();
        assert!(matches!(refused, RegistryError::Open { .. }), "{refused}");
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("hunter2") && !told.contains(postgres_server::PASSWORD), "{told}");
    }
}

#[test]
fn a_server_that_was_restarted_is_found_again() {
    let place = Place::postgres();
    let r = place.open();
    let entry = some(1);
    r.put(&entry, false).unwrap();
    let mut other = ::postgres::Client::connect(&place.location, ::postgres::NoTls).unwrap();
    other.batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").unwrap();
    assert_eq!(r.by_id(&entry.id).unwrap(), Some(entry));
}

#[test]
fn many_threads_share_a_few_connections() {
    let place = Place::postgres();
    let r = place.open();
    let mut other = ::postgres::Client::connect(&place.location, ::postgres::NoTls).unwrap();
    let others =
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..2 {
        std::thread::scope(|scope| {
            for t in 0..24 {
                let r = &r;
                scope.spawn(move || {
                    for n in 0..10 {
                        let entry = some(1000 * round + 20 * t + n);
                        assert_eq!(r.put(&entry, false).unwrap(), Put::Added);
                        assert_eq!(r.by_id(&entry.id).unwrap(), Some(entry));
                    }
                });
            }
        });
        let held: i64 = other.query_one(&format!("SELECT count(*) {others}"), &[]).unwrap().get(0);
        assert!((2..=4).contains(&held), "{held} connections");
        // All of them break while nobody uses them.
        other.execute(&format!("SELECT pg_terminate_backend(pid) {others}"), &[]).unwrap();
    }
    assert_eq!(r.count().unwrap(), 480);
}

#[test]
fn what_was_confirmed_survives_a_kill() {
    // The write-ahead log alone holds the entry when the file is copied as it lies on the disk.
    let place = Place::sqlite();
    let r = place.open();
    let entry = some(1);
    r.put(&entry, false).unwrap();
    let copy = TempDir::new().unwrap();
    for name in ["registry.db", "registry.db-wal"] {
        let from = Path::new(&place.location).with_file_name(name);
        std::fs::copy(&from, copy.path().join(name)).unwrap();
    }
    let found = registry::open(copy.path().join("registry.db").to_str().unwrap()).unwrap();
    assert_eq!(found.by_id(&entry.id).unwrap(), Some(entry));
}
