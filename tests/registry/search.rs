//! How entries are found: in lists, by what leads to them, by words, by their looks and sounds.

use proofmark::Payload;
use proofmark::fingerprint::AudioFingerprint;
use proofmark::registry::{Binding, Entry, Filter, Put, RegistryError};

use super::{Place, bare, listed, some};

pub(super) fn lists_are_filtered_and_go_on_where_they_stopped(place: &Place) {
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

pub(super) fn payloads_come_newest_first(place: &Place) {
    let r = place.open();
    let entries: Vec<Entry> = (0..5).map(some).collect();
    entries.iter().for_each(|e| assert_eq!(r.put(e, false).unwrap(), Put::Added));
    let newest: Vec<Payload> = entries.iter().rev().map(|e| e.payload.unwrap()).collect();
    assert_eq!(r.payloads(10).unwrap(), newest);
    assert_eq!(r.payloads(2).unwrap(), newest[..2]);
}

pub(super) fn bindings_lead_to_their_entries(place: &Place) {
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

pub(super) fn bindings_are_added_and_moved(place: &Place) {
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

pub(super) fn entries_are_found_by_words(place: &Place) {
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

pub(super) fn looks_are_read_in_pages(place: &Place) {
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

pub(super) fn sounds_are_read_in_pages(place: &Place) {
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
