//! Boxes, of which MP4 files and manifests are made: a size, a kind, and what is in it (ISO/IEC
//! 14496-12, section 4.2).

/// The boxes in the body of a box: the kind of each, and its body. Ends before the first that does
/// not fit. Boxes with a size of 64 bits, or up to the end of the file, are not for such bodies and
/// end it, too.
///
/// ```
/// let body = b"\0\0\0\x0afreehi\0\0\0\x08skip";
/// let found: Vec<_> = proofmark_core::child_boxes(body).collect();
/// assert_eq!(found, [(*b"free", &b"hi"[..]), (*b"skip", b"")]);
/// ```
pub fn child_boxes(mut body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, rest) = body.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let length = (u32::from_be_bytes(*size) as usize).checked_sub(8)?;
        let (inside, after) = rest.split_at_checked(length)?;
        body = after;
        Some((*kind, inside))
    })
}
