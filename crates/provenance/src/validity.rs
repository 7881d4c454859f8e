//! When a certificate is valid: RFC 5280, section 4.1.2.5.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// SHA-256 of the first certificate of a chain in PEM, in hexadecimal digits; `None` if there is
/// none.
pub(super) fn leaf(pem: &str) -> Option<String> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| digest(&der))
}

/// SHA-256 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Bytes in hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// From when and until when the first certificate of a chain in PEM is valid, in seconds since
/// 1970; `None` if that cannot be read.
pub(super) fn of_chain(pem: &str) -> Option<(i64, i64)> {
    let leaf = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate, _) = element(&leaf)?;
    let (_, mut rest, _) = element(certificate)?;
    // Version, which may be left out, serial number, algorithm and issuer come before.
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.2;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (from_kind, from, rest) = element(validity)?;
    let (until_kind, until, _) = element(rest)?;
    Some((seconds(from_kind, from)?, seconds(until_kind, until)?))
}

/// Now, in seconds since 1970.
pub(super) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// By how many seconds two clocks may differ.
const CLOCKS: i64 = 300;

/// Whether a time, as RFC 3339 has it, is not in the future.
pub(super) fn has_come(time: &str) -> bool {
    OffsetDateTime::parse(time, &Rfc3339).is_ok_and(|t| t.unix_timestamp() <= now() + CLOCKS)
}

/// The first element in DER: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // Up to 4 GB, in so many bytes.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (digits.iter().fold(0, |n, &d| n << 8 | usize::from(d)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A time as certificates have it, `YYMMDDHHMMSSZ` or with four digits of the year.
fn seconds(kind: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = text.split_at_checked(if kind == 0x17 { 2 } else { 4 })?;
    let year: i32 = year.parse().ok()?;
    let year = if kind == 0x17 { year + if year < 50 { 2000 } else { 1900 } } else { year };
    let mut parts = (0..5).map(|i| rest.get(2 * i..2 * i + 2)?.parse::<u8>().ok());
    let mut next = || parts.next().flatten();
    let date = Date::from_calendar_date(year, Month::try_from(next()?).ok()?, next()?).ok()?;
    let time = Time::from_hms(next()?, next()?, next()?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn both_ends_are_read_in_either_form() {
        // Years from 2050 on have four digits.
        for (from, until) in [(1999, 2049), (2020, 2050), (2051, 2060)] {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            (params.not_before, params.not_after) =
                (date_time_ymd(from, 2, 28), date_time_ymd(until, 12, 31));
            let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
            assert_eq!(
                of_chain(&pem),
                Some((params.not_before.unix_timestamp(), params.not_after.unix_timestamp()))
            );
        }
    }

    #[test]
    fn a_time_that_has_not_come_is_none() {
        let at = |seconds: i64| {
            OffsetDateTime::from_unix_timestamp(now() + seconds).unwrap().format(&Rfc3339).unwrap()
        };
        assert!(has_come("2020-01-02T03:04:05+00:00") && has_come(&at(CLOCKS / 2)));
        assert!(
            !has_come(&at(2 * CLOCKS))
                && !has_come("2199-01-01T00:00:00Z")
                && !has_come("yesterday")
        );
    }

    #[test]
    fn nonsense_has_no_time() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = date_time_ymd(2040, 1, 1);
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        for end in 0..der.len().min(120) {
            assert!(element(&der[..end]).is_none());
        }
        for text in ["", "Z", "990228000000", "991328000000Z", "9902280000Z", "\u{e9}\u{e9}\u{e9}Z"]
        {
            assert_eq!(seconds(0x17, text.as_bytes()), None, "{text}");
        }
        assert_eq!(of_chain("no certificate"), None);
    }
}
