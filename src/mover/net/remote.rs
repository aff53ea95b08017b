//! The target as the source sees it over the network: one connection to talk, one to be told, and one for each thread's data.
//!
//! There is one round trip at the beginning of a volume's pass and one at its end; the stages between need none.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ClientConfig;

use super::channel::Channel;
use super::compress::Compress;
use super::listing::{self, unexpected};
use super::notices::{Ender, Notices, hear};
use super::packer::Packer;
use super::tls::Identity;
use super::wire::{self, Message, Role};
use crate::contract::orders::Fingerprint;
use crate::mover::disk::buffer::Buffer;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::progress::Progress;
use crate::mover::ground::work;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manners::pace::Pace;
use crate::mover::pass::ends::{Inventory, PassRequest, TargetEnd};
use crate::mover::write::change::Lane;

/// A session with a target end.
pub struct Remote {
    control: Channel,
    lanes: Vec<(Channel, Compress)>,
    notices: Arc<Notices>,
    listener: Option<JoinHandle<()>>,
    progress: Option<Arc<Progress>>,
    pace: Option<Arc<Pace>>,
    folder: Option<std::path::PathBuf>,
}

impl Remote {
    /// Opens a session.
    pub fn connect(identity: &Identity, address: SocketAddr, peer: &Fingerprint, session: u64, pace: Option<Arc<Pace>>) -> Result<Remote> {
        let config = identity.client(peer)?;
        let lanes = u16::try_from(work::threads()).expect("there are few threads");
        let notices = Arc::new(Notices::default());
        let greet = |channel: &mut Channel, role| channel.send(&Message::Hello { version: wire::VERSION, session, role, lanes }, &[]);
        let settle = |mut channel: Channel| -> Result<Channel> {
            match channel.receive(&mut Buffer::default())? {
                Message::Welcome { version: wire::VERSION } => {}
                Message::Failed { reason, message } => return Err(Halt::new(reason, message)),
                _ => return Err(fail::peer("the other mover is of another version")),
            }
            channel.wait_for_ever()?;
            notices.closers.lock().expect("no thread panics while it holds this lock").push(channel.closer()?);
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
        let listening = joined.remove(0);
        let lanes = joined.into_iter().map(|channel| (channel, Compress::default())).collect();
        let hearing = Arc::clone(&notices);
        let listener = std::thread::spawn(move || hear(listening, &hearing));
        Ok(Remote { control, lanes, notices, listener: Some(listener), progress: None, pace, folder: None })
    }

    /// Returns a handle by which another thread can end the session.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(Arc::clone(&self.notices))
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
        let over = self.notices.is_over.lock().expect("no thread panics while it holds this lock");
        let waited = self.notices.over.wait_timeout_while(over, Duration::from_secs(2), |is_over| !*is_over);
        drop(waited);
        let failure = self.notices.failure.lock().expect("no thread panics while it holds this lock");
        failure.clone().unwrap_or(halt)
    }

    fn ask(&mut self, message: &Message) -> Result<(Message, Buffer)> {
        self.control.send(message, &[])?;
        let mut content = Buffer::default();
        let answer = self.control.receive(&mut content)?;
        Ok((answer, content))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.notices.close_all();
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

impl TargetEnd for Remote {
    fn begin(&mut self, request: &PassRequest<'_>) -> Result<Inventory> {
        self.progress = Some(Arc::clone(request.progress));
        *self.notices.progress.lock().expect("no thread panics while it holds this lock") = Some(Arc::clone(request.progress));
        self.folder = Some(request.folder.to_owned());
        let message = Message::Begin {
            volume: request.volume.name.clone(),
            mode: request.volume.mode,
            believed: request.believed,
            size: request.size,
        };
        match self.ask(&message)?.0 {
            Message::Trusted => Ok(Inventory::Trusted),
            Message::Blank => Ok(Inventory::Blank),
            Message::Listing => listing::receive(&mut self.control, request.folder).map(Inventory::Listing),
            _ => Err(unexpected()),
        }
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>> {
        let progress = self.progress.as_ref().expect("lanes are asked for within a pass");
        let (pace, notices) = (self.pace.as_ref(), &*self.notices);
        let lane = |(channel, compress)| Box::new(Packer::new(channel, compress, notices, progress, pace)) as Box<dyn Lane + '_>;
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
            Message::Listing => listing::receive(&mut self.control, folder),
            _ => Err(unexpected()),
        }
    }
}
