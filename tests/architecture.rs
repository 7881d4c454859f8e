//! Keeps the house in order: arrows between crates and between modules run downward only, files
//! stay short; and the documents true: every path they name exists, and every link leads somewhere.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each crate, where it is, and which of the others it may use.
const CRATES: [(&str, &str, &[&str]); 12] = [
    ("proofmark-core", "crates/core", &[]),
    ("proofmark-watermark", "crates/watermark", &["core"]),
    ("proofmark-fingerprint", "crates/fingerprint", &["core"]),
    ("proofmark-media", "crates/media", &["core"]),
    ("proofmark-package", "crates/package", &["core"]),
    ("proofmark-provenance", "crates/provenance", &["core"]),
    ("proofmark-registry", "crates/registry", &["core", "fingerprint"]),
    (
        "proofmark",
        ".",
        &["core", "fingerprint", "media", "package", "provenance", "registry", "watermark"],
    ),
    ("proofmark-server", "crates/server", &[""]),
    ("proofmark-cli", "cli", &["", "server"]),
    ("proofmark-python", "python", &[""]),
    ("proofmark-fuzz", "fuzz", &["", "cli", "server"]),
];

/// What is used in one room of the house alone, beside tests and fuzzing.
const ROOMS: [(&str, &str); 8] = [
    ("ffmpeg-next", "proofmark-media"),
    ("c2pa", "proofmark-provenance"),
    ("cryptoki", "proofmark-provenance"),
    ("rusqlite", "proofmark-registry"),
    ("landlock", "proofmark"),
    ("seccompiler", "proofmark"),
    ("axum", "proofmark-server"),
    ("pyo3", "proofmark-python"),
];

/// Lines that are wider than 100 columns at most: what macros and tables hold, which no tool
/// breaks. To be lowered where one was.
const WIDE: usize = 102;

/// Lines of a file at most, of tests and of anything else.
const LONGEST: [usize; 2] = [700, 500];

/// The documents in a folder, and those below it.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { documents(&path) } else { vec![path] })
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .collect()
}

#[test]
fn every_path_that_the_design_names_exists() {
    let mut named = 0;
    for document in documents(&common::root().join("docs/design"))
        .into_iter()
        .chain([common::root().join("CONTRIBUTING.md")])
    {
        let text = std::fs::read_to_string(&document).unwrap();
        let begins_here = |s: &&str| {
            [
                "src/", "cli/", "crates/", "tests/", "docs/", "scripts/", "fuzz/", "benches/",
                "locales/", "python/",
            ]
            .iter()
            .any(|folder| s.starts_with(folder))
        };
        let looks_like_path = |s: &&str| begins_here(s) && !s.contains([' ', ':', '<', '*']);
        let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(looks_like_path).collect();
        let missing: Vec<&&str> =
            paths.iter().filter(|p| !common::root().join(p).exists()).collect();
        assert!(missing.is_empty(), "{}: named but not there: {missing:?}", document.display());
        named += paths.len();
    }
    assert!(named > 100, "only {named} paths were found");
}

#[test]
fn every_link_leads_somewhere() {
    let here = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .map(|name| common::root().join(name));
    for document in documents(&common::root().join("docs")).into_iter().chain(here) {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let leads = link.contains("://")
                || file.is_empty()
                || document.parent().unwrap().join(file).exists();
            assert!(leads, "{}: {link} is not there", document.display());
        }
    }
}

#[test]
fn frames_go_in_and_out_of_libav_in_one_place() {
    // What takes a frame from libav or hands one over, and needs no frame to be checked where it is
    // defined.
    const CALLS: [&str; 7] = [
        "receive_frame(",
        "send_frame(",
        "sws_scale",
        "swr_convert",
        "scaler.run(",
        "converter.run(",
        "resampler.run(",
    ];
    let folder = common::root().join("crates/media/src");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.ends_with("guard.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(
            CALLS
                .iter()
                .filter(|call| text.contains(**call))
                .map(|call| format!("{call} in {}", path.display())),
        );
    }
    assert!(found.is_empty(), "beside crates/media/src/guard.rs: {found:?}");
}

/// The crates that a manifest names under `[dependencies]`.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = common::root().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let (_, after) = text.split_once("\n[dependencies]\n").unwrap();
    let section = after.split("\n[").next().unwrap();
    let name = |line: &str| line.split([' ', '.', '=']).next().unwrap().to_string();
    section.lines().map(name).filter(|n| !n.is_empty() && !n.starts_with('#')).collect()
}

#[test]
fn arrows_between_crates_run_downward() {
    for (name, folder, may) in CRATES {
        let allowed: BTreeSet<String> =
            may.iter().map(|m| format!("proofmark-{m}").trim_end_matches('-').into()).collect();
        let used: BTreeSet<String> =
            dependencies(folder).into_iter().filter(|d| d.starts_with("proofmark")).collect();
        assert_eq!(used, allowed, "{name}");
    }
    for (dependency, room) in ROOMS {
        let users: Vec<&str> = CRATES
            .iter()
            .filter(|(name, folder, _)| {
                *name != "proofmark-fuzz" && dependencies(folder).contains(dependency)
            })
            .map(|(name, ..)| *name)
            .collect();
        assert_eq!(users, [room], "{dependency}");
    }
}

/// The Rust files in a folder, and those below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

type Module = Vec<String>;

/// A crate's modules with their text, as far as it is no test and no comment.
fn modules(root: &Path) -> BTreeMap<Module, String> {
    let module = |path: &Path| {
        let mut parts: Module = path
            .strip_prefix(root)
            .unwrap()
            .with_extension("")
            .iter()
            .map(|p| p.to_str().unwrap().to_string())
            .collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            parts.pop();
        }
        parts
    };
    let code = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let ends = ["mod tests {", "pub(super) mod tests {"]
            .iter()
            .filter_map(|tests| text.find(&format!("#[cfg(test)]\n{tests}")))
            .min()
            .unwrap_or(text.len());
        text[..ends].lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join(" ")
    };
    sources(root).iter().map(|path| (module(path), code(path))).collect()
}

/// What a module names of its own crate: each path, from the crate's root.
fn named(module: &Module, text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let starts = |at: usize| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    };
    for word in ["crate::", "super::"] {
        for (at, _) in text.match_indices(word).filter(|(at, _)| starts(*at)) {
            expand(&mut found, &[], &text[at..]);
        }
    }
    found
        .into_iter()
        .map(|path: Module| {
            let up = path.iter().take_while(|p| *p == "super").count();
            let base = if up == 0 { &[] } else { &module[..module.len().saturating_sub(up)] };
            base.iter().chain(path.iter().skip(up.max(1))).cloned().collect()
        })
        .collect()
}

/// Takes a path apart that may end in a list of others; returns what follows it.
fn expand<'t>(found: &mut Vec<Module>, before: &[String], mut text: &'t str) -> &'t str {
    let mut path = before.to_vec();
    loop {
        text = text.trim_start();
        if let Some(mut list) = text.strip_prefix('{') {
            loop {
                list = list.trim_start();
                if let Some(rest) = list.strip_prefix('}') {
                    return rest;
                }
                let rest = expand(found, &path, list);
                assert!(rest.len() < list.len(), "{}", &list[..list.len().min(80)]);
                list = rest.trim_start().strip_prefix(',').unwrap_or(rest);
            }
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*');
        let end = end.unwrap_or(text.len());
        path.push(text[..end].into());
        text = &text[end..];
        match text.strip_prefix("::") {
            Some(rest) => text = rest,
            None => break,
        }
    }
    found.push(path);
    // Another name for it.
    match text.trim_start().strip_prefix("as ") {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => text,
    }
}

/// The module that a path leads to, through what a parent passes on from its children.
fn leads_to(all: &BTreeMap<Module, String>, path: &[String]) -> Module {
    let depth = (0..=path.len()).rev().find(|&k| all.contains_key(&path[..k])).unwrap();
    let (module, rest) = path.split_at(depth);
    let Some(item) = rest.first() else { return module.to_vec() };
    let mut passed = Vec::new();
    for (at, _) in all[module].match_indices("use ") {
        let mut found = Vec::new();
        let path = all[module][at + 4..].trim_start().trim_start_matches("self::");
        if !path.starts_with(['{', ':']) {
            expand(&mut found, &[], path);
        }
        passed.extend(found.into_iter().filter(|f| f.len() > 1 && f.last() == Some(item)));
    }
    let child = passed.into_iter().map(|p| [module, &p[..1]].concat());
    child.into_iter().find(|c| all.contains_key(c)).unwrap_or_else(|| module.to_vec())
}

#[test]
fn modules_use_each_other_in_no_circle() {
    let mut seen = 0;
    for (name, folder, _) in CRATES {
        let all = modules(&common::root().join(folder).join("src"));
        // A child may use what is its parents'; that is no arrow.
        let mut arrows: BTreeMap<Module, BTreeSet<Module>> = all
            .iter()
            .map(|(module, text)| {
                let used = named(module, text).into_iter().map(|path| leads_to(&all, &path));
                (module.clone(), used.filter(|used| !module.starts_with(used)).collect())
            })
            .collect();
        seen += arrows.values().map(BTreeSet::len).sum::<usize>();
        // What uses nothing that is left is in no circle.
        loop {
            let free: Vec<Module> =
                arrows.iter().filter(|(_, uses)| uses.is_empty()).map(|a| a.0.clone()).collect();
            if free.is_empty() {
                break;
            }
            arrows.retain(|module, _| !free.contains(module));
            arrows.values_mut().for_each(|uses| uses.retain(|used| !free.contains(used)));
        }
        let circle: Vec<String> = arrows
            .iter()
            .map(|(module, uses)| {
                let uses: Vec<String> = uses.iter().map(|u| u.join("::")).collect();
                format!("{} uses {}", module.join("::"), uses.join(", "))
            })
            .collect();
        assert!(circle.is_empty(), "{name}:\n{}", circle.join("\n"));
    }
    assert!(seen > 500, "only {seen} arrows were seen");
}

#[test]
fn files_are_short_and_narrow() {
    let (mut long, mut wide) = (Vec::new(), 0);
    for (_, folder, _) in CRATES {
        for part in ["src", "tests", "benches", "examples"] {
            let folder = common::root().join(folder).join(part);
            if !folder.exists() {
                continue;
            }
            for path in sources(&folder) {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines = text.lines().count();
                wide += text.lines().filter(|line| line.chars().count() > 100).count();
                if lines > LONGEST[usize::from(part == "src")] {
                    long.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    assert!(wide <= WIDE, "{wide} lines are wider than 100 columns");
}
