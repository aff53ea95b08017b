//! What a network does to a copy: bytes that flip, connections that break, strangers, and movers that are killed at either end.
//!
//! Places are drawn from seeds and are bytes, not times. A copy that went through all this is either true or an error.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubectl_stateful::contract::orders::{Reason, VolumeMode, VolumeReport};
use kubectl_stateful::mover::agent::by_hand::{self, Settings};
use kubectl_stateful::mover::ground::fail::Result;
use kubectl_stateful::mover::ground::number::new_number;
use kubectl_stateful::mover::ground::work;
use kubectl_stateful::mover::net::remote::Remote;
use kubectl_stateful::mover::net::serve::{Peer, Server};
use kubectl_stateful::mover::net::session::ServedVolume;
use kubectl_stateful::mover::net::tls::Identity;
use kubectl_stateful::mover::pass::target::TargetVolume;
use rustix::process::Pid;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::dice::Dice;
use crate::ends::{self, Ends};
use crate::proxy::{Proxy, Strike, Way};
use crate::{pod, trees};

/// What may be sent again after a break: on each connection a frame that was not complete, and what the kernel of the target
/// had taken in for it.
fn again_bytes_max() -> u64 {
    (64 << 20).max((12 * work::threads() as u64) << 20)
}

/// A source, an empty target and keys for both ends.
struct Folders(tempfile::TempDir);

impl Folders {
    fn new() -> Folders {
        Folders::within(tempfile::tempdir())
    }

    /// Where no disk is waited for, if this machine has such a place.
    fn in_memory() -> Folders {
        let memory = Path::new("/dev/shm");
        Folders::within(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() })
    }

    fn within(folder: std::io::Result<tempfile::TempDir>) -> Folders {
        let folders = Folders(folder.expect("a folder"));
        for name in ["source", "target"] {
            std::fs::create_dir(folders.path(name)).expect("a folder");
        }
        by_hand::make_keys(&folders.path("keys")).expect("keys");
        folders
    }

    /// Small files in folders and two larger ones, about three megabytes to send.
    fn filled() -> Folders {
        let folders = Folders::new();
        for folder in 0..4_u8 {
            let at = folders.path("source").join(format!("folder-{folder}"));
            std::fs::create_dir(&at).expect("a folder");
            for file in 0..16_u8 {
                std::fs::write(at.join(format!("file-{file}")), trees::noise(file + folder, 700 * usize::from(file))).expect("a file");
            }
        }
        for (name, length) in [("large", 5 << 20), ("middling", 300_000)] {
            let mut bytes = trees::noise(9, length);
            // Half of it zeros, which are not sent.
            bytes[..length / 2].fill(0);
            std::fs::write(folders.path("source").join(name), bytes).expect("a file");
        }
        folders
    }

    /// Puts something at the target that is neither nothing nor the source, so that it has to be listed.
    fn half_done(self) -> Folders {
        let large = std::fs::read(self.path("source/large")).expect("a file");
        std::fs::write(self.path("target/large"), &large[..4 << 20]).expect("a file");
        for file in 0..200_u8 {
            std::fs::write(self.path("target").join(format!("other-{file}")), trees::noise(file, 4000)).expect("a file");
        }
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn identity(&self, end: &str) -> Identity {
        let (key, certificate) = (format!("keys/{end}.key"), format!("keys/{end}.crt"));
        Identity::load(&self.path(&key), &self.path(&certificate)).expect("keys")
    }

    /// A target end in this process.
    fn server(&self) -> (Server, SocketAddr) {
        self.server_expecting(None)
    }

    /// The same, which expects its peer from this address.
    fn server_expecting(&self, peer: Option<IpAddr>) -> (Server, SocketAddr) {
        let server = Server::new(&self.identity("target"), 0).expect("keys");
        let volume = TargetVolume::at(&self.path("target"), VolumeMode::Filesystem, &self.path("target-state")).expect("a target");
        let served = ServedVolume { volume: Arc::new(volume), progress: Arc::default() };
        let peer = Peer { fingerprint: self.identity("source").fingerprint().clone(), address: peer };
        pod::as_root(|| server.serve(Arc::new(vec![served]), &peer)).expect("a port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        (server, address)
    }

    fn send(&self, address: SocketAddr) -> Result<VolumeReport> {
        self.send_slowly(address, None)
    }

    fn send_slowly(&self, address: SocketAddr, bytes_per_second_max: Option<u64>) -> Result<VolumeReport> {
        let state = self.path("source-state");
        let settings =
            Settings { mode: VolumeMode::Filesystem, state, is_last: true, is_unproven: false, bytes_per_second_max, is_throttled: false };
        pod::as_root(|| by_hand::send(&self.path("source"), address, &self.path("keys"), &settings))
    }

    fn assert_same(&self) {
        trees::assert_same(&self.path("source"), &self.path("target"));
    }
}

/// How many bytes go each way, and over how many connections, when nothing strikes.
struct Undisturbed {
    to_target: u64,
    to_source: u64,
    connections: u64,
}

fn undisturbed(folders: &Folders) -> Undisturbed {
    let (server, address) = folders.server();
    let proxy = Proxy::to(address);
    folders.send(proxy.address()).expect("a pass");
    server.stop();
    folders.assert_same();
    Undisturbed { to_target: proxy.carried(Way::ToTarget), to_source: proxy.carried(Way::ToSource), connections: proxy.connections() }
}

/// Makes trials with seeds on several threads; each says its seed if it fails.
fn trials(count: u64, trial: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trial(seed)));
                    assert!(outcome.is_ok(), "the trial with seed {seed} failed");
                }
            });
        }
    });
}

/// A copy that is to be struck somewhere.
struct Struck<'a> {
    folders: Folders,
    /// What the same copy is like when nothing happens.
    usual: &'a Undisturbed,
    way: Way,
    /// How much usually goes that way.
    bytes: u64,
}

impl Struck<'_> {
    /// Every other copy goes on from an earlier one, of which these are the usual ones. What goes to the source is little, but all
    /// that the source believes: every fourth is struck there.
    fn of(seed: u64, usual: &[Undisturbed; 2]) -> Struck<'_> {
        let is_listed = seed % 2 == 1;
        let folders = if is_listed { Folders::filled().half_done() } else { Folders::filled() };
        let usual = &usual[usize::from(is_listed)];
        let (way, bytes) = if seed % 4 == 1 { (Way::ToSource, usual.to_source) } else { (Way::ToTarget, usual.to_target) };
        Struck { folders, usual, way, bytes }
    }
}

#[test]
fn one_flipped_bit_in_flight_is_noticed_and_the_copy_is_true() {
    let usual = [undisturbed(&Folders::filled()), undisturbed(&Folders::filled().half_done())];
    let unnoticed = AtomicU64::new(0);
    trials(32, |seed| {
        let mut dice = Dice::new(seed);
        let Struck { folders, usual, way, bytes } = Struck::of(seed, &usual);
        let (server, address) = folders.server();
        let proxy = Proxy::to(address);
        let bit = u8::try_from(dice.below(8)).expect("below 8");
        proxy.arm(way, dice.below(bytes * 9 / 10), Strike::Flip { bit });
        let sent = folders.send(proxy.address());
        server.stop();
        let report = sent.expect("one broken connection is got over");
        assert!(proxy.has_struck(), "it was to strike at a byte that is always sent");
        assert_eq!(report.source_root, report.target_root);
        folders.assert_same();
        if proxy.connections() <= usual.connections {
            unnoticed.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(unnoticed.into_inner(), 0, "flips after which the movers talked on as if nothing was");
}

#[test]
fn a_pass_goes_on_by_itself_wherever_its_connection_breaks() {
    let usual = [undisturbed(&Folders::filled()), undisturbed(&Folders::filled().half_done())];
    trials(24, |seed| {
        let mut dice = Dice::new(1000 + seed);
        let Struck { folders, usual, way, bytes } = Struck::of(seed, &usual);
        let (server, address) = folders.server();
        let proxy = Proxy::to(address);
        proxy.arm(way, dice.below(bytes * 9 / 10), Strike::Cut);
        let report = folders.send(proxy.address());
        server.stop();
        let report = report.expect("one broken connection is got over");
        assert!(proxy.has_struck() && proxy.connections() > usual.connections);
        assert_eq!(report.source_root, report.target_root);
        folders.assert_same();
    });
}

/// Content of which nothing is zeros or twice.
fn fill_with(folders: &Folders, files: u64, bytes: usize) {
    for file in 0..files {
        let mut dice = Dice::new(file);
        let content: Vec<u8> = (0..bytes / 8).flat_map(|_| dice.next().to_le_bytes()).collect();
        std::fs::write(folders.path("source").join(format!("file-{file}")), content).expect("a file");
    }
}

/// A movers' process at one end.
struct Mover(Child);

impl Mover {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn serve(folders: &Folders) -> (Mover, SocketAddr) {
        let mut child = pod::spawn(folders.command("serve", &[&folders.path("target")]).stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        let port: u16 = line.trim().parse().expect("a port");
        (Mover(child), SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn send(folders: &Folders, address: SocketAddr) -> Mover {
        let mut command = folders.command("send", &[&folders.path("source"), Path::new(&address.to_string()), Path::new("--last")]);
        Mover(pod::spawn(command.stdout(Stdio::null())))
    }

    /// Waits for its end; returns whether it was a good one.
    fn has_succeeded(mut self) -> bool {
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = (self.0.kill(), self.0.wait());
    }
}

impl Folders {
    fn command(&self, end: &str, arguments: &[&Path]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stateful-mover"));
        command.arg(end).args(arguments).args([Path::new("--keys"), &self.path("keys")]);
        command.args([Path::new("--state"), &self.path(&format!("state-of-{end}"))]);
        command
    }
}

/// Kills one of two movers when this many bytes went to the target, and starts it again; returns how many bytes went in all.
fn kill_one(folders: &Folders, kills_target: bool, at: u64) -> u64 {
    let (serving, address) = Mover::serve(folders);
    let proxy = Proxy::to_nowhere();
    let sending = Mover::send(folders, proxy.address());
    let (killed, other) = if kills_target { (serving, sending) } else { (sending, serving) };
    proxy.arm(Way::ToTarget, at, Strike::Kill(killed.pid()));
    proxy.lead_to(address);
    assert!(!killed.has_succeeded(), "it was to be killed at byte {at}");
    let again = if kills_target {
        let (serving, address) = Mover::serve(folders);
        proxy.lead_to(address);
        serving
    } else {
        Mover::send(folders, proxy.address())
    };
    assert!(again.has_succeeded(), "the mover that was started again");
    assert!(other.has_succeeded(), "the mover that went on");
    proxy.carried(Way::ToTarget)
}

#[test]
fn a_mover_that_is_killed_and_started_again_completes_the_copy() {
    let usual = undisturbed(&Folders::filled());
    trials(10, |seed| {
        let folders = Folders::filled();
        let at = Dice::new(2000 + seed).below(usual.to_target * 8 / 10);
        kill_one(&folders, seed % 2 == 0, at);
        folders.assert_same();
    });
}

/// A second pass has something to trust, and a kill in it leaves that half true.
#[test]
fn a_mover_that_is_killed_in_a_later_pass_believes_nothing_that_is_not_so() {
    trials(8, |seed| {
        let folders = Folders::filled();
        let mut dice = Dice::new(3000 + seed);
        let (serving, address) = Mover::serve(&folders);
        assert!(Mover::send(&folders, address).has_succeeded() && serving.has_succeeded());
        let mut large = std::fs::read(folders.path("source/large")).expect("a file");
        for _ in 0..30 {
            let at = dice.index(large.len() - (64 << 10));
            large[at..at + (64 << 10)].iter_mut().for_each(|byte| *byte ^= 0x55);
        }
        std::fs::write(folders.path("source/large"), &large).expect("a file");
        for file in 0..20_u8 {
            let path = folders.path(&format!("source/folder-{}/file-{file}", dice.below(4)));
            std::fs::write(path, trees::noise(file ^ 0xaa, 700 * usize::from(file))).expect("a file");
        }
        // Half of what is sent at the least: blocks of the large file.
        kill_one(&folders, seed % 2 == 0, dice.below(900_000));
        folders.assert_same();
    });
}

/// Late in a copy, beginning anew would cost far more than what may be sent again.
#[test]
fn little_is_sent_again_after_a_break_or_a_kill() {
    const BYTES: u64 = 120 << 20;
    for strike in ["cut", "kill the target", "kill the source"] {
        let folders = Folders::new();
        fill_with(&folders, 3, (BYTES / 3) as usize);
        let at = BYTES * 9 / 10;
        let sent = if strike == "cut" {
            let (server, address) = folders.server();
            let proxy = Proxy::to(address);
            proxy.arm(Way::ToTarget, at, Strike::Cut);
            folders.send(proxy.address()).expect("a pass");
            server.stop();
            proxy.carried(Way::ToTarget)
        } else {
            kill_one(&folders, strike == "kill the target", at)
        };
        let again = sent.saturating_sub(BYTES);
        assert!(again <= again_bytes_max(), "{strike}: {again} bytes more than there are");
        folders.assert_same();
    }
}

/// The first frame on each connection goes as it is, since nothing is known of the link yet. While the target's disk is waited for nothing would
/// be compressed.
#[test]
fn a_slow_link_is_spared_what_can_be_compressed() {
    let line = |number: u64| format!("{number:>9} INFO worker took {} us\n", number * number % 9973).into_bytes();
    // So much that frames which go as they are because the cores were busy just then make no difference.
    let text: Vec<u8> = (0..).flat_map(line).take(96 << 20).collect();
    for (name, content, may_be_less) in [("text", &text, true), ("noise", &trees::noise(1, 16 << 20), false)] {
        let folders = Folders::in_memory();
        std::fs::write(folders.path("source/file"), content).expect("a file");
        let (server, address) = folders.server();
        let report = folders.send_slowly(address, Some(8 << 20)).expect("a pass");
        server.stop();
        folders.assert_same();
        let (sent, bytes) = (report.bytes_sent, content.len() as u64);
        assert_eq!(sent < bytes, may_be_less, "{name}: {sent} of {bytes} bytes");
        assert!(!may_be_less || sent < bytes * 3 / 4, "{name}: {sent} of {bytes} bytes");
    }
}

/// Over the network a failure of the target once came as a connection that broke, which was then tried again and again.
#[test]
fn what_fails_at_the_target_is_told_at_the_source() {
    let mut ends = Ends::new(VolumeMode::Block);
    std::fs::write(ends.source(), trees::noise(1, 9000)).expect("a source");
    std::fs::write(ends.target(), [0; 100]).expect("a target");
    let failure = ends::failure(ends.pass_over_tls(true));
    assert_eq!(failure.reason, Reason::BadOrder);
    assert!(failure.message.contains("too small"), "{failure:?}");
}

#[test]
fn a_stranger_is_let_in_at_neither_end() {
    let folders = Folders::filled();
    let (server, address) = folders.server();
    let (source, target) = (folders.identity("source"), folders.identity("target"));
    let stranger = Identity::make().expect("an identity");
    let connect = |own: &Identity, peer: &Identity| Remote::connect(own, address, peer.fingerprint(), new_number()?, None).map(drop);
    for _ in 0..20 {
        assert!(connect(&stranger, &target).is_err(), "the target let a stranger in");
        assert!(connect(&source, &stranger).is_err(), "the source talked to a stranger");
        assert!(connect(&target, &target).is_err(), "the target's own certificate is not the source's");
    }
    assert!(std::fs::read_dir(folders.path("target")).expect("a folder").next().is_none());
    folders.send(address).expect("the one peer is let in all the while");
    server.stop();
    assert!(connect(&source, &target).is_err(), "after the order nobody is let in");
    folders.assert_same();
}

/// The head of a TLS 1.2 handshake: a client that knows nothing newer says so by saying nothing.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    // ECDHE-ECDSA with AES-128-GCM, no compression.
    hello.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    // Groups x25519 and P-256, signatures ECDSA with P-256.
    let extensions = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3];
    hello.extend([0, u8::try_from(extensions.len()).expect("it is short")]);
    hello.extend(extensions);
    record(1, &hello)
}

fn server_hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x2b, 0]);
    record(2, &hello)
}

/// A handshake message in a record of its own.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("it is short");
    [&[22, 3, 3, 0, length + 4, kind, 0, 0, length], body].concat()
}

const ALERT: u8 = 21;
const PROTOCOL_VERSION: u8 = 70;

#[test]
fn older_tls_is_refused_at_both_ends() {
    let folders = Folders::new();
    let (server, address) = folders.server();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(&client_hello_of_tls_1_2()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(matches!(answer[..], [ALERT, 3, _, 0, 2, 2, PROTOCOL_VERSION]), "{answer:?}");
    server.stop();

    let old = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = old.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = old.accept().expect("a connection");
        let mut hello = [0; 512];
        assert!(stream.read(&mut hello).expect("a hello") > 0);
        stream.write_all(&server_hello_of_tls_1_2()).expect("sent");
        let mut rest = Vec::new();
        // The other end may close with our bytes unread, which counts as broken.
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let (source, target) = (folders.identity("source"), folders.identity("target"));
    let refused = Remote::connect(&source, address, target.fingerprint(), 1, None).map(drop);
    assert!(refused.is_err());
    let rest = answering.join().expect("no panic");
    assert!(rest.ends_with(&[ALERT, 3, 3, 0, 2, 2, PROTOCOL_VERSION]), "{rest:?}");
}

#[test]
fn noise_on_the_port_is_survived() {
    let folders = Folders::filled();
    let (server, address) = folders.server();
    let mut held = Vec::new();
    for seed in 0..60_u64 {
        let mut dice = Dice::new(seed);
        let mut stream = TcpStream::connect(address).expect("it listens");
        let mut bytes: Vec<u8> = (0..dice.below(3000)).map(|_| dice.next() as u8).collect();
        // Some of it begins as TLS does.
        if seed % 3 == 0 {
            bytes.splice(..bytes.len().min(3), [22, 3, 1]);
        }
        // It may be closed while we talk.
        let _ = stream.write_all(&bytes);
        // Some stay, and say nothing more.
        if seed % 2 == 0 {
            held.push(stream);
        }
    }
    folders.send(address).expect("a pass");
    server.stop();
    folders.assert_same();
}

/// A connection from an address of this machine.
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddr::from((from, 0))))?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn is_closed(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0; 1]));
    !matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The head of a record of the handshake, which is long in coming.
const LONG_RECORD: [u8; 5] = [22, 3, 1, 0x3f, 0];

/// What strangers who hold connections open do when one is closed.
#[derive(Clone, Copy, PartialEq)]
enum Closed {
    KnockAgain,
    LeaveIt,
}

/// Opens 200 connections from these addresses in turn and says next to nothing on them, until told to end.
fn hold_open(from: impl Fn(u64) -> Ipv4Addr, to: SocketAddr, closed: Closed, opened: &AtomicU64, is_over: &AtomicBool) {
    let mut held: Vec<TcpStream> = Vec::new();
    let mut said = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        held.retain(|stream| !is_closed(stream));
        while held.len() < 200 && (closed == Closed::KnockAgain || opened.load(Ordering::Relaxed) < 200) && !is_over.load(Ordering::Relaxed)
        {
            let number = opened.fetch_add(1, Ordering::Relaxed);
            // It may be closed while we talk, here and below.
            held.extend(connect_from(from(number), to).and_then(|mut stream| stream.write_all(&LONG_RECORD).map(|()| stream)));
        }
        if said.elapsed() > Duration::from_secs(1) {
            said = Instant::now();
            held.iter_mut().for_each(|stream| drop(stream.write(&[1])));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Makes a pass while strangers hold connections open who have been there first.
fn pass_beside_strangers(folders: &Folders, to: SocketAddr, closed: Closed, from: impl Fn(u64) -> Ipv4Addr + Sync) {
    let (opened, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| hold_open(&from, to, closed, &opened, &is_over));
        while opened.load(Ordering::Relaxed) < 200 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let began = Instant::now();
        let sent = folders.send(to);
        is_over.store(true, Ordering::Relaxed);
        work::join(holding);
        sent.expect("strangers do not keep the peer out");
        // Less than a peer tries to connect for, of which it once needed all.
        assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    });
    folders.assert_same();
}

/// They are bound together by where they come from, whether or not it is known where the peer does.
#[test]
fn strangers_from_one_address_do_not_keep_the_peer_out() {
    for expected in [None, Some(IpAddr::from(Ipv4Addr::LOCALHOST))] {
        let folders = Folders::filled();
        let (server, address) = folders.server_expecting(expected);
        pass_beside_strangers(&folders, address, Closed::KnockAgain, |_| Ipv4Addr::new(127, 0, 0, 2));
        server.stop();
    }
}

#[test]
fn strangers_from_many_addresses_do_not_keep_the_peer_out_whose_address_is_known() {
    let folders = Folders::filled();
    let (server, address) = folders.server_expecting(Some(Ipv4Addr::LOCALHOST.into()));
    let from = |number: u64| Ipv4Addr::from(0x7f01_0000 + (number % 60_000) as u32);
    pass_beside_strangers(&folders, address, Closed::KnockAgain, from);
    server.stop();
}

/// Those who were there first go first, be they from the address of the peer.
#[test]
fn two_hundred_who_stay_make_room_for_the_peer() {
    for from in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)] {
        let folders = Folders::filled();
        let (server, address) = folders.server();
        pass_beside_strangers(&folders, address, Closed::LeaveIt, |_| from);
        server.stop();
    }
}

#[test]
fn a_byte_now_and_then_does_not_prolong_a_handshake() {
    let folders = Folders::filled();
    let (server, address) = folders.server();
    let mut dripping = TcpStream::connect(address).expect("it listens");
    dripping.write_all(&LONG_RECORD).expect("sent");
    folders.send(address).expect("a pass goes on beside it");
    let began = Instant::now();
    // Long before whoever is known has to have said something.
    while !is_closed(&dripping) && began.elapsed() < Duration::from_secs(15) {
        // It may be closed while we talk.
        let _ = dripping.write_all(&[1]);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(is_closed(&dripping), "it was let drip");
    server.stop();
    folders.assert_same();
}

#[test]
fn the_port_is_open_only_while_there_is_something_to_serve() {
    let folders = Folders::filled();
    let (server, address) = folders.server();
    let mut silent = TcpStream::connect(address).expect("it listens");
    folders.send(address).expect("a pass");
    assert!(server.is_finished_within(Duration::from_secs(30)));
    server.close();
    assert_eq!(server.port(), address.port(), "what was reported stays so");
    assert!(TcpStream::connect(address).is_err(), "nobody listens after the last pass");
    assert!(silent.read(&mut [0; 1]).map_or(true, |count| count == 0), "strangers are gone");
    server.stop();
    assert_eq!(server.port(), 0);
}
