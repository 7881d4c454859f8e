//! Which files: as named, in folders, by patterns, from lists; each once; and of those a machine's
//! share.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobMatcher};

use super::BatchArgs;
use super::shard::plain;
use crate::inputs::{self, Search};

/// A file to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    /// Where it lies below the folder, or the fixed part of the pattern, that led to it: its name
    /// alone where it was named itself.
    pub(crate) within: PathBuf,
    /// Why nothing can be done with it, where that is known already: a folder that cannot be
    /// searched.
    pub(crate) unread: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) inputs: Vec<Input>,
    /// Whether it is one file that was named by itself.
    pub(crate) single: bool,
    /// Names that led to a file that was there already.
    pub(crate) twice: usize,
    /// What was left out of folders, so many by their extensions.
    pub(crate) others: BTreeMap<String, usize>,
}

impl Files {
    /// What is worth knowing of how they were found, a line each.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> {
        let twice = (self.twice > 0).then(|| {
            format!(
                "{} of the names lead to a file that another has led to; each file is taken once",
                self.twice
            )
        });
        twice.into_iter().chain(inputs::left_out(&self.others))
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.inputs.iter().map(|i| i.path.clone()).collect()
    }
}

/// Finds the files that are named on the command line and in the list; folders are searched so.
pub(crate) fn files(named: &[PathBuf], args: &BatchArgs, search: Search<'_>) -> Result<Files> {
    let mut found = Finding { files: Files::default(), seen: HashSet::new(), search };
    for name in named {
        found.named(name, true)?;
    }
    if let Some(list) = &args.files_from {
        for name in read_list(list, args.null)? {
            found.named(&name, false)?;
        }
    }
    let mut files = found.files;
    files.single = match (named, &files.inputs[..]) {
        ([name], [input]) if args.files_from.is_none() => {
            *name == input.path && input.unread.is_none()
        }
        _ => false,
    };
    Ok(files)
}

/// The names in a list.
fn read_list(list: &Path, null: bool) -> Result<Vec<PathBuf>> {
    let (shown, mut bytes) = (
        if list == Path::new("-") { "standard input".into() } else { list.display().to_string() },
        Vec::new(),
    );
    let read = if list == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(list).map(|b| bytes = b)
    };
    read.with_context(|| {
        format!(
            "{shown}: cannot be read; give a list of files, one a line, or '-' for standard input"
        )
    })?;
    let names: Vec<PathBuf> = bytes
        .split(|&b| b == if null { 0 } else { b'\n' })
        // Lists from elsewhere may end their lines in two characters.
        .map(|name| if null { name } else { name.strip_suffix(b"\r").unwrap_or(name) })
        .filter(|name| !name.is_empty())
        .map(|name| OsString::from_vec(name.to_vec()).into())
        .collect();
    if names.is_empty() {
        bail!("{shown}: names no file; give one a line");
    }
    if !null && bytes.contains(&0) {
        bail!("{shown}: is no list of lines; if its names end with NUL, say --null");
    }
    Ok(names)
}

struct Finding<'a> {
    files: Files,
    /// Names that are in already, without what makes two spellings of one.
    seen: HashSet<PathBuf>,
    search: Search<'a>,
}

impl Finding<'_> {
    fn named(&mut self, name: &Path, patterns: bool) -> Result<()> {
        if patterns && name == Path::new("-") {
            bail!(
                "-: clips are not read from standard input; give a file, or a list of files with \
                --files-from -"
            );
        }
        if name.is_dir() {
            if self.folder(name, name) == 0 {
                self.alone(name, Some(inputs::nothing_in(name)));
            }
        } else if patterns
            && name.symlink_metadata().is_err()
            && name.as_os_str().as_bytes().iter().any(|b| b"*?[{".contains(b))
        {
            // What is there is what was meant, whatever characters are in its name.
            self.pattern(name)?;
        } else {
            self.alone(name, None);
        }
        Ok(())
    }

    /// Adds what is in a folder, and tells how much that is.
    fn folder(&mut self, folder: &Path, root: &Path) -> usize {
        let found = self.search.search(folder);
        let all = found.files.len() + found.unread.len();
        for (kind, count) in found.others {
            *self.files.others.entry(kind).or_default() += count;
        }
        for (path, reason) in found.unread {
            let told = format!("{:#}", inputs::unread(&path, &reason));
            self.add(path.clone(), below(&path, root), Some(told));
        }
        for path in found.files {
            let within = below(&path, root);
            self.add(path, within, None);
        }
        all
    }

    /// Adds a name that was given for a file. One that leads to none is told like a file that
    /// fails, and the others are worked on.
    fn alone(&mut self, name: &Path, unread: Option<String>) {
        self.add(name.into(), name.file_name().unwrap_or(name.as_os_str()).into(), unread);
    }

    fn add(&mut self, path: PathBuf, within: PathBuf, unread: Option<String>) {
        if self.seen.insert(plain(&path)) {
            self.files.inputs.push(Input { path, within, unread });
        } else {
            self.files.twice += 1;
        }
    }

    /// Adds what matches a pattern: files whatever they are, and what is in folders.
    fn pattern(&mut self, pattern: &Path) -> Result<()> {
        let shown = pattern.display();
        let Some(text) = pattern.to_str() else {
            bail!("{shown}: is no file, and a pattern must be UTF-8")
        };
        let parts: Vec<&str> = text.split('/').filter(|p| !p.is_empty()).collect();
        let fixed = parts.iter().take_while(|p| !p.contains(['*', '?', '[', '{', '\\'])).count();
        let root: PathBuf = text
            .starts_with('/')
            .then_some("/")
            .into_iter()
            .chain(parts[..fixed].iter().copied())
            .collect();
        let glob = GlobBuilder::new(&parts[fixed..].join("/")).literal_separator(true).build();
        let matcher = glob.map(|g| g.compile_matcher()).map_err(|e| {
            anyhow::anyhow!("{shown}: is no file, and no pattern either: {}", e.kind())
        })?;
        let depth = if text.contains("**") { usize::MAX } else { parts.len() - fixed };
        let before = self.files.inputs.len() + self.files.twice;
        let matching = Matching {
            root: &root,
            matcher,
            depth,
            dotted: parts[fixed..].iter().any(|p| p.starts_with('.')),
        };
        self.matches(
            if root.as_os_str().is_empty() { Path::new(".") } else { &root },
            Path::new(""),
            &matching,
        );
        if self.files.inputs.len() + self.files.twice == before {
            self.alone(
                pattern,
                Some(format!(
                    "{shown}: no file matches this pattern; check it, \
                and quote it so that the shell leaves it alone"
                )),
            );
        }
        Ok(())
    }

    fn matches(&mut self, folder: &Path, below: &Path, how: &Matching<'_>) {
        let entries = match inputs::entries(folder) {
            Ok(entries) => entries,
            // A pattern that leads nowhere matches nothing; what lies on its way and cannot be
            // searched is told.
            Err(_) if below.as_os_str().is_empty() => return,
            Err(reason) => {
                return self.add(
                    folder.into(),
                    below.into(),
                    Some(format!("{:#}", inputs::unread(folder, &reason))),
                );
            }
        };
        for entry in entries.into_iter().filter(|e| how.dotted || !inputs::hidden(e)) {
            let within = below.join(entry.file_name().unwrap_or_default());
            let path = how.root.join(&within);
            let searchable = path.is_dir()
                && !path.is_symlink()
                && self
                    .search
                    .but
                    .is_none_or(|but| path.canonicalize().map_or(true, |real| real != but));
            if how.matcher.is_match(&within) {
                if path.is_dir() {
                    self.folder(&path, how.root);
                    continue;
                }
                self.add(path, within, None);
            } else if searchable && within.components().count() < how.depth {
                self.matches(&path, &within, how);
            }
        }
    }
}

struct Matching<'a> {
    root: &'a Path,
    matcher: GlobMatcher,
    depth: usize,
    /// Whether the pattern asks for hidden names.
    dotted: bool,
}

fn below(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root)
        .map_or_else(|_| path.file_name().unwrap_or(OsStr::new("")).into(), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(files_from: Option<PathBuf>, null: bool) -> BatchArgs {
        BatchArgs { files_from, null, ..BatchArgs::default() }
    }

    /// A folder with clips and what is none.
    fn tree() -> tempfile::TempDir {
        let tree = tempfile::TempDir::new().unwrap();
        for folder in ["a/deep", "b", ".hidden"] {
            std::fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        for file in
            ["a/1.mp4", "a/deep/2.mp4", "a/deep/notes.txt", "b/3.mkv", "b/[4].mp4", ".hidden/5.mp4"]
        {
            std::fs::write(tree.path().join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("..", tree.path().join("a/deep/loop")).unwrap();
        tree
    }

    fn found(tree: &Path, names: &[&str]) -> Vec<(String, String)> {
        let named: Vec<PathBuf> = names.iter().map(|n| tree.join(n)).collect();
        let all = files(&named, &args(None, false), Search::default()).unwrap();
        all.inputs
            .iter()
            .map(|i| (below(&i.path, tree).display().to_string(), i.within.display().to_string()))
            .collect()
    }

    #[test]
    fn folders_patterns_and_names() {
        let tree = tree();
        let of =
            |names: &[&str]| found(tree.path(), names).into_iter().map(|f| f.0).collect::<Vec<_>>();
        assert_eq!(of(&[""]), ["a/1.mp4", "a/deep/2.mp4", "b/3.mkv", "b/[4].mp4"]);
        assert_eq!(of(&["*/*.mp4"]), ["a/1.mp4", "b/[4].mp4"]);
        assert_eq!(of(&["**/*.mp4"]), ["a/1.mp4", "a/deep/2.mp4", "b/[4].mp4"]);
        assert_eq!(of(&["{a,b}/?.m*"]), ["a/1.mp4", "b/3.mkv"]);
        // Folders that match are searched, and a file that is there is no pattern.
        assert_eq!(of(&["a/d*"]), ["a/deep/2.mp4"]);
        assert_eq!(of(&["b/[4].mp4"]), ["b/[4].mp4"]);
        assert_eq!(of(&[".hid*/*"]), [".hidden/5.mp4"]);
        assert_eq!(of(&["a/missing.mp4"]), ["a/missing.mp4"]);
        // Where they lie below what led to them.
        assert_eq!(found(tree.path(), &["a"])[1].1, "deep/2.mp4");
        assert_eq!(found(tree.path(), &["a/**/2.mp4"])[0].1, "deep/2.mp4");
        assert_eq!(found(tree.path(), &["a/deep/2.mp4"])[0].1, "2.mp4");
    }

    #[test]
    fn each_file_once() {
        let tree = tree();
        let names = ["a", "a/1.mp4", "a/./1.mp4", "a//deep/2.mp4"].map(|n| tree.path().join(n));
        let all = files(&names, &args(None, false), Search::default()).unwrap();
        assert_eq!((all.inputs.len(), all.twice, all.single), (2, 3, false));
        assert!(files(&names[1..2], &args(None, false), Search::default()).unwrap().single);
        // Targets among the inputs are none.
        let but = tree.path().join("a/deep").canonicalize().unwrap();
        assert_eq!(
            files(&names[..1], &args(None, false), Search { but: Some(&but), packages: false })
                .unwrap()
                .inputs
                .len(),
            1
        );
    }

    #[test]
    fn a_clip_in_segments_is_found_by_its_index_alone() {
        let tree = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = tree.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\n\
            1.m4s\n#EXT-X-ENDLIST\n";
        write("v/index.m3u8", list);
        write("v/init.mp4", "");
        write("v/1.m4s", "");
        write("v/other.mp4", "");
        write("index.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/index.m3u8\n");
        write("songs.m3u8", "#EXTM3U\nsong.mp3\n");
        let found = |packages| {
            let search = Search { packages, ..Search::default() };
            let all = files(&[tree.path().into()], &args(None, false), search).unwrap();
            let names = all.inputs.iter().map(|i| i.within.display().to_string());
            (names.collect::<Vec<_>>(), all.others)
        };
        let (names, others) = found(true);
        assert_eq!(names, ["index.m3u8", "v/other.mp4"]);
        assert_eq!(others, BTreeMap::from([("m3u8".into(), 1)]));
        let (names, others) = found(false);
        assert_eq!(names, ["v/init.mp4", "v/other.mp4"]);
        assert_eq!(others, BTreeMap::from([("m3u8".into(), 3), ("m4s".into(), 1)]));
    }

    #[test]
    fn lists() {
        let tree = tree();
        let list = tree.path().join("list");
        let read = |bytes: &[u8], null| {
            std::fs::write(&list, bytes).unwrap();
            read_list(&list, null)
                .map(|names| {
                    names.into_iter().map(|n| n.into_os_string().into_vec()).collect::<Vec<_>>()
                })
                .map_err(|e| e.to_string())
        };
        assert_eq!(
            read(b"a b.mp4\r\n\n\xff*.mp4", false).unwrap(),
            [&b"a b.mp4"[..], b"\xff*.mp4"]
        );
        assert_eq!(read(b"two\nlines.mp4\0b\0", true).unwrap(), [&b"two\nlines.mp4"[..], b"b"]);
        assert!(read(b"\n\n", false).unwrap_err().contains("names no file"));
        assert!(read(b"a\0b\0", false).unwrap_err().contains("--null"));
        assert!(
            read_list(Path::new("/missing"), false)
                .unwrap_err()
                .to_string()
                .contains("/missing: cannot be read")
        );
    }

    #[test]
    fn what_matches_nothing_is_refused() {
        let tree = tree();
        assert!(
            files(&["-".into()], &args(None, false), Search::default())
                .unwrap_err()
                .to_string()
                .contains("not read from standard input")
        );
        let e = files(&[tree.path().join("a/[.mp4")], &args(None, false), Search::default())
            .unwrap_err()
            .to_string();
        assert!(e.contains("no pattern either") && !e.contains('\n'), "{e}");
        // Among others it is one that failed.
        std::fs::create_dir(tree.path().join("empty")).unwrap();
        let names = ["a/*.avi", "none/*", "empty", "a"].map(|name| tree.path().join(name));
        let found = files(&names, &args(None, false), Search::default()).unwrap();
        let told: Vec<&str> = found.inputs.iter().filter_map(|i| i.unread.as_deref()).collect();
        let says = ["no file matches", "no file matches", "no media file in this folder"];
        assert!(
            found.inputs.len() > 3
                && told.len() == 3
                && told.iter().zip(says).all(|(t, s)| t.contains(s) && !t.contains('\n')),
            "{told:?}"
        );
    }
}
