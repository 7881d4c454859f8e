//! How near copies and other clips come by the fingerprints of their sound: cargo bench --bench
//! sound_likeness -- FOLDER
//!
//! FOLDER, which `scripts/sound_likeness.py` fills, holds `<clip>@original.<ext>` for each clip and
//! `<clip>@<attack>.<ext>` for each copy. Printed is, for each attack, how many copies are told as
//! such, and for other clips how near they come: whole, and in pieces of 3, 5 and 10 s. Files
//! called `<clip>@over-…` have another sound laid over and are compared as they are. Last comes how
//! long a search takes.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints, and stops at what is wrong"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use proofmark::audio::Format;
use proofmark::fingerprint::{AudioFingerprint, AudioQuery, AudioResemblance, Recorder, Recording};
use proofmark::media::{AudioReader, Limits};

/// Of a clip: its original, and its copies by what was done to them.
type Clip = (AudioFingerprint, BTreeMap<String, Recording>);

fn main() {
    let folder = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let Some(folder) = folder else {
        println!("sound_likeness: give the folder that scripts/sound_likeness.py filled");
        return;
    };
    let mut clips: BTreeMap<String, Clip> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some((clip, attack)) = name.split_once('@') else { continue };
        let recording = record(&path, 0.0, f64::INFINITY);
        let clip =
            clips.entry(clip.into()).or_insert_with(|| (recording.fingerprint(), BTreeMap::new()));
        if attack == "original" {
            clip.0 = recording.fingerprint();
        }
        clip.1.insert(attack.into(), recording);
    }
    clips.retain(|name, clip| {
        let heard = !clip.0.is_empty();
        if !heard {
            println!("{name}: nothing to compare");
        }
        heard
    });
    copies(&clips);
    others(&folder, &clips);
    speed(&clips);
}

/// The sound of a file from one time to another, in seconds.
fn record(path: &Path, from: f64, to: f64) -> Recording {
    let mut reader =
        AudioReader::open(path, &Limits::default()).unwrap().expect("a file with sound");
    let format = Format { rate: reader.info().rate, channels: reader.info().channels };
    let place =
        |seconds: f64| ((seconds * f64::from(format.rate)).min(1e15) as usize) * format.channels;
    let (mut recorder, mut at) = (Recorder::new(format).unwrap(), 0);
    while let Some(samples) = reader.next_block().unwrap() {
        let (start, end) = (
            place(from).clamp(at, at + samples.len()) - at,
            place(to).clamp(at, at + samples.len()) - at,
        );
        recorder.push(&samples[start..end]);
        at += samples.len();
    }
    recorder.finish()
}

fn quantile(values: &mut [f32], share: f64) -> f32 {
    values.sort_by(f32::total_cmp);
    values
        .get((values.len().saturating_sub(1) as f64 * share).round() as usize)
        .copied()
        .unwrap_or(f32::NAN)
}

fn copies(clips: &BTreeMap<String, Clip>) {
    let attacks: Vec<&String> =
        clips.values().next().map(|c| c.1.keys().collect()).unwrap_or_default();
    println!(
        "| attack | found | median | most | nearest quarter, most | different() | not found |\n| \
        --- | --- | --- | --- | --- | --- | --- |"
    );
    for attack in attacks {
        let (mut all, mut nearest, mut lost, mut found) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut different = Vec::new();
        for (name, (original, copies)) in clips {
            let Some(copy) = copies.get(attack) else { continue };
            let r: Option<AudioResemblance> =
                AudioQuery::new(copy).and_then(|q| q.resemblance(original));
            match r {
                Some(r) if r.same() => found += 1,
                _ => lost.push(format!("{name} {:.2}", r.map_or(1.0, |r| r.distance))),
            }
            different.extend(r.filter(AudioResemblance::different).map(|_| name.as_str()));
            all.push(r.map_or(1.0, |r| r.distance));
            nearest.extend(r.map(|r| r.nearest));
        }
        let many = all.len();
        println!(
            "| {attack} | {found} of {many} | {:.3} | {:.3} | {:.3} | {} | {} |",
            quantile(&mut all, 0.5),
            quantile(&mut all, 1.0),
            quantile(&mut nearest, 1.0),
            different.join(", "),
            lost.join(", ")
        );
    }
}

/// What tells a pair of clips of which one is made from the other: the same first word of their
/// names, such as `bbb-a` and `bbb-b`.
fn kin(a: &str, b: &str) -> bool {
    a.split('-').next() == b.split('-').next()
}

fn others(folder: &str, clips: &BTreeMap<String, Clip>) {
    println!(
        "\n| length | pairs | as it is: least, 1 %, median | nearest quarter: 1 %, 10 %, median | \
        different() | guessed: least, 0.1 %, 1 %, median | same() |\n| --- | --- | --- | --- | \
        --- | --- | --- |"
    );
    for seconds in [3.0, 5.0, 10.0] {
        let (mut plain, mut nearest, mut guessed, mut same, mut different) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
        for name in clips.keys() {
            let path = std::fs::read_dir(folder)
                .unwrap()
                .map(|e| e.unwrap().path())
                .find(|p| p.file_stem().unwrap().to_string_lossy() == format!("{name}@original"))
                .unwrap();
            for piece in 0..(10.0 / seconds) as usize {
                let start = piece as f64 * seconds;
                let Some(query) = AudioQuery::new(&record(&path, start, start + seconds + 0.1))
                else {
                    continue;
                };
                for (other, (original, _)) in clips.iter().filter(|(other, _)| !kin(name, other)) {
                    let Some(r) = query.resemblance(original) else { continue };
                    if r.same() {
                        same.push(format!("{name}/{other} {:.2}", r.distance));
                    }
                    different += usize::from(r.different());
                    plain.push(query.glance(original));
                    nearest.push(r.nearest);
                    guessed.push(query.glance_stretched(original));
                }
            }
        }
        let many = plain.len();
        println!(
            "| {seconds} s | {many} | {:.3}, {:.3}, {:.3} | {:.3}, {:.3}, {:.3} | {different} | \
            {:.3}, {:.3}, {:.3}, {:.3} | {} |",
            quantile(&mut plain, 0.0),
            quantile(&mut plain, 0.01),
            quantile(&mut plain, 0.5),
            quantile(&mut nearest, 0.01),
            quantile(&mut nearest, 0.1),
            quantile(&mut nearest, 0.5),
            quantile(&mut guessed, 0.0),
            quantile(&mut guessed, 0.001),
            quantile(&mut guessed, 0.01),
            quantile(&mut guessed, 0.5),
            same.join(", ")
        );
    }
}

fn speed(clips: &BTreeMap<String, Clip>) {
    let prints: Vec<&AudioFingerprint> = clips.values().map(|c| &c.0).collect();
    let Some(recording) =
        clips.values().find_map(|c| c.1.get("original").filter(|r| r.fingerprint().len() > 100))
    else {
        return;
    };
    let begin = Instant::now();
    let query = AudioQuery::new(recording).unwrap();
    println!("\nquery of 10 s: {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
    let begin = Instant::now();
    black_box(query.glance_stretched(prints[0]));
    println!("its guesses: {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
    let rounds = 2000 / prints.len() + 1;
    let begin = Instant::now();
    for print in (0..rounds).flat_map(|_| &prints) {
        black_box(query.glance(print));
    }
    let plain = begin.elapsed().as_secs_f64() / (rounds * prints.len()) as f64;
    let begin = Instant::now();
    for print in &prints {
        black_box(query.glance_stretched(print));
    }
    let stretched = begin.elapsed().as_secs_f64() / prints.len() as f64;
    println!(
        "a glance: {:.1} us, under guesses: {:.0} us, {:.0} times",
        plain * 1e6,
        stretched * 1e6,
        stretched / plain
    );
}
