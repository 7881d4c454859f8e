//! Entries: kept, replaced, forgotten, mended and sent on.

use proofmark::Payload;
use proofmark::registry::{self, Content, Entry, Filter, Mended, Put, Registration, RegistryError};
use tempfile::TempDir;

use super::{Place, bare, listed, postgres_server, some};

pub(super) fn an_entry_comes_back_as_it_was(place: &Place) {
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

pub(super) fn a_registry_outlives_its_opening(place: &Place) {
    let entry = some(1);
    place.open().put(&entry, false).unwrap();
    let again = place.open();
    assert_eq!(again.by_id(&entry.id).unwrap(), Some(entry));
    assert!(
        !again.location().contains(postgres_server::PASSWORD)
            && !format!("{again:?}").contains(postgres_server::PASSWORD)
    );
}

pub(super) fn the_same_again_changes_nothing_and_another_is_refused(place: &Place) {
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

pub(super) fn a_payload_belongs_to_one_entry(place: &Place) {
    let r = place.open();
    let entry = some(1);
    r.put(&entry, false).unwrap();
    let usurper = Entry { id: "urn:c2pa:another".into(), ..entry.clone() };
    for replace in [false, true] {
        assert!(matches!(r.put(&usurper, replace), Err(RegistryError::Conflict { .. })));
    }
    assert_eq!(r.by_payload(entry.payload.unwrap()).unwrap(), Some(entry));
}

pub(super) fn what_is_forgotten_is_gone_with_all_its_parts(place: &Place) {
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

pub(super) fn writers_at_once_lose_nothing(place: &Place) {
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

pub(super) fn a_crash_is_mended(place: &Place) {
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

pub(super) fn hostile_texts_are_kept_or_refused_whole(place: &Place) {
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

pub(super) fn entries_travel(place: &Place) {
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
