//! Playlists of HLS (RFC 8216), followed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use m3u8_rs::{
    AlternativeMediaType, KeyMethod, MasterPlaylist, MediaPlaylist, MediaSegment, Playlist,
};

use super::place::Place;
use super::{Extent, INDEX, PackageError, RENDITIONS, Rendition, Segment};

/// What a playlist leads to: other playlists, and renditions.
pub(super) type Led = (Vec<PathBuf>, Vec<Rendition>);

/// Follows a playlist whose bytes these are.
pub(super) fn follow(place: &Place, bytes: &[u8]) -> Result<Led, PackageError> {
    match read(place, bytes)? {
        Playlist::MasterPlaylist(master) => variants(place, &master),
        Playlist::MediaPlaylist(media) => {
            let name = place.index.file_stem().unwrap_or_default().to_string_lossy();
            Ok((Vec::new(), renditions(place, &media, &Form::new(&name, false, 0))?))
        }
    }
}

fn read(place: &Place, bytes: &[u8]) -> Result<Playlist, PackageError> {
    m3u8_rs::parse_playlist_res(bytes).map_err(|_| place.odd("it is no playlist that can be read"))
}

/// Bytes of an index, which is not larger than any is.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, PackageError> {
    let mut bytes = Vec::new();
    let open = |reason| PackageError::Open { path: path.into(), reason };
    File::open(path).and_then(|f| f.take(INDEX + 1).read_to_end(&mut bytes)).map_err(open)?;
    if bytes.len() as u64 > INDEX {
        return Err(Place::of(path).odd("it is larger than any index"));
    }
    Ok(bytes)
}

/// What is said of a rendition beside its segments.
struct Form {
    name: String,
    sound: bool,
    bandwidth: u64,
}

impl Form {
    fn new(name: &str, sound: bool, bandwidth: u64) -> Self {
        Self { name: name.into(), sound, bandwidth }
    }
}

/// The playlists of a master playlist, each once.
fn variants(place: &Place, master: &MasterPlaylist) -> Result<Led, PackageError> {
    let pictures = master
        .variants
        .iter()
        .filter(|v| !v.is_i_frame)
        .map(|v| (v.uri.as_str(), false, v.bandwidth));
    let sounds = master
        .alternatives
        .iter()
        .filter(|a| a.media_type == AlternativeMediaType::Audio)
        .filter_map(|a| Some((a.uri.as_deref()?, true, 0)));
    let mut led: Led = Led::default();
    for (address, sound, bandwidth) in pictures.chain(sounds) {
        let path = place.file(address)?;
        if led.0.contains(&path) {
            continue;
        }
        if led.0.len() == RENDITIONS {
            return Err(place.odd(format!("it has more than {RENDITIONS} renditions")));
        }
        let below = place.at(&path);
        let Playlist::MediaPlaylist(media) = read(&below, &bytes(&path)?)? else {
            return Err(below.odd("it leads to playlists again"));
        };
        let folder = Path::new(address).parent().filter(|f| !f.as_os_str().is_empty());
        let name = folder.map_or_else(
            || path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            |folder| folder.to_string_lossy().into_owned(),
        );
        led.1.extend(renditions(&below, &media, &Form::new(&name, sound, bandwidth))?);
        led.0.push(path);
    }
    Ok(led)
}

/// The segments of a playlist: a rendition, and another one from where their init segment changes.
fn renditions(
    place: &Place,
    media: &MediaPlaylist,
    form: &Form,
) -> Result<Vec<Rendition>, PackageError> {
    let (mut out, mut start) = (Vec::<Rendition>::new(), 0.0);
    let extent = if media.end_list { Extent::Whole } else { Extent::Window };
    for segment in &media.segments {
        refuse(place, segment)?;
        let init = segment.map.as_ref().map(|map| place.file(&map.uri)).transpose()?;
        let changed = init.is_some() && out.last().is_some_and(|last| last.init != init);
        if out.is_empty() || changed {
            let later = if changed { format!(", from {start:.1} s") } else { String::new() };
            out.push(Rendition {
                name: format!("{}{later}", form.name),
                sound: form.sound,
                bandwidth: form.bandwidth,
                init,
                segments: Vec::new(),
                extent,
            });
        }
        let seconds = f64::from(segment.duration).clamp(0.0, 1e6);
        let path = place.file(&segment.uri)?;
        if let Some(last) = out.last_mut() {
            last.segments.push(Segment { path, start, seconds });
        }
        start += seconds;
    }
    if out.is_empty() { Err(place.odd("it names no segment")) } else { Ok(out) }
}

/// Refuses a segment that is no file of its own.
fn refuse(place: &Place, segment: &MediaSegment) -> Result<(), PackageError> {
    let ranged = segment.byte_range.is_some()
        || segment.map.as_ref().is_some_and(|map| map.byte_range.is_some());
    if ranged {
        return Err(place.odd(format!(
            "its segments are stretches of '{}'; give that file itself",
            segment.uri
        )));
    }
    match &segment.key {
        Some(key) if key.method != KeyMethod::None => {
            Err(place.odd("its segments are encrypted; give them as they were before"))
        }
        _ => Ok(()),
    }
}
