//! From one file to another through a chain of libav's filters: the picture alone.

use std::path::Path;

use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::{Error, Rational, frame};

use super::avfilter::{Filters, Graph};
use super::codec::EncodeOptions;
use super::job::Plan;
use super::video_format::VideoFormat;
use super::writer::{Sink, Writer};
use super::{Cancel, Limits, MediaError, Reader};

/// Loads libav's filters, while that can still be done: where it cannot, [`filter`] says so.
pub fn load_filters() {
    let _ = Filters::load();
}

/// What a picture is run through, and how what comes out of it is encoded.
#[derive(Clone, Copy, Debug)]
pub struct FilterOptions<'a> {
    /// Filters, in the syntax of libavfilter.
    pub chain: &'a str,
    /// How the picture is encoded.
    pub encode: &'a EncodeOptions,
}

/// Decodes the picture of `input`, runs it through the chain of `options` and writes what comes out
/// to `output`. The chain may change size, frame rate and time stamps. Sound and everything else is
/// left out.
///
/// # Errors
/// [`MediaError::Filter`] or [`MediaError::Encoder`] if this libav cannot do it, others if reading
/// or writing fails or was cancelled.
pub fn filter(
    input: &Path,
    output: &Path,
    options: FilterOptions<'_>,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<(), MediaError> {
    let FilterOptions { chain, encode } = options;
    let container = super::container_of(output)?;
    let mut reader = Reader::open(input, limits)?;
    let (time_base, rate) = (
        reader.time_base(),
        reader.info().picture.as_ref().and_then(|p| p.frame_rate).map(Rational::from),
    );
    let fail =
        |reason: String| MediaError::Filter { path: input.into(), chain: chain.into(), reason };
    let failed = |e: Error| fail(e.to_string());
    let filters = Filters::load().map_err(fail)?;
    if let Some(name) = missing(filters, chain) {
        return Err(fail(format!("there is no filter {name}")));
    }
    let mut graph: Option<Graph> = None;
    let mut writer: Option<Writer<'_>> = None;
    let mut frame = frame::Video::empty();
    'clip: loop {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: input.into() });
        }
        let decoded = reader.next_decoded()?.map(|(frame, _)| frame);
        let graph = match (&mut graph, &decoded) {
            (Some(graph), _) => graph,
            (none, Some(first)) => {
                none.insert(filters.graph(chain, first, time_base, rate).map_err(failed)?)
            }
            (None, None) => break,
        };
        graph.push(decoded).map_err(failed)?;
        loop {
            match graph.pull(&mut frame) {
                Ok(()) => {}
                Err(Error::Other { errno: EAGAIN }) => break,
                // The chain may end before the clip does.
                Err(Error::Eof) => break 'clip,
                Err(e) => return Err(failed(e)),
            }
            let (time_base, told) = graph.timing();
            let rate = told.or(rate);
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(Writer::open(
                    Sink::File(output),
                    Plan { path: output, container, options: encode },
                    Some(&VideoFormat::of_frame(&frame, time_base, rate)),
                    None,
                )?),
            };
            let pts = frame.pts();
            // A lone frame without a duration would never be shown.
            let duration = rate.map_or(1.0, |r| 1.0 / (f64::from(r) * f64::from(time_base)));
            writer.encode(&mut frame, pts, duration.max(1.0) as i64)?;
        }
    }
    writer
        .ok_or_else(|| fail("no frame comes out".into()))?
        .finish(reader.info().clone(), 0.0)
        .map(|_| ())
}

/// The first filter of a chain that this libav lacks; when it parses the chain it would not say
/// which.
fn missing(filters: Filters, chain: &str) -> Option<&str> {
    let mut quoted = false;
    let steps = chain.split(|c| {
        quoted ^= c == '\'';
        !quoted && matches!(c, ',' | ';')
    });
    let mut names = steps.map(|mut f| {
        // Labels of inputs stand before a filter, its options and labels of outputs behind it.
        while let Some((_, rest)) = f.strip_prefix('[').and_then(|f| f.split_once(']')) {
            f = rest;
        }
        f.split(['=', '@', '[']).next().unwrap_or_default()
    });
    names.find(|name| !filters.has(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaInfo;

    fn clip() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bigbuckbunny.mp4")
    }

    /// What comes out, and how many frames it has.
    fn run(chain: &str) -> Result<(MediaInfo, usize), MediaError> {
        let target = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        let encode = EncodeOptions { preset: Some("ultrafast".into()), ..EncodeOptions::default() };
        let options = FilterOptions { chain, encode: &encode };
        filter(&clip(), target.path(), options, &Limits::default(), &Cancel::default())?;
        let mut reader = Reader::open(target.path(), &Limits::default())?;
        let mut frames = 0;
        while reader.next_decoded()?.is_some() {
            frames += 1;
        }
        Ok((reader.info().clone(), frames))
    }

    #[test]
    fn size_rate_and_length_follow_the_chain() {
        let (info, frames) =
            run("trim=end=2,setpts=0.5*PTS,fps=10,scale=160:90,transpose").unwrap();
        let picture = info.picture.unwrap();
        assert_eq!(
            (picture.width, picture.height, picture.frame_rate, frames),
            (90, 160, Some(10.0), 10)
        );
        assert!((info.seconds.unwrap() - 1.0).abs() < 0.01, "{:?}", info.seconds);
    }

    #[test]
    fn a_single_frame_is_shown() {
        assert_eq!(run("trim=end_frame=1").unwrap().1, 1);
    }

    #[test]
    fn what_libav_cannot_run_is_told() {
        let reason = |chain| match run(chain) {
            Err(MediaError::Filter { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert!(
            reason("scale=w='min(iw,20)':h=20,split[a][b];[a][b]nosuchfilter=1[c]")
                .contains("no filter nosuchfilter")
        );
        assert!(reason("trim=start=1000").contains("no frame"));
        assert!(!reason("crop=10000:10000").is_empty());
    }
}
