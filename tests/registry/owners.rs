//! Whose an entry is, what people say of a clip, and what was changed behind the registry.

use std::path::Path;

use proofmark::registry::{self, Act, Binding, Change, Content, Entry, Put, RegistryError, Remark};

use super::{Place, past, some};

pub(super) fn what_people_say_is_kept_by_name(place: &Place) {
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

pub(super) fn what_a_token_stored_is_its_own(place: &Place) {
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

pub(super) fn what_was_changed_behind_it_is_noticed(place: &Place) {
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
