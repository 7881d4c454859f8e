//! One frame of a file, to be shown.

use std::path::Path;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, frame};

use super::convert::Converter;
use super::{Cancel, Limits, MediaError, Reader, Still};

/// The frame of a clip or still image that is shown at `seconds` from the first one: the last one
/// at the end, the first one before the start.
///
/// # Errors
/// [`MediaError`] if the file cannot be read or decoded, passes a limit, or the work was cancelled.
pub fn frame_at(
    path: &Path,
    seconds: f64,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Still, MediaError> {
    let fail = |reason: String| MediaError::Decode { path: path.into(), reason };
    // Where the file has no index that leads there, all frames before are gone through.
    let found = match decode_until(path, seconds, limits, cancel, true)? {
        Some(frame) => Some(frame),
        None => decode_until(path, seconds, limits, cancel, false)?,
    };
    let mut frame = found.ok_or_else(|| fail("not one whole frame in it".into()))?;
    let mut converter = Converter::default();
    let rgb =
        converter.convert(&mut frame, Pixel::RGB24).map_err(|e: Error| fail(e.to_string()))?;
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let rows = rgb.data(0).chunks(rgb.stride(0)).take(height);
    let data = rows.flat_map(|row| row.iter().take(3 * width)).copied().collect();
    Ok(Still { width, height, data })
}

/// The frame that is shown at `seconds`. With `seek`, `None` if the place was not found.
fn decode_until(
    path: &Path,
    seconds: f64,
    limits: &Limits,
    cancel: &Cancel,
    seek: bool,
) -> Result<Option<frame::Video>, MediaError> {
    let mut reader = Reader::open(path, limits)?;
    if seek && !reader.seek(seconds)? {
        return Ok(None);
    }
    let mut shown: Option<frame::Video> = None;
    while let Some((frame, time)) = reader.next_decoded()? {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: path.into() });
        }
        if time > seconds && (seek || shown.is_some()) {
            break;
        }
        std::mem::swap(frame, shown.get_or_insert_with(frame::Video::empty));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeking_and_going_through_all_give_the_same_frame() {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bigbuckbunny.mp4");
        let (limits, cancel) = (Limits::default(), Cancel::default());
        let mut seen = Vec::new();
        for seconds in [0.0, 1.234, 4.0, 1e6] {
            let [sought, counted] = [true, false]
                .map(|seek| decode_until(&clip, seconds, &limits, &cancel, seek).unwrap());
            let counted = counted.unwrap();
            let sought = sought.unwrap();
            assert_eq!(sought.timestamp(), counted.timestamp(), "{seconds}");
            assert_eq!(sought.data(0), counted.data(0), "{seconds}");
            let still = frame_at(&clip, seconds, &limits, &cancel).unwrap();
            assert_eq!(still.data.len(), still.width * still.height * 3);
            seen.push(counted.timestamp().unwrap());
        }
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    }

    #[test]
    fn colours_are_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let png = folder.path().join("still.png");
        let made = std::process::Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-nostdin",
                "-f",
                "lavfi",
                "-i",
                "color=0xc04010:s=66x34,format=rgb24,crop=33:17",
                "-frames:v",
                "1",
            ])
            .arg(&png)
            .status();
        assert!(made.unwrap().success());
        let still = frame_at(&png, 0.5, &Limits::default(), &Cancel::default()).unwrap();
        assert_eq!((still.width, still.height), (33, 17));
        let near = |p: &[u8]| p.iter().zip([0xc0, 0x40, 0x10]).all(|(&a, b)| a.abs_diff(b) <= 3);
        assert!(still.data.chunks(3).all(near), "{:?}", &still.data[..3]);
    }
}
