//! PKCS#11 URIs: RFC 7512.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// Which key, and how to get at it.
#[derive(Default)]
pub(super) struct Pkcs11Uri {
    /// The token's label, serial number, manufacturer and model, as far as they are said.
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    /// The slot's number.
    pub(super) slot: Option<u64>,
    /// The key's label and id.
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    /// The library.
    pub(super) module: Option<PathBuf>,
    /// The PIN, or the file that it is in.
    pub(super) pin: Option<Zeroizing<String>>,
    pub(super) pin_file: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// From its text, which is told to nobody: it may hold the PIN.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("pkcs11:").ok_or("the PKCS#11 URI must begin with pkcs11:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for (part, between, in_path) in [(path, ';', true), (query, '&', false)] {
            for attribute in part.split(between).filter(|a| !a.is_empty()) {
                let (name, value) = attribute.split_once('=').ok_or_else(|| {
                    let place = if in_path { "path" } else { "query" };
                    format!("an attribute in the {place} of the PKCS#11 URI has no value")
                })?;
                let value = decoded(value)
                    .ok_or_else(|| format!("the PKCS#11 URI's {name} is no percent-encoding"))?;
                uri.take(name, in_path, value)?;
            }
        }
        Ok(uri)
    }

    fn take(&mut self, name: &str, in_path: bool, value: Zeroizing<Vec<u8>>) -> Result<(), String> {
        if (name, in_path) == ("id", true) {
            self.id = Some(value.to_vec());
            return Ok(());
        }
        let text = std::str::from_utf8(&value)
            .map_err(|_| format!("the PKCS#11 URI's {name} is no UTF-8"))?;
        let owned = || Some(text.to_string());
        match (name, in_path) {
            ("token", true) => self.token = owned(),
            ("serial", true) => self.serial = owned(),
            ("manufacturer", true) => self.manufacturer = owned(),
            ("model", true) => self.model = owned(),
            ("object", true) => self.object = owned(),
            ("slot-id", true) => {
                let slot = text.parse().map_err(|_| "the PKCS#11 URI's slot-id is no number")?;
                self.slot = Some(slot);
            }
            ("type", true) if text == "private" => {}
            ("type", true) => {
                return Err(format!("the PKCS#11 URI is of a {text}; give that of a private key"));
            }
            // These tell libraries apart, which module-path names.
            ("library-manufacturer" | "library-description" | "library-version", true)
            | ("slot-manufacturer" | "slot-description", true) => {}
            ("module-path", false) => self.module = Some(text.into()),
            ("pin-value", false) => self.pin = Some(Zeroizing::new(text.into())),
            ("pin-source", false) => {
                if text.starts_with('|') {
                    return Err(
                        "the PKCS#11 URI's pin-source is a command, and none is run; give \
                        a file"
                            .into(),
                    );
                }
                let file = text.strip_prefix("file:").unwrap_or(text);
                self.pin_file = Some(file.strip_prefix("//").unwrap_or(file).into());
            }
            // Misspelt, it would choose another key than was meant.
            (other, true) => {
                return Err(format!(
                    "the PKCS#11 URI has an attribute '{other}', which is unknown"
                ));
            }
            (other, false) => {
                return Err(format!(
                    "the PKCS#11 URI asks for '{other}'; known are module-path, pin-source and \
                    pin-value"
                ));
            }
        }
        Ok(())
    }
}

/// Without its percent-encoding.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(16 * high + low).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_uri_says_is_what_is_taken() {
        let uri = Pkcs11Uri::parse(
            "pkcs11:token=The%20Software%20Token;object=my-key;id=%01%ffA;slot-id=7;type=private\
            ?module-path=/usr/lib/p11.so&pin-source=file:///etc/pin&pin-value=12%2034",
        )
        .unwrap();
        assert_eq!(uri.token.as_deref(), Some("The Software Token"));
        assert_eq!(uri.object.as_deref(), Some("my-key"));
        assert_eq!(uri.id.as_deref(), Some([1, 0xff, b'A'].as_slice()));
        assert_eq!((uri.slot, uri.serial), (Some(7), None));
        assert_eq!(uri.module, Some("/usr/lib/p11.so".into()));
        assert_eq!(uri.pin_file, Some("/etc/pin".into()));
        assert_eq!(uri.pin.as_ref().map(|pin| pin.as_str()), Some("12 34"));
        for file in ["file:/etc/pin", "/etc/pin"] {
            let uri = Pkcs11Uri::parse(&format!("pkcs11:?pin-source={file}")).unwrap();
            assert_eq!(uri.pin_file, Some("/etc/pin".into()));
        }
    }

    #[test]
    fn what_is_no_uri_is_told_without_its_pin() {
        for (text, says) in [
            ("token=a", "must begin"),
            ("pkcs11:token", "has no value"),
            ("pkcs11:token=%2", "no percent-encoding"),
            ("pkcs11:token=%zz", "no percent-encoding"),
            ("pkcs11:token=%ff", "no UTF-8"),
            ("pkcs11:tokn=a?pin-value=secret", "'tokn'"),
            ("pkcs11:type=cert", "private key"),
            ("pkcs11:slot-id=x", "no number"),
            ("pkcs11:?pin-source=|cat", "none is run"),
            ("pkcs11:?pin-valeu=secret", "'pin-valeu'"),
        ] {
            let told = Pkcs11Uri::parse(text).err().unwrap();
            assert!(told.contains(says) && !told.contains("secret"), "{text}: {told}");
        }
    }
}
