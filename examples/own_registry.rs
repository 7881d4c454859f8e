//! A registry of one's own: here one that tells what is asked of it, and asks another.
//!
//! `cargo run --release --example own_registry -- CLIP STAMPED.mp4 REGISTRY.db`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proofmark::fingerprint::{AudioFingerprint, VideoFingerprint};
use proofmark::registry::{
    Announced, Binding, Change, Content, Entry, Event, Filter, Put, RegistryError, Remark, open,
};
use proofmark::stamp::Remember;
use proofmark::{KeyRing, Payload, Registry, Stamper, Verifier, WatermarkKey};

type Told<T> = Result<T, RegistryError>;

/// What a product has already that remembers things may stand in its place.
#[derive(Debug)]
struct Talkative(Arc<dyn Registry>);

impl Registry for Talkative {
    fn location(&self) -> &str {
        self.0.location()
    }

    fn put_all_by(&self, entries: &[Entry], replace: bool, by: Option<&str>) -> Told<Vec<Put>> {
        entries.iter().for_each(|e| println!("announced: {}", e.id));
        self.0.put_all_by(entries, replace, by)
    }

    fn put_if(&self, entry: &Entry, seen: Option<&Entry>) -> Told<bool> {
        println!("announced: {}", entry.id);
        self.0.put_if(entry, seen)
    }

    fn confirm(&self, id: &str) -> Told<()> {
        println!("confirmed: {id}");
        self.0.confirm(id)
    }

    fn by_payload(&self, payload: Payload) -> Told<Option<Entry>> {
        println!("asked for: {payload}");
        self.0.by_payload(payload)
    }

    fn announced(&self) -> Told<Vec<Announced>> {
        self.0.announced()
    }

    fn by_id(&self, id: &str) -> Told<Option<Entry>> {
        self.0.by_id(id)
    }

    fn by_binding(&self, alg: Option<&str>, value: &[u8], most: usize) -> Told<Vec<String>> {
        self.0.by_binding(alg, value, most)
    }

    fn bind_by(&self, id: &str, binding: &Binding, by: Option<&str>) -> Told<Change> {
        self.0.bind_by(id, binding, by)
    }

    fn rebind_by(&self, id: &str, binding: &Binding, by: Option<&str>) -> Told<Change> {
        self.0.rebind_by(id, binding, by)
    }

    fn list(&self, filter: &Filter) -> Told<Vec<Entry>> {
        self.0.list(filter)
    }

    fn payloads(&self, most: usize) -> Told<Vec<Payload>> {
        self.0.payloads(most)
    }

    fn looks(&self, after: Option<&str>, most: usize) -> Told<Vec<(String, VideoFingerprint)>> {
        self.0.looks(after, most)
    }

    fn sounds(&self, after: Option<&str>, most: usize) -> Told<Vec<(String, AudioFingerprint)>> {
        self.0.sounds(after, most)
    }

    fn count(&self) -> Told<u64> {
        self.0.count()
    }

    fn delete_by(&self, id: &str, by: Option<&str>) -> Told<Change> {
        self.0.delete_by(id, by)
    }

    fn find(&self, words: &str, most: usize) -> Told<Vec<Entry>> {
        self.0.find(words, most)
    }

    fn remark(&self, remark: &Remark) -> Told<()> {
        self.0.remark(remark)
    }

    fn remarks(&self, content: &Content) -> Told<Vec<Remark>> {
        self.0.remarks(content)
    }

    fn cases(&self, label: Option<&str>, most: usize) -> Told<Vec<Remark>> {
        self.0.cases(label, most)
    }

    fn log(&self, id: Option<&str>, most: usize) -> Told<Vec<Event>> {
        self.0.log(id, most)
    }

    fn integrity(&self) -> Told<Vec<String>> {
        self.0.integrity()
    }

    fn backup(&self, to: &Path) -> Told<()> {
        self.0.backup(to)
    }

    fn restore(&self, from: &Path) -> Told<()> {
        self.0.restore(from)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [clip, stamped, database] = names.as_slice() else {
        return Err("usage: own_registry CLIP STAMPED.mp4 REGISTRY.db".into());
    };
    let registry: Arc<dyn Registry> =
        Arc::new(Talkative(open(database.to_str().ok_or("a name that is text")?)?));
    let key = WatermarkKey::generate(0)?;
    let stamper = Stamper::new(key.clone()).remember(Remember::Registry(registry.clone()));
    stamper.stamp(clip, stamped)?;
    let verifier = Verifier::new().ring(KeyRing::from(key)).registry(registry);
    println!("{}", verifier.verify(stamped)?.judgement.verdict.name());
    Ok(())
}
