//! What is written is read back, and nothing that others made stops the reader.

use std::io::{BufReader, Cursor};

use proptest::prelude::*;

use super::*;

fn parse(file: &[u8]) -> Option<(Kind, Record)> {
    read_from(
        &mut BufReader::with_capacity(64, Cursor::new(file)),
        file.len() as u64,
        &Limits::default(),
    )
    .unwrap()
}

/// A segment or chunk of each kind, as small as it can be.
fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let frame: (u8, &[u8]) = (0xc0, &[8, 0, 16, 0, 24, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    for (marker, payload) in
        segments.iter().chain(&[frame, (0xda, &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0])])
    {
        out.extend([0xff, *marker]);
        out.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
        out.extend(*payload);
    }
    // Stuffed, restarted and filled.
    out.extend([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xff, 0xd9]);
    out
}

fn png() -> Vec<u8> {
    let record = Record::default();
    let mut bare = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [
        (b"IHDR", &[0, 0, 0, 24, 0, 0, 0, 16, 8, 2, 0, 0, 0][..]),
        (b"IDAT", &[1, 2, 3]),
        (b"IEND", &[]),
    ] {
        bare.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        bare.extend(name);
        bare.extend(data);
        bare.extend([0; 4]);
    }
    png::write(&bare, &record, &mut Vec::new()).unwrap()
}

fn webp() -> Vec<u8> {
    b"RIFF\x16\0\0\0WEBPVP8L\x09\0\0\0\x2f\x17\xc0\x03\x10\0\0\0\0\0".to_vec()
}

/// Two pages, the first with an orientation, a text, and 300 pixels to the inch.
fn tiff() -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0\x04\0".to_vec();
    let at = 8 + 2 + 4 * 12 + 4;
    for (tag, kind, count, value) in
        [(274u16, 3u16, 1u32, 6u32), (282, 5, 1, at + 8), (283, 5, 1, at + 8), (315, 2, 8, at)]
    {
        out.extend([tag, kind].map(u16::to_le_bytes).concat());
        out.extend([count, value].map(u32::to_le_bytes).concat());
    }
    out.extend((at + 16).to_le_bytes());
    out.extend(b"A. Body\0");
    out.extend([600u32, 2].map(u32::to_le_bytes).concat());
    // The last page leads back to the first one.
    out.extend(b"\0\0\x08\0\0\0");
    out
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..most)
}

prop_compose! {
    fn records()(
        exif in proptest::option::of(bytes(300)),
        xmp in proptest::option::of(bytes(300)),
        icc in proptest::option::of(bytes(140_000)),
        x in 1..60000u32,
        y in 1..60000u32,
        inch in any::<bool>(),
    ) -> Record {
        let density = Some(Density { x, y, unit: if inch { Unit::Inch } else { Unit::Ratio } });
        Record { exif, xmp, icc: icc.map(Profile), density, ..Record::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(record in records()) {
        let mut lost = Vec::new();
        let (kind, back) = parse(&jpeg::write(&jpeg(&[]), &record, &mut lost).unwrap()).unwrap();
        prop_assert_eq!((kind, &back), (Kind::Jpeg, &record));
        let (kind, back) = parse(&png::write(&png(), &record, &mut lost).unwrap()).unwrap();
        prop_assert_eq!(kind, Kind::Png);
        let Record { exif, xmp, icc, .. } = record.clone();
        prop_assert_eq!(&(back.exif, back.xmp, back.icc), &(exif, xmp, icc));
        // Rounded to the metre, and back.
        prop_assert_eq!(back.density.and_then(Density::in_jfif), record.density);
        let (kind, back) = parse(&webp::write(&webp(), &record).unwrap()).unwrap();
        prop_assert_eq!((kind, back), (Kind::WebP, Record { density: None, ..record }));
        prop_assert!(lost.is_empty());
    }

    #[test]
    fn whatever_bytes_there_are_they_are_read_to_some_end(
        which in 0..5usize,
        at in any::<prop::sample::Index>(),
        wild in bytes(600),
    ) {
        let photo = jpeg(&[(0xe1, b"Exif\0\0MM"), (0xe2, b"ICC_PROFILE\0\x01\x01abc")]);
        let mut file = [photo, png(), webp(), vec![0xff, 0xd8, 0xff], tiff()][which].clone();
        let at = at.index(file.len());
        file.splice(at.., wild);
        let _ = parse(&file);
        for record in [Record::default(), parse(&file).map(|p| p.1).unwrap_or_default()] {
            let mut lost = Vec::new();
            let _ = jpeg::write(&file, &record, &mut lost);
            let _ = png::write(&file, &record, &mut lost);
            let _ = webp::write(&file, &record);
        }
    }

    #[test]
    fn any_packet_is_mended_or_told(wild in "[<>/ \"'=a-c:&;]{0,60}", which in 0..3usize) {
        let packet = ["<a xmlns:a='http://ns.adobe.com/hdr-gain-map/1.0/' a:b='", "<a \
            xmlns='http://ns.google.com/photos/1.0/container/'>", ""][which];
        let _ = xmp::mend(format!("{packet}{wild}").into(), false);
    }
}

#[test]
fn the_first_picture_ends_where_its_own_end_is() {
    // A thumbnail within a segment has an end of its own.
    let thumbnail = jpeg(&[]);
    let picture = jpeg(&[(0xe1, &thumbnail), (0xe0, b"JFIF\0\x01\x02\x01\x01\x2c\x01\x2c\0\0")]);
    let walk = |file: &[u8]| {
        jpeg::Picture::walk(&mut BufReader::with_capacity(16, Cursor::new(file)), 0, 1 << 20)
            .unwrap()
    };
    for behind in [&b""[..], b"\0\0\0\0", b"anything", &jpeg(&[]), &[0xff; 9]] {
        let walked = walk(&[&picture, behind].concat()).unwrap();
        assert_eq!(walked.end, picture.len() as u64);
        // What decoders need is the picture without the segment that is an application's.
        let coding: Vec<u8> = walked
            .coding()
            .iter()
            .flat_map(|r| &picture[r.start as usize..r.end as usize])
            .copied()
            .collect();
        assert_eq!(coding, jpeg(&[(0xe0, b"JFIF\0\x01\x02\x01\x01\x2c\x01\x2c\0\0")]));
    }
    // Cut short within its scan there is still a picture; before that, or with a length that lies,
    // there is none.
    assert_eq!(walk(&picture[..picture.len() - 3]).unwrap().end, picture.len() as u64 - 3);
    assert_eq!(walk(&picture[..40]), None);
    assert_eq!(walk(&[0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff, 1, 2]), None);
    assert_eq!(walk(&[0xff, 0xd8, 0xff, 0xe1, 0, 1, 1, 2]), None);
}

#[test]
fn frames_of_a_clip_are_no_still_with_something_behind_it() {
    let frame = jpeg(&[]);
    assert!(parse(&[frame.clone(), frame.clone()].concat()).is_none());
    assert!(parse(&[&frame[..], &[0; 99], &frame].concat()).is_none());
    let other = [&frame[..], &jpeg(&[])].concat();
    let at = frame.len() + 8;
    let mut smaller = other.clone();
    smaller[at] = 8;
    let (_, record) = parse(&smaller).unwrap();
    assert_eq!(
        record.behind,
        Some(("another picture, such as a gain map".into(), frame.len() as u64))
    );
    // Of the same size, but announced.
    let announced = jpeg(&[(0xe2, b"MPF\0MM\0*")]);
    assert!(parse(&[announced, frame].concat()).unwrap().1.behind.is_some());
}

#[test]
fn what_lies_behind_is_named() {
    let picture = jpeg(&[(0xe2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")]);
    let behind =
        |bytes: &[u8]| parse(&[&picture[..], bytes].concat()).unwrap().1.behind.map(|b| b.0);
    assert_eq!(behind(&[0; 70000]), None);
    assert_eq!(behind(b"\0\0\0\x18ftypmp42").unwrap(), "a gain map and a video");
    let plain = jpeg(&[]);
    let behind = |bytes: &[u8]| parse(&[&plain[..], bytes].concat()).unwrap().1.behind;
    assert_eq!(behind(b"\0\0\0\x18ftypmp42"), Some(("a video".into(), 12)));
    assert_eq!(behind(b"abc"), Some(("data".into(), 3)));
}

#[test]
fn a_tiff_gives_its_first_page_and_what_is_said_of_it() {
    let (kind, record) = parse(&tiff()).unwrap();
    assert_eq!(
        (kind, record.density),
        (Kind::Tiff, Some(Density { x: 300, y: 300, unit: Unit::Inch }))
    );
    assert_eq!(
        record.lost,
        ["what follows the first page (1 more) was left out: one picture is read of a TIFF"]
    );
    // What was made of it is a directory that says the same.
    let exif = record.exif.unwrap();
    let (_, again) = parse(&exif).unwrap();
    assert_eq!(again.exif.unwrap(), exif);
    assert!(
        exif.windows(12).any(|w| w == b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0")
            && exif.ends_with(b"A. Body\0")
    );
}
