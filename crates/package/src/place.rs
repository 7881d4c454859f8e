//! What an address in an index leads to: a file below the folder of the index, and nothing else.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::PackageError;

/// Bytes of an address at most.
const LONGEST: usize = 4096;

/// Where addresses are followed from, and no further than to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The index whose addresses they are.
    pub(super) index: PathBuf,
    /// The folder that nothing leads out of.
    root: PathBuf,
}

impl Place {
    /// That of an index that was given.
    pub(super) fn of(index: &Path) -> Self {
        let folder = index.parent().filter(|f| !f.as_os_str().is_empty());
        Self { index: index.into(), root: folder.unwrap_or(Path::new(".")).into() }
    }

    /// That of an index which this one leads to.
    pub(super) fn at(&self, index: &Path) -> Self {
        Self { index: index.into(), root: self.root.clone() }
    }

    /// What is wrong with the index.
    pub(super) fn odd(&self, what: impl Into<String>) -> PackageError {
        PackageError::Index { path: self.index.clone(), what: what.into() }
    }

    /// The file that an address leads to, which need not be there.
    pub(super) fn file(&self, address: &str) -> Result<PathBuf, PackageError> {
        let named = address.split(['?', '#']).next().unwrap_or_default();
        let scheme = named.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
        let remote = scheme || named.starts_with("//");
        if remote {
            return Err(self.odd(format!(
                "it names '{address}', and nothing is fetched; fetch its files, and give an index \
                that names them where they are"
            )));
        }
        let outside = || self.odd(format!("'{address}' leads out of its folder"));
        // Players take these for something else, or differ over them.
        if named.contains(['\\', '{', '}']) || named.len() > LONGEST {
            return Err(self.odd(format!("'{:.100}' is no name of a file for every player", named)));
        }
        let decoded = percent_decode_str(named).decode_utf8().map_err(|_| outside())?;
        let folder = self.index.parent().unwrap_or(Path::new(""));
        let mut path = folder.to_path_buf();
        for part in Path::new(decoded.as_ref()).components() {
            match part {
                Component::Normal(name) => path.push(name),
                Component::CurDir => {}
                Component::ParentDir if path != self.root && path.pop() => {}
                _ => return Err(outside()),
            }
        }
        if path == folder || !path.starts_with(&self.root) && self.root != Path::new(".") {
            return Err(outside());
        }
        // Links may lead anywhere.
        match (path.canonicalize(), self.root.canonicalize()) {
            (Ok(real), Ok(root)) if !real.starts_with(&root) => Err(outside()),
            _ => Ok(path),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should say so at once")]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_below_the_index() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("video")).unwrap();
        let place = Place::of(&folder.path().join("index.m3u8"));
        let below = place.at(&folder.path().join("video/index.m3u8"));
        let is = |place: &Place, address, path: Option<&str>| {
            let found = place.file(address).ok();
            assert_eq!(found, path.map(|p| folder.path().join(p)), "{address}");
        };
        is(&place, "video/00001.m4s?token=1", Some("video/00001.m4s"));
        is(&place, "./a%20b.m4s", Some("a b.m4s"));
        is(&below, "../audio/init.mp4", Some("audio/init.mp4"));
        for bad in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "%2e%2e/x",
            "https://a/b",
            "//a/b",
            "",
            "?",
            "http:/a",
            "..\\\\x",
            "{$x}/1",
        ] {
            is(&place, bad, None);
        }
        is(&below, "../../x", None);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.m4s")).unwrap();
        is(&place, "link.m4s", None);
    }

    #[test]
    fn an_index_in_the_current_folder_has_files_beside_it() {
        let place = Place::of(Path::new("index.mpd"));
        assert_eq!(place.file("v/1.m4s").unwrap(), Path::new("v/1.m4s"));
        assert!(place.file("../1.m4s").is_err());
    }
}
