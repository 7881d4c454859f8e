//! Web forms that were kept as they were sent (RFC 7578): a file lies within, and would pass for the whole, as libav finds a picture or sound behind anything.

use std::io::Read;

/// Bytes that are looked at: the head of a form's first part takes less.
const HEAD: u64 = 4096;
/// Characters of a boundary at most (RFC 2046, section 5.1.1).
const BOUNDARY: usize = 70;

/// Whether what comes from `file` begins as a form does.
pub(super) fn begins(file: impl Read) -> bool {
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).is_ok() && is_form(&head)
}

fn is_form(head: &[u8]) -> bool {
    // Most files are told by their first byte.
    let Some(at) = head.iter().position(|b| !b"\r\n".contains(b)) else { return false };
    let mut lines = head[at..].split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let boundary = lines.next().and_then(|line| line.strip_prefix(b"--"));
    if !boundary.is_some_and(|b| (1..=BOUNDARY).contains(&b.len()) && b.iter().all(|c| (b' '..=b'~').contains(c))) {
        return false;
    }
    let disposition = |line: &[u8]| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix(b"content-disposition:").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"form-data"))
    };
    lines.take_while(|line| !line.is_empty()).any(disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_from_everything_else() {
        let forms = [
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\u{ff}",
            "\r\n------WebKitFormBoundaryABC\r\nContent-Type: video/mp4\r\ncontent-disposition:form-data; name=x\r\n\r\n",
            "--b with spaces\nCONTENT-DISPOSITION: Form-Data; name=x\n\n",
        ];
        assert!(forms.iter().all(|f| begins(f.as_bytes())));
        let others = ["", "--", "--b\r\n\r\nContent-Disposition: form-data\r\n", "Content-Disposition: form-data\r\n\r\n", "--b\r\nContent-Disposition: attachment\r\n\r\n"];
        assert!(others.iter().all(|f| !begins(f.as_bytes())));
        assert!(!begins(format!("--{}\r\ncontent-disposition: form-data", "b".repeat(71)).as_bytes()));
        assert!(!begins(&b"--\xff\r\ncontent-disposition: form-data\r\n\r\n"[..]));
    }
}
