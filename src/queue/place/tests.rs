//! Names of places, and files that are put in them.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn places_are_paths_and_objects() {
    assert_eq!("/clips/a b.mp4".parse(), Ok(Place::File("/clips/a b.mp4".into())));
    assert_eq!("file:///clips/a%20b.mp4".parse(), Ok(Place::File("/clips/a b.mp4".into())));
    let object: Place = "s3://clips/day 1/a.mkv".parse().unwrap();
    assert_eq!((object.to_string().as_str(), object.name()), ("s3://clips/day 1/a.mkv", "a.mkv"));
    assert_eq!(object.sidecar().to_string(), "s3://clips/day 1/a.c2pa");
    for wrong in [
        "",
        "s3://clips",
        "s3://clips/",
        "s3://user:secret@clips/a.mp4",
        "s3://clips/a/",
        "s3://clips/../a",
        "https://example.com/a.mp4",
        "file://host/a",
    ] {
        let refused = wrong.parse::<Place>().unwrap_err();
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
fn a_file_takes_its_name_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let (a, b, to) =
        (folder.path().join("a"), folder.path().join("b"), Place::File(folder.path().join("to")));
    let stores = Stores::default();
    for file in [&a, &b] {
        std::fs::write(file, file.to_str().unwrap()).unwrap();
    }
    let content = Content::of_file(&a).unwrap();
    stores.put(&a, &to, &content, "video/mp4", false).unwrap();
    assert_eq!(stores.content(&to).unwrap(), Some(Some(content)));
    assert!(matches!(
        stores.put(&b, &to, &content, "video/mp4", false),
        Err(StoreError::Exists { .. })
    ));
    let Place::File(target) = &to else { unreachable!() };
    std::fs::set_permissions(target, std::fs::Permissions::from_mode(0o640)).unwrap();
    stores.put(&b, &to, &content, "video/mp4", true).unwrap();
    assert!(!a.exists() && !b.exists());
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}
