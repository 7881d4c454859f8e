/// CRC-32C (Castagnoli; RFC 3720, section 12.1), bit by bit: it runs over 16 bytes, so a table
/// would not pay.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &b in bytes {
        crc ^= u32::from(b);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn rfc_3720_vectors() {
        assert_eq!(super::crc32(&[0; 32]), 0x8a91_36aa);
        assert_eq!(super::crc32(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(super::crc32(b"123456789"), 0xe306_9283);
    }
}
