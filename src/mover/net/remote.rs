//! The target as the source sees it over the network: one connection to talk, one to be told, and one for each thread's data.
//!
//! There is one round trip at the beginning of a volume's pass and one at its end; the stages between need none.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::channel::{Channel, Closer};
use super::compress::Compress;
use super::tls::Identity;
use super::wire::{self, Extent, Message, Role};
use crate::contract::orders::Fingerprint;
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::metadata::Kind;
use crate::mover::ground::digest::{BlockDigest, Digest, SEGMENT_BYTES};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::reader::{Manifest, Origin, Writer};
use crate::mover::manners::pace::Pace;
use crate::mover::pass::source::{Begin, TargetEnd};
use crate::mover::pass::target::Begun;
use crate::mover::write::change::{Item, Lane, Piece};

/// A frame of small changes is sent when it holds this much content, or as much of names and metadata.
const FRAME_BYTES: usize = 1 << 20;

/// A session with a target end.
pub struct Remote {
    control: Channel,
    lanes: Vec<(Channel, Compress)>,
    told: Arc<Told>,
    listener: Option<JoinHandle<()>>,
    progress: Option<Arc<Progress>>,
    pace: Option<Arc<Pace>>,
    folder: Option<std::path::PathBuf>,
}

/// What the target said without being asked.
#[derive(Default)]
struct Told {
    failure: Mutex<Option<Halt>>,
    is_over: Mutex<bool>,
    over: Condvar,
    progress: Mutex<Option<Arc<Progress>>>,
    closers: Mutex<Vec<Closer>>,
    is_closed: AtomicBool,
    /// See [`Message::Starving`].
    starving_percent: AtomicU8,
}

impl Told {
    fn close_all(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.closers.lock().expect("no thread panics while it holds this lock").iter().for_each(Closer::close);
    }
}

/// By which another thread ends a session.
#[derive(Clone)]
pub struct Ender(Arc<Told>);

impl Ender {
    /// Closes all connections, so that every thread that waits on one ends.
    pub fn end(&self) {
        self.0.close_all();
    }
}

impl Remote {
    /// Opens a session.
    pub fn connect(identity: &Identity, address: SocketAddr, peer: &Fingerprint, session: u64, pace: Option<Arc<Pace>>) -> Result<Remote> {
        let config = identity.client(peer)?;
        let lanes = u16::try_from(work::threads()).expect("there are few threads");
        let told = Arc::new(Told::default());
        let greet = |channel: &mut Channel, role| channel.send(&Message::Hello { version: wire::VERSION, session, role, lanes }, &[]);
        let settle = |mut channel: Channel| -> Result<Channel> {
            match channel.receive(&mut Buffer::default())? {
                Message::Welcome { version: wire::VERSION } => {}
                Message::Failed { reason, message } => return Err(Halt::new(reason, message)),
                _ => return Err(fail::peer("the other mover is of another version")),
            }
            channel.wait_for_ever()?;
            told.closers.lock().expect("no thread panics while it holds this lock").push(channel.closer()?);
            Ok(channel)
        };
        let mut opened = open(address, &config, 2 + usize::from(lanes))?;
        // It begins the session, which the others join.
        let mut control = opened.remove(0);
        greet(&mut control, Role::Control)?;
        let control = settle(control)?;
        let roles = std::iter::once(Role::Notices).chain(std::iter::repeat(Role::Data));
        opened.iter_mut().zip(roles).try_for_each(|(channel, role)| greet(channel, role))?;
        let mut joined = opened.into_iter().map(settle).collect::<Result<Vec<_>>>()?;
        let notices = joined.remove(0);
        let lanes = joined.into_iter().map(|channel| (channel, Compress::default())).collect();
        let hearing = Arc::clone(&told);
        let listener = std::thread::spawn(move || hear(notices, &hearing));
        Ok(Remote { control, lanes, told, listener: Some(listener), progress: None, pace, folder: None })
    }

    /// Returns a handle by which another thread can end the session.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(Arc::clone(&self.told))
    }

    /// Tells the target that the order is carried out, and hears that it knows.
    pub fn finish(&mut self, is_last: bool) -> Result<()> {
        self.control.send(&Message::Finish { is_last }, &[])?;
        match self.control.receive(&mut Buffer::default())? {
            Message::Finished => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Returns the better explanation of a failure: what the target said, if it said anything.
    #[must_use]
    pub fn explain(&self, halt: Halt) -> Halt {
        if halt.is_telling() || matches!(halt, Halt::Cancelled) {
            return halt;
        }
        let over = self.told.is_over.lock().expect("no thread panics while it holds this lock");
        let waited = self.told.over.wait_timeout_while(over, Duration::from_secs(2), |is_over| !*is_over);
        drop(waited);
        let failure = self.told.failure.lock().expect("no thread panics while it holds this lock");
        failure.clone().unwrap_or(halt)
    }

    fn ask(&mut self, message: &Message) -> Result<(Message, Buffer)> {
        self.control.send(message, &[])?;
        let mut content = Buffer::default();
        let answer = self.control.receive(&mut content)?;
        Ok((answer, content))
    }

    /// Receives a listing into a manifest of its own, at the same places in its block digests as at the target.
    fn receive_listing(&mut self, folder: &Path) -> Result<Arc<Manifest>> {
        let writer = Writer::new(folder, "listing", None)?;
        let mut content = Buffer::default();
        loop {
            match self.control.receive(&mut content)? {
                Message::Page { directory, entries } if wire::page_is_sound(&directory, &entries) => writer.put(&directory, &entries)?,
                Message::Blocks { region, first } if region <= wire::REGION_MAX && first <= wire::REGION_MAX => {
                    let digests = BlockDigest::all_in(&content);
                    writer.blocks().write(region, first, &digests)?;
                }
                Message::ListingEnd { root } => {
                    let finished = writer.finish(Origin::default())?;
                    if finished.manifest().root() != root {
                        return Err(fail::peer("the target's listing is not what it says"));
                    }
                    return finished.commit().map(Arc::new);
                }
                _ => return Err(unexpected()),
            }
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.told.close_all();
        if let Some(listener) = self.listener.take() {
            // It ends because its connection is closed; that it panicked would change nothing here.
            let _ = listener.join();
        }
    }
}

/// Opens connections side by side: on a far link each takes several round trips.
fn open(address: SocketAddr, config: &Arc<ClientConfig>, count: usize) -> Result<Vec<Channel>> {
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..count).map(|_| scope.spawn(|| Channel::connect(address, config))).collect();
        let opened: Vec<_> = opening.into_iter().map(work::join).collect();
        opened.into_iter().collect()
    })
}

fn unexpected() -> Halt {
    fail::peer("the other mover answered something that was not asked")
}

/// Listens to what the target says without being asked; a failure ends the session.
fn hear(mut notices: Channel, told: &Told) {
    let mut content = Buffer::default();
    loop {
        match notices.receive(&mut content) {
            Ok(Message::Phase(phase)) => {
                if let Some(progress) = &*told.progress.lock().expect("no thread panics while it holds this lock") {
                    progress.enter(phase);
                }
            }
            Ok(Message::Starving { percent }) => told.starving_percent.store(percent, Ordering::Relaxed),
            Ok(Message::Failed { reason, message }) => {
                *told.failure.lock().expect("no thread panics while it holds this lock") = Some(Halt::new(reason, message));
                break;
            }
            Ok(_) | Err(_) => break,
        }
    }
    *told.is_over.lock().expect("no thread panics while it holds this lock") = true;
    told.over.notify_all();
    told.close_all();
}

impl TargetEnd for Remote {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<Begun> {
        self.progress = Some(Arc::clone(begin.progress));
        *self.told.progress.lock().expect("no thread panics while it holds this lock") = Some(Arc::clone(begin.progress));
        self.folder = Some(begin.folder.to_owned());
        let message =
            Message::Begin { volume: begin.volume.name.clone(), mode: begin.volume.mode, believed: begin.believed, size: begin.size };
        match self.ask(&message)?.0 {
            Message::Trusted => Ok(Begun::Trusted),
            Message::Blank => Ok(Begun::Blank),
            Message::Listing => self.receive_listing(begin.folder).map(Begun::Listing),
            _ => Err(unexpected()),
        }
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>> {
        let progress = self.progress.as_ref().expect("lanes are asked for within a pass");
        let (pace, told) = (&self.pace, &*self.told);
        let lane = |(channel, compress)| {
            Box::new(Packer {
                channel,
                compress,
                told,
                items: Vec::new(),
                weight: 0,
                content: Vec::with_capacity(FRAME_BYTES),
                progress: Arc::clone(progress),
                pace: pace.clone(),
            }) as Box<dyn Lane + '_>
        };
        Ok(self.lanes.iter_mut().map(|(channel, compress)| (channel, compress)).map(lane).collect())
    }

    fn end(&mut self, is_last: bool) -> Result<Option<Digest>> {
        match self.ask(&Message::End { is_last })?.0 {
            Message::Ended { root } => Ok(root),
            _ => Err(unexpected()),
        }
    }

    fn listing(&mut self, folder: &Path) -> Result<Arc<Manifest>> {
        match self.ask(&Message::List)?.0 {
            Message::Listing => self.receive_listing(folder),
            _ => Err(unexpected()),
        }
    }
}

/// A lane over a connection: small changes are packed together, never a round trip for one.
struct Packer<'a> {
    channel: &'a mut Channel,
    compress: &'a mut Compress,
    told: &'a Told,
    items: Vec<(Item, Vec<Extent>)>,
    /// About how long the items are as a message.
    weight: usize,
    content: Vec<u8>,
    progress: Arc<Progress>,
    pace: Option<Arc<Pace>>,
}

impl Packer<'_> {
    fn flush(&mut self) -> Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        let content = std::mem::take(&mut self.content);
        self.send(&[&content])?;
        self.content = content;
        self.content.clear();
        Ok(())
    }

    /// Sends what is packed so far, with this content. To wait for one's turn is a part of how long that takes.
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        let message = Message::Changes(std::mem::take(&mut self.items));
        self.weight = 0;
        let content_bytes = parts.iter().map(|part| part.len()).sum();
        let compressed = self.compress.compress(parts, self.told.starving_percent.load(Ordering::Relaxed));
        let (before, began) = (self.channel.sent, Instant::now());
        if let Some(pace) = &self.pace {
            pace.take(compressed.map_or(content_bytes, <[u8]>::len) as u64);
        }
        match compressed {
            Some(compressed) => self.channel.send_compressed(&message, content_bytes, compressed)?,
            None => self.channel.send_parts(&message, parts)?,
        }
        self.compress.has_sent(self.channel.sent - before, began.elapsed());
        self.progress.bytes_sent.add(self.channel.sent - before);
        Ok(())
    }
}

impl Lane for Packer<'_> {
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()> {
        let more: usize = pieces.iter().filter_map(|piece| piece.bytes).map(<[u8]>::len).sum();
        if self.content.len() + more > SEGMENT_BYTES || more >= FRAME_BYTES {
            self.flush()?;
        }
        let extents = pieces.iter().map(|piece| Extent { offset: piece.offset, length: piece.length, is_zero: piece.bytes.is_none() });
        self.weight += weight(&item) + pieces.len() * size_of::<Extent>();
        self.items.push((item, extents.collect()));
        let parts = pieces.iter().filter_map(|piece| piece.bytes);
        if more >= FRAME_BYTES && self.content.is_empty() {
            // Sent from where it was read to: copying it together first would cost more than a second frame does.
            return self.send(&parts.collect::<Vec<_>>());
        }
        parts.for_each(|bytes| self.content.extend_from_slice(bytes));
        if self.content.len() >= FRAME_BYTES || self.weight >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn end_stage(&mut self) -> Result<()> {
        self.flush()?;
        self.channel.send(&Message::EndStage, &[])
    }
}

fn weight(item: &Item) -> usize {
    let metadata = item.metadata().map_or(0, |metadata| {
        let xattrs: usize = metadata.xattrs.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
        metadata.link.len() + xattrs
    });
    let to = if let Item::Link { to, .. } = item { to.len() } else { 0 };
    64 + item.path().len() + to + metadata
}

/// Sends a listing; the other end of [`Remote::receive_listing`].
pub(crate) fn send_listing(channel: &mut Channel, manifest: &Manifest, cancel: &Cancel) -> Result<()> {
    for directory in manifest.directories() {
        cancel.check()?;
        let mut entries = manifest.entries_of(directory)?;
        for entry in &mut entries {
            send_blocks(channel, manifest, entry)?;
            entry.blocks = entry.blocks.map(|region| region - manifest.blocks().base());
        }
        for page in entries.chunks(LISTED_ENTRIES_MAX) {
            let message = Message::Page { directory: directory.to_vec(), entries: page.to_vec() };
            channel.send(&message, &[])?;
        }
    }
    channel.send(&Message::ListingEnd { root: manifest.root() }, &[])
}

/// So few that a page fits a frame however long its paths are.
const LISTED_ENTRIES_MAX: usize = 128;
const LISTED_BLOCKS_MAX: u64 = 32 << 10;

fn send_blocks(channel: &mut Channel, manifest: &Manifest, entry: &crate::mover::manifest::reader::Entry) -> Result<()> {
    let (Some(region), Kind::Regular) = (entry.blocks, entry.kind) else {
        return Ok(());
    };
    let count = crate::mover::ground::digest::block_count(entry.stamp.size);
    let mut from = 0;
    // Holes need no telling: what is not written reads as zeros.
    while let Some(first) = manifest.blocks().next(region, from).filter(|first| *first < count) {
        let part = (count - first).min(LISTED_BLOCKS_MAX);
        let digests = manifest.blocks().read(region, first, part)?;
        if digests.iter().any(|digest| *digest != BlockDigest::ZEROS) {
            let content: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
            // Counted from the beginning of the store, which is where the listing's begins.
            channel.send(&Message::Blocks { region: region - manifest.blocks().base(), first }, &content)?;
        }
        from = first + part;
    }
    Ok(())
}
