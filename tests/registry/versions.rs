//! Registries of earlier versions, which are brought up to date, and of later ones.

use proofmark::registry::{self, RegistryError};

use super::{Place, past, postgres_server, some};

/// The tables of each version, as it left them.
const VERSIONS: [&str; 6] = [
    include_str!("../../crates/registry/src/migrations/1.sql"),
    include_str!("../../crates/registry/src/migrations/2.sql"),
    include_str!("../../crates/registry/src/migrations/3.sql"),
    include_str!("../../crates/registry/src/migrations/4.sql"),
    include_str!("../../crates/registry/src/migrations/5.sql"),
    include_str!("../../crates/registry/src/migrations/6.sql"),
];

pub(super) fn a_newer_registry_is_refused(place: &Place) {
    drop(place.open());
    past(place, "INSERT INTO proofmark_version (version) VALUES (99)");
    let refused = registry::open(&place.location).unwrap_err();
    assert!(matches!(refused, RegistryError::Newer { found: 99, .. }), "{refused}");
    assert!(!refused.to_string().contains(postgres_server::PASSWORD));
}

pub(super) fn version_1_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 1);
}

pub(super) fn version_2_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 2);
}

pub(super) fn version_3_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 3);
}

pub(super) fn version_4_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 4);
}

pub(super) fn version_5_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 5);
}

pub(super) fn version_6_is_brought_up_to_date(place: &Place) {
    is_brought_up_to_date(place, 6);
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
            "INSERT INTO entries (id, content, media_type, stamped) VALUES ('urn:c2pa:old', \
            {bytes}, 'video/mp4', 7)"
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
