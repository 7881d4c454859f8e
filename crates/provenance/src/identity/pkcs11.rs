//! A private key in a hardware module, or in software that looks like one: PKCS#11.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::PrivateKey;
use super::algorithm::Algorithm;
use super::uri::Pkcs11Uri;

/// The libraries that are loaded. Each is started once for all of a process.
static LIBRARIES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// A key on a token.
pub(super) struct TokenKey {
    uri: Pkcs11Uri,
    pin: Option<Zeroizing<String>>,
    /// The session that it is used in, which takes one call at a time.
    open: Mutex<Option<(Session, ObjectHandle)>>,
}

impl TokenKey {
    /// Finds the key that a URI names, logged in with the PIN of the URI or else with that one.
    ///
    /// # Errors
    /// What is not there, or does not work.
    pub(super) fn find(text: &str, pin: Option<Zeroizing<String>>) -> Result<Self, String> {
        let uri = Pkcs11Uri::parse(text)?;
        let from_file = uri.pin_file.as_ref().map(|file| {
            let text = std::fs::read_to_string(file).map(Zeroizing::new);
            text.map(|text| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_string()))
                .map_err(|e| format!("{}: the PIN cannot be read: {e}", file.display()))
        });
        let pin = uri.pin.clone().or(from_file.transpose()?).or(pin);
        let key = Self { uri, pin, open: Mutex::new(None) };
        let found = key.connect()?;
        *key.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(key)
    }

    /// Opens a session, and looks for the key in it.
    fn connect(&self) -> Result<(Session, ObjectHandle), String> {
        let Some(module) = &self.uri.module else {
            return Err(
                "the PKCS#11 URI names no library; add ?module-path=/path/to/library.so".into()
            );
        };
        let fail = |e: Error| format!("{}: {}", module.display(), told(&e));
        let library = library(module)?;
        let slot = self.slot(&library, module)?;
        let session = library.open_ro_session(slot).map_err(fail)?;
        let token = library.get_token_info(slot).map_err(fail)?;
        if token.login_required() {
            let pin = self.pin.as_ref().map(|pin| AuthPin::new(pin.as_str().into()));
            if pin.is_none() && !token.protected_authentication_path() {
                return Err(format!(
                    "the token {} wants a PIN; add pin-source=FILE to the PKCS#11 URI",
                    token.label()
                ));
            }
            match session.login(UserType::User, pin.as_ref()) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange, _)) => {
                    return Err(format!(
                        "the token {} refuses the PIN; check it before you try again, as tokens \
                        lock themselves after some wrong ones",
                        token.label()
                    ));
                }
                Err(e) => return Err(fail(e)),
            }
        }
        let mut wanted = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        wanted.extend(self.uri.object.iter().map(|label| Attribute::Label(label.clone().into())));
        wanted.extend(self.uri.id.iter().map(|id| Attribute::Id(id.clone())));
        match session.find_objects(&wanted).map_err(fail)?.as_slice() {
            [key] => Ok((session, *key)),
            [] => Err(format!(
                "the token {} has no private key as the PKCS#11 URI names it; 'pkcs11-tool \
                --list-objects --login' lists those there are",
                token.label()
            )),
            several => Err(format!(
                "the token {} has {} private keys as the PKCS#11 URI names it; add object or id",
                token.label(),
                several.len()
            )),
        }
    }

    /// The slot of the token that is named.
    fn slot(&self, library: &Pkcs11, module: &Path) -> Result<Slot, String> {
        let fail = |e: Error| format!("{}: {}", module.display(), told(&e));
        let mut found = Vec::new();
        for slot in library.get_slots_with_token().map_err(fail)? {
            // One that was pulled out in the meantime is none of them.
            let Ok(token) = library.get_token_info(slot) else { continue };
            let numbered = self.uri.slot.is_none_or(|number| number == slot.id());
            if token.token_initialized() && numbered && is_named(&self.uri, &token) {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [slot] => Ok(*slot),
            [] => Err(format!(
                "{}: there is no token as the PKCS#11 URI names it; 'pkcs11-tool --list-slots' \
                lists those there are",
                module.display()
            )),
            several => Err(format!(
                "{}: there are {} tokens as the PKCS#11 URI names it; add token or serial",
                module.display(),
                several.len()
            )),
        }
    }
}

/// Whether a token is what the URI says of it.
fn is_named(uri: &Pkcs11Uri, token: &TokenInfo) -> bool {
    [
        (&uri.token, token.label()),
        (&uri.serial, token.serial_number()),
        (&uri.manufacturer, token.manufacturer_id()),
        (&uri.model, token.model()),
    ]
    .into_iter()
    .all(|(wanted, is)| wanted.as_deref().is_none_or(|wanted| wanted == is))
}

impl PrivateKey for TokenKey {
    fn sign(&self, data: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String> {
        let digest = algorithm.digest(data);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, key)) = &*open
            && let Ok(signature) = session.sign(&mechanism(algorithm), *key, &digest)
        {
            return Ok(signature);
        }
        // A token that was away for a while has forgotten its sessions.
        *open = None;
        let (session, key) = open.insert(self.connect()?);
        session
            .sign(&mechanism(algorithm), *key, &digest)
            .map_err(|e| format!("the token does not sign by {}: {}", algorithm.name(), told(&e)))
    }

    fn misfit(&self) -> String {
        "the certificate is not that of the token's key; give the chain of the key that the \
        PKCS#11 URI names"
            .into()
    }
}

/// How a digest is signed.
fn mechanism(algorithm: Algorithm) -> Mechanism<'static> {
    let pss =
        |hash_alg, mgf, bytes| Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg, mgf, s_len: bytes });
    match algorithm {
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => Mechanism::Ecdsa,
        Algorithm::Ps256 => pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32.into()),
        Algorithm::Ps384 => pss(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48.into()),
        Algorithm::Ps512 => pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64.into()),
        Algorithm::Ed25519 => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
    }
}

/// A library, loaded and started.
fn library(module: &Path) -> Result<Pkcs11, String> {
    let mut all = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = all.get(module) {
        return Ok(library.clone());
    }
    let fail =
        |e: Error| format!("{}: is no PKCS#11 library that works: {}", module.display(), told(&e));
    let library = Pkcs11::new(module).map_err(fail)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(e) => return Err(fail(e)),
    }
    all.insert(module.into(), library.clone());
    Ok(library)
}

/// An error in one line: some have several.
fn told(e: &Error) -> String {
    let text = e.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches(['.', ':']).into()
}
