//! TLS over one socket, with few copies of what goes through it: records are opened where they arrived, and sealed into one buffer.
//!
//! The TLS is rustls', of which this drives the steps that rustls leaves to its user: when to read, when to write, what to do
//! with what is left of a buffer. Its own stream makes a new allocation of each record and copies content three times at the receiving end.
//! That costs as much as digesting it. Knows nothing of frames.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeTlsData, UnbufferedConnectionCommon, UnbufferedStatus, WriteTraffic};

/// However steadily the other end sends a byte now and then, the first frame must be there by then.
const GREETING_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the other end may be silent before the first frame.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// What is read from a socket at once, and what is sealed before it is sent: several records each, and the two still in a core's cache.
const BUFFER_BYTES: usize = 256 << 10;
/// As much for whoever is not known yet: a record, and what a handshake of ours takes several times over.
const STRANGER_BUFFER_BYTES: usize = 20 << 10;
/// The most content of one record (RFC 8446, section 5.1).
const RECORD_BYTES: usize = 16 << 10;

/// What one step seals at most: a record, and what TLS itself has to say.
const ROOM_BYTES: usize = 64 << 10;

/// One end of a TLS session, whichever it is.
pub(super) trait TlsSide: Deref<Target = UnbufferedConnectionCommon<<Self as TlsSide>::Data>> + Send {
    /// What rustls keeps for it.
    type Data;

    /// Goes one step with what came in.
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, <Self as TlsSide>::Data>;
}

impl TlsSide for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(incoming)
    }
}

impl TlsSide for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(incoming)
    }
}

/// A socket whose other end may be silent between records as long as it likes once the first frame has come, but not within one.
/// A length that was changed on the way would else have both ends wait for each other for ever.
pub(super) struct Socket {
    stream: TcpStream,
    opened: Instant,
    /// How long after it was opened what is waited for must be there, as long as it is not settled.
    within: Duration,
    is_settled: Arc<AtomicBool>,
}

impl Socket {
    /// Takes a socket whose handshake must be through within this time, in all; the other value is set when the first frame has come, with
    /// a timeout for reading.
    pub(super) fn new(stream: TcpStream, handshake_within: Duration) -> (Socket, Arc<AtomicBool>) {
        let is_settled = Arc::default();
        (Socket { stream, opened: Instant::now(), within: handshake_within, is_settled: Arc::clone(&is_settled) }, is_settled)
    }

    /// Waits no longer for the next byte than is left of the time for all.
    fn hurry(&self) -> Result<()> {
        let left = self.within.saturating_sub(self.opened.elapsed()).min(SILENCE_MAX);
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))
    }

    fn receive(&mut self, into: &mut [u8], is_within_record: bool) -> Result<usize> {
        loop {
            let is_settled = self.is_settled.load(Ordering::Relaxed);
            if !is_settled {
                self.hurry()?;
            }
            match self.stream.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && is_settled && !is_within_record => {}
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                other => return other,
            }
        }
    }
}

/// What came in and is not opened yet. Once a step is blocked that is at most the beginning of a record.
struct IncomingRecords {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl IncomingRecords {
    fn new(length: usize) -> IncomingRecords {
        IncomingRecords { bytes: vec![0; length], start: 0, end: 0 }
    }

    fn grow(&mut self, length: usize) {
        let mut grown = vec![0; length];
        grown[..self.end].copy_from_slice(&self.bytes[..self.end]);
        self.bytes = grown;
    }

    fn fill(&mut self, socket: &mut Socket) -> Result<()> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.bytes.len() {
            return Err(Error::new(ErrorKind::InvalidData, "a record is too long"));
        }
        self.end += socket.receive(&mut self.bytes[self.end..], self.end > 0)?;
        Ok(())
    }
}

/// Records that are sealed and not sent yet.
struct OutgoingRecords {
    bytes: Vec<u8>,
    filled: usize,
}

impl OutgoingRecords {
    fn new(length: usize) -> OutgoingRecords {
        OutgoingRecords { bytes: vec![0; length], filled: 0 }
    }

    fn grow(&mut self, length: usize) {
        let mut grown = vec![0; length];
        grown[..self.filled].copy_from_slice(&self.bytes[..self.filled]);
        self.bytes = grown;
    }

    fn send(&mut self, socket: &mut Socket) -> Result<()> {
        socket.stream.write_all(&self.bytes[..self.filled])?;
        self.filled = 0;
        Ok(())
    }

    /// Sends what is there if the next step might not find room for what it makes.
    fn make_room(&mut self, socket: &mut Socket) -> Result<()> {
        // In the small buffer of a handshake half of it is enough.
        let room = ROOM_BYTES.min(self.bytes.len() / 2);
        if self.bytes.len() - self.filled < room { self.send(socket) } else { Ok(()) }
    }

    /// Takes what is sealed already, such as the messages of the handshake.
    fn take<D>(&mut self, mut data: EncodeTlsData<'_, D>) -> Result<()> {
        self.filled += data.encode(&mut self.bytes[self.filled..]).map_err(Error::other)?;
        Ok(())
    }

    /// Seals the beginning of content, and returns how much of it that is.
    fn seal<D>(&mut self, traffic: &mut WriteTraffic<'_, D>, content: &[u8]) -> Result<usize> {
        let taken = content.len().min(RECORD_BYTES);
        self.filled += traffic.encrypt(&content[..taken], &mut self.bytes[self.filled..]).map_err(Error::other)?;
        Ok(taken)
    }
}

/// Content that was opened before anyone asked for it.
#[derive(Default)]
struct Plaintext {
    bytes: Vec<u8>,
    taken: usize,
}

impl Plaintext {
    fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// Gives as much as there is room for, and keeps the rest behind what is kept already.
    fn pass_on(&mut self, content: &[u8], into: &mut [u8]) -> usize {
        let given = content.len().min(into.len());
        let (first, rest) = content.split_at(given);
        into[..given].copy_from_slice(first);
        self.bytes.extend_from_slice(rest);
        given
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = into.len().min(self.bytes.len() - self.taken);
        into[..taken].copy_from_slice(&self.bytes[self.taken..self.taken + taken]);
        self.taken += taken;
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        taken
    }
}

/// What a step led to.
enum Step {
    /// There is more to do.
    On,
    /// This much content was received, apart from what is kept.
    Received(usize),
    /// This much content was sealed.
    Sealed(usize),
    /// Nothing can be done before more comes in.
    Blocked,
    /// The other end said that it sends nothing more.
    Closed,
}

/// TLS over a socket.
pub(super) struct Stream<S> {
    side: S,
    socket: Socket,
    incoming: IncomingRecords,
    outgoing: OutgoingRecords,
    opened: Plaintext,
}

impl<S: TlsSide> Stream<S> {
    /// Makes the handshake.
    pub(super) fn open(side: S, socket: Socket) -> Result<Stream<S>> {
        let (incoming, outgoing) = (IncomingRecords::new(STRANGER_BUFFER_BYTES), OutgoingRecords::new(STRANGER_BUFFER_BYTES));
        let mut stream = Stream { side, socket, incoming, outgoing, opened: Plaintext::default() };
        loop {
            match stream.step(&mut [], &[])? {
                Step::Blocked if stream.side.is_handshaking() => stream.incoming.fill(&mut stream.socket)?,
                Step::Blocked => break,
                Step::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                Step::On | Step::Received(_) | Step::Sealed(_) => {}
            }
        }
        stream.incoming.grow(BUFFER_BYTES);
        stream.outgoing.grow(BUFFER_BYTES);
        stream.socket.within = GREETING_TIMEOUT;
        Ok(stream)
    }

    /// Goes one step, with content that is waited for and content that is to be sent.
    fn step(&mut self, into: &mut [u8], from: &[u8]) -> Result<Step> {
        self.outgoing.make_room(&mut self.socket)?;
        let status = self.side.process(&mut self.incoming.bytes[self.incoming.start..self.incoming.end]);
        let mut discard = status.discard;
        let step = match status.state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                let mut received = 0;
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(unsound)?;
                    discard += record.discard;
                    received += self.opened.pass_on(record.payload, &mut into[received..]);
                }
                Step::Received(received)
            }
            Ok(ConnectionState::WriteTraffic(mut traffic)) if !from.is_empty() => Step::Sealed(self.outgoing.seal(&mut traffic, from)?),
            Ok(ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake) => Step::Blocked,
            Ok(ConnectionState::EncodeTlsData(data)) => {
                self.outgoing.take(data)?;
                Step::On
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                self.outgoing.send(&mut self.socket)?;
                data.done();
                Step::On
            }
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Step::Closed,
            Ok(_) => return Err(Error::other("TLS is in a state that is not provided for")),
            Err(error) => {
                self.incoming.start += discard;
                // If that does not reach the other end, it learns no more than that the connection broke.
                let _ = self.say_why();
                return Err(unsound(error));
            }
        };
        self.incoming.start += discard;
        Ok(step)
    }

    /// Sends the alert that rustls has ready after it failed. It is asked once only: asked again, it would go on with what came in.
    fn say_why(&mut self) -> Result<()> {
        let status = self.side.process(&mut self.incoming.bytes[self.incoming.start..self.incoming.end]);
        if let Ok(ConnectionState::EncodeTlsData(data)) = status.state {
            self.outgoing.take(data)?;
        }
        self.outgoing.send(&mut self.socket)
    }
}

impl<S: TlsSide> Read for Stream<S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if into.is_empty() || !self.opened.is_empty() {
            return Ok(self.opened.take(into));
        }
        loop {
            match self.step(into, &[])? {
                Step::Blocked => self.incoming.fill(&mut self.socket)?,
                Step::Closed => return Ok(0),
                Step::Received(count) if count > 0 => return Ok(count),
                Step::On | Step::Received(_) | Step::Sealed(_) => {}
            }
        }
    }
}

impl<S: TlsSide> Write for Stream<S> {
    /// Seals it; it may be sent later, at the latest with [`Write::flush`].
    fn write(&mut self, from: &[u8]) -> Result<usize> {
        if from.is_empty() {
            return Ok(0);
        }
        loop {
            match self.step(&mut [], from)? {
                Step::Sealed(count) => return Ok(count),
                Step::Closed | Step::Blocked => return Err(ErrorKind::BrokenPipe.into()),
                Step::On | Step::Received(_) => {}
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.outgoing.send(&mut self.socket)
    }
}

fn unsound(error: rustls::Error) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
    use rustls::{SupportedCipherSuite, Tls13CipherSuite};

    use super::*;
    use crate::mover::net::tls::{self, Identity};

    type Source = Stream<UnbufferedClientConnection>;
    type Target = Stream<UnbufferedServerConnection>;

    /// Two ends of a connection on which nothing was said yet.
    fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        (one, listener.accept().expect("a connection").0)
    }

    /// Has two ends meet, of which the target lets in whom it is told to.
    fn meet(source: &Identity, target: &Identity, let_in: &Identity) -> (Result<Source>, Result<Target>) {
        let (one, other) = sockets();
        let (server, pinned) = target.server().expect("settings");
        pinned.let_in(Some(let_in.fingerprint().clone()));
        let side = UnbufferedServerConnection::new(server).expect("a side");
        let opening = std::thread::spawn(move || Stream::open(side, Socket::new(other, SILENCE_MAX).0));
        let client = source.client(target.fingerprint()).expect("settings");
        let side = UnbufferedClientConnection::new(client, tls::name_of(Ipv4Addr::LOCALHOST.into())).expect("a side");
        let opened = Stream::open(side, Socket::new(one, SILENCE_MAX).0);
        (opened, opening.join().expect("no panic"))
    }

    fn pair(provider: impl Fn() -> CryptoProvider) -> (Source, Target) {
        let identity = || Identity::make_with(provider()).expect("a key");
        let (source, target) = (identity(), identity());
        let (source, target) = meet(&source, &target, &source);
        (source.expect("the target is known"), target.expect("the source is let in"))
    }

    fn content(length: usize, seed: u8) -> Vec<u8> {
        (0..length).map(|at| (at / 251 + at) as u8 ^ seed).collect()
    }

    #[test]
    fn content_arrives_however_it_is_cut_and_in_both_directions() {
        let (mut source, mut target) = pair(tls::provider);
        let lengths = [1, 12, RECORD_BYTES - 1, RECORD_BYTES, RECORD_BYTES + 1, BUFFER_BYTES - 40, BUFFER_BYTES, 3, 5 * BUFFER_BYTES + 7];
        for (seed, &there) in lengths.iter().enumerate() {
            let back = lengths[lengths.len() - 1 - seed];
            let sending = std::thread::spawn(move || {
                source.write_all(&content(there, seed as u8)).and_then(|()| source.flush()).expect("sent");
                let mut got = vec![0; back];
                source.read_exact(&mut got[..back / 2]).and_then(|()| source.read_exact(&mut got[back / 2..])).expect("received");
                (source, got)
            });
            let mut got = vec![0; there];
            for part in got.chunks_mut(there.div_ceil(3)) {
                target.read_exact(part).expect("received");
            }
            assert!(got == content(there, seed as u8), "{there} bytes");
            target.write_all(&content(back, !(seed as u8))).and_then(|()| target.flush()).expect("sent");
            let (there_again, got) = sending.join().expect("no panic");
            source = there_again;
            assert!(got == content(back, !(seed as u8)), "{back} bytes back");
        }
    }

    #[test]
    fn what_comes_in_while_something_is_sent_is_kept_for_who_asks_for_it() {
        let (mut source, mut target) = pair(tls::provider);
        target.write_all(b"first, ").and_then(|()| target.write_all(b"second")).and_then(|()| target.flush()).expect("sent");
        let mut got = [0; 2];
        source.read_exact(&mut got).expect("received");
        source.write_all(b"meanwhile").and_then(|()| source.flush()).expect("sent");
        let mut rest = [0; 11];
        source.read_exact(&mut rest).expect("received");
        assert_eq!((&got, &rest), (b"fi", b"rst, second"));
        let mut there = [0; 9];
        target.read_exact(&mut there).expect("received");
        assert_eq!(&there, b"meanwhile");
    }

    /// The cryptography in use, but that renews its keys after this many records.
    fn renewing_after(records: u64) -> CryptoProvider {
        let renewing = |suite: &SupportedCipherSuite| {
            let SupportedCipherSuite::Tls13(suite) = *suite else { unreachable!("only TLS 1.3 is spoken") };
            let common = CipherSuiteCommon { confidentiality_limit: records, ..suite.common };
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite { common, quic: None, ..*suite })))
        };
        let provider = tls::provider();
        CryptoProvider { cipher_suites: provider.cipher_suites.iter().map(renewing).collect(), ..provider }
    }

    #[test]
    fn keys_are_renewed_on_the_way() {
        let sealed = |provider: &dyn Fn() -> CryptoProvider| {
            let (mut source, mut target) = pair(provider);
            for number in 0..40 {
                source.write_all(&[number; 100]).expect("sealed");
            }
            let sealed = source.outgoing.filled;
            source.flush().expect("sent");
            let mut got = [0; 4000];
            target.read_exact(&mut got).expect("received");
            assert!(got.chunks(100).enumerate().all(|(number, chunk)| chunk == [number as u8; 100]));
            sealed
        };
        assert_eq!(sealed(&tls::provider), 40 * 122);
        assert!(sealed(&|| renewing_after(8)) > 40 * 122, "messages that renew keys are among the content");
    }

    #[test]
    fn who_is_not_let_in_is_told_so() {
        let [source, target, other] = [(); 3].map(|()| Identity::make().expect("a key"));
        let (source, target) = meet(&source, &target, &other);
        assert!(target.is_err());
        // With TLS 1.3 the source has done its part before the target looks at its certificate.
        let told = source.and_then(|mut source| source.read(&mut [0; 1])).expect_err("it was not let in");
        assert!(told.to_string().contains("alert"), "{told}");
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let (mut source, mut target) = pair(tls::provider);
        source.write_all(&content(50_000, 1)).expect("sealed");
        source.outgoing.bytes[20_000] ^= 1;
        source.flush().expect("sent");
        let mut got = vec![0; 50_000];
        assert_eq!(target.read_exact(&mut got).expect_err("a record was changed").kind(), ErrorKind::InvalidData);
        let told = source.read(&mut [0; 1]).expect_err("the other end has ended it");
        assert!(told.to_string().contains("alert"), "{told}");
    }

    /// A pair whose source waits a moment only, with its first frame behind it.
    fn settled() -> (Source, Target) {
        let (source, target) = pair(tls::provider);
        source.socket.is_settled.store(true, Ordering::Relaxed);
        source.socket.stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
        (source, target)
    }

    #[test]
    fn silence_within_a_record_breaks_the_connection_and_silence_between_records_does_not() {
        for sent in [1, 4, 5, 100] {
            let (mut source, mut target) = settled();
            target.write_all(b"a record").and_then(|()| target.flush()).expect("sent");
            target.write_all(&[7; 200]).expect("sealed");
            target.outgoing.filled = sent;
            target.flush().expect("sent");
            source.read_exact(&mut [0; 8]).expect("a record");
            let broken = source.read(&mut [0; 1]).expect_err("the rest of the record never comes");
            assert_eq!(broken.kind(), ErrorKind::WouldBlock, "{sent} bytes of it came");
        }
        let (mut source, mut target) = settled();
        let waiting = std::thread::spawn(move || source.read_exact(&mut [0; 8]).map(|()| source));
        // Many times the timeout; that it is not longer makes the test no stricter, only weaker.
        std::thread::sleep(Duration::from_millis(60));
        target.write_all(b"a record").and_then(|()| target.flush()).expect("sent");
        let mut source = waiting.join().expect("no panic").expect("a record, in its own time");
        drop(target);
        assert_eq!(source.read(&mut [0; 1]).expect_err("it is gone").kind(), ErrorKind::UnexpectedEof);
    }
}
