//! What belongs to one database alone: its files, its server, its connections.

use std::path::Path;

use proofmark::registry::{self, Put, RegistryError};
use tempfile::TempDir;

use super::{Place, postgres_server, some};

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
    other
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \
        current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
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

#[test]
fn a_server_is_asked_from_within_a_runtime_of_the_callers() {
    let place = Place::postgres();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let r = place.open();
        let entry = some(1);
        r.put(&entry, false).unwrap();
        assert_eq!(r.by_id(&entry.id).unwrap(), Some(entry));
    });
}
