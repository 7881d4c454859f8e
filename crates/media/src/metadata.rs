//! Metadata of the whole file, and its chapters.

use ffmpeg_next::ffi::av_dict_copy;
use ffmpeg_next::format::context::Output;

use super::Container;
use super::label::{AIGC, THERE, unwritten};
use super::muxer::Muxer;
use super::source::{Source, is_cover};

/// Names of metadata that say how a file was made, and are made anew.
const OF_THE_FILE: [&str; 6] = [
    "encoder",
    "creation_time",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
];

/// Names that MP4's own tags have, as iTunes and taggers read them, by libav's muxer.
const TAGS: [&str; 27] = [
    "title",
    "artist",
    "album_artist",
    "composer",
    "album",
    "date",
    "comment",
    "genre",
    "copyright",
    "grouping",
    "lyrics",
    "description",
    "synopsis",
    "show",
    "episode_id",
    "network",
    "keywords",
    "track",
    "disc",
    "tmpo",
    "episode_sort",
    "season_number",
    "media_type",
    "hd_video",
    "gapless_playback",
    "compilation",
    "location",
];

/// Names that WAVE's own tags have, by libav's muxer.
const OF_WAVE: [&str; 12] = [
    "artist",
    "comment",
    "copyright",
    "date",
    "genre",
    "language",
    "title",
    "album",
    "track",
    "timecode",
    "encoded_by",
    "encoder",
];

/// Names of what a broadcast WAVE says besides.
const OF_BROADCAST: [&str; 8] = [
    "description",
    "originator",
    "originator_reference",
    "origination_date",
    "origination_time",
    "time_reference",
    "umid",
    "coding_history",
];

/// Names that QuickTime has besides.
const OF_QUICKTIME: [&str; 2] = ["make", "model"];

/// Metadata of the whole file that goes by names of its own.
#[derive(Default)]
pub(super) struct Named {
    /// Whether libav's muxer writes all metadata by name. It writes that or MP4's own tags, which
    /// everybody reads and which know a few names alone.
    pub(super) by_muxer: bool,
    /// What is added when the file is finished.
    pub(super) later: Vec<(String, String)>,
    /// Whether it has what a broadcast WAVE says of itself (EBU Tech 3285), which the muxer is to
    /// write again.
    pub(super) broadcast: bool,
    /// Lines on what is lost.
    pub(super) lost: Vec<String>,
}

impl Named {
    /// Adds that label to a file that will have `container`'s metadata, of which `finished` says
    /// whether more can be written to it in the end. There is one in a file, and one that it has
    /// already stays.
    pub(super) fn label(
        &mut self,
        label: &str,
        container: Container,
        finished: bool,
        output: &mut Output,
    ) {
        let metadata = output.metadata().to_owned();
        let has = |names: &[&str]| metadata.iter().any(|(key, _)| is_among(names, key));
        let later = self.later.iter().any(|(key, _)| is_among(&[AIGC], key));
        if later || has(&[AIGC]) {
            return self.lost.push(unwritten(THERE));
        }
        let by_name = match container {
            // Of those it is written when the file is finished, by `carry_over`.
            Container::Png | Container::Jpeg | Container::WebP => return,
            Container::Wav if finished => return,
            Container::Mp4 | Container::Mov | Container::M4a if finished => {
                return self.later.push((AIGC.into(), label.into()));
            }
            Container::Fragments => self.by_muxer || !has(&TAGS),
            Container::Mp4 | Container::Mov | Container::M4a => self.by_muxer,
            Container::Y4m | Container::Wav => false,
            _ => true,
        };
        if !by_name {
            let why = format!("{} has no place for it here", container.name());
            return self.lost.push(unwritten(&why));
        }
        self.by_muxer |= container == Container::Fragments;
        let mut metadata = metadata;
        metadata.set(AIGC, label);
        output.set_metadata(metadata);
    }
}

/// Copies metadata and chapters of the whole file, of which `finished` says whether more can be
/// written to it in the end.
pub(super) fn copy_metadata(
    container: Container,
    finished: bool,
    input: &Source,
    output: &mut Output,
) -> Named {
    // SAFETY: both contexts are valid; the dictionary is copied entry by entry.
    unsafe {
        av_dict_copy(&mut (*output.as_mut_ptr()).metadata, (*input.as_ptr()).metadata, 0);
    }
    let chapters = copy_chapters(container, input, output);
    let metadata = input.metadata();
    let all: Vec<(&str, &str)> =
        metadata.iter().filter(|(key, _)| !is_among(&OF_THE_FILE, key)).collect();
    let mut named = match container {
        Container::Wav => named_in_wave(&all, input, output),
        Container::Mp4 | Container::Mov | Container::M4a | Container::Fragments => {
            named_in_mp4(&all, container, finished, input)
        }
        _ => Named::default(),
    };
    named.lost = chapters.into_iter().chain(named.lost).collect();
    named
}

/// Copies chapters; a line if the container holds none.
fn copy_chapters(container: Container, input: &Source, output: &mut Output) -> Option<String> {
    if !container.holds_chapters() {
        return (input.nb_chapters() > 0).then(|| {
            format!(
                "{} chapters were left out: {} holds none here",
                input.nb_chapters(),
                container.name()
            )
        });
    }
    for chapter in input.chapters() {
        let title = chapter.metadata().get("title").unwrap_or("").to_string();
        // A chapter that libav will not take (end before start) is damaged already.
        let _ = output.add_chapter(
            chapter.id(),
            chapter.time_base(),
            chapter.start(),
            chapter.end(),
            &title,
        );
    }
    None
}

/// Whether metadata has one of these names, which know no case.
fn is_among(names: &[&str], key: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// What WAVE does with metadata: what is neither among its tags nor of a broadcast is lost.
fn named_in_wave(all: &[(&str, &str)], input: &Source, output: &mut Output) -> Named {
    let broadcast = input.metadata().get("time_reference").is_some();
    if broadcast {
        describe_broadcast(input, output);
    }
    let names: Vec<&str> = all
        .iter()
        .map(|&(key, _)| key)
        .filter(|key| !(is_among(&OF_WAVE, key) || broadcast && is_among(&OF_BROADCAST, key)))
        .collect();
    let lost = (!names.is_empty()).then(|| no_tag(&names, Container::Wav)).into_iter().collect();
    Named { broadcast, lost, ..Named::default() }
}

/// What the family of MP4 does with metadata: what is not among its tags is added in the end where
/// it can be, else written by name where nothing needs those tags, else lost.
fn named_in_mp4(
    all: &[(&str, &str)],
    container: Container,
    finished: bool,
    input: &Source,
) -> Named {
    let has_tag = |key: &str| {
        is_among(&TAGS, key) || container == Container::Mov && is_among(&OF_QUICKTIME, key)
    };
    let odd: Vec<(&str, &str)> = all.iter().copied().filter(|(key, _)| !has_tag(key)).collect();
    if odd.is_empty() {
        return Named::default();
    }
    if finished {
        return Named {
            later: odd.iter().map(|&(key, value)| (key.to_string(), value.to_string())).collect(),
            ..Named::default()
        };
    }
    let cover = input.streams().any(|s| is_cover(&s) && container.keeps(&s));
    if !cover && odd.len() == all.len() {
        return Named { by_muxer: true, ..Named::default() };
    }
    let names: Vec<&str> = odd.iter().map(|&(key, _)| key).collect();
    Named { lost: vec![no_tag(&names, container)], ..Named::default() }
}

/// A line on metadata that a container has no tag for.
fn no_tag(names: &[&str], container: Container) -> String {
    format!(
        "metadata '{}' was left out: it is not among the tags of {}",
        names.join("', '"),
        container.name()
    )
}

/// Gives the output what a broadcast WAVE says of itself by the names that the muxer asks for: its
/// reader has given it those of other tags.
fn describe_broadcast(input: &Source, output: &mut Output) {
    let mut metadata = output.metadata().to_owned();
    for (own, usual) in
        [("description", "comment"), ("originator", "encoded_by"), ("origination_date", "date")]
    {
        if let (None, Some(value)) = (metadata.get(own), input.metadata().get(usual)) {
            metadata.set(own, value);
        }
    }
    output.set_metadata(metadata);
}
