"""What the benchmark stands on: volumes in loop files, timed commands, and the peers' servers.

Everything made here is written down when it is made, and `Rig.end` takes down just that.
"""

import contextlib
import fcntl
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import sampling
import trees

# Run once, for nothing, whenever caches were dropped; the mover is added when it is known.
PROGRAMS = ["rsync", "ssh", "/usr/sbin/sshd", "stunnel", "cp", "dd", "bash", "sync"]

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def install(packages):
    """Installs the Debian packages of programs that are missing; `packages` says which is in which."""
    missing = sorted({package for program, package in packages.items() if not shutil.which(program)})
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=sys.stderr)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", *missing], check=True, stdout=sys.stderr, env=environment)


def build():
    """Builds the mover; returns its path."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "stateful-mover"], check=True, cwd=TOP)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target")), "release", "stateful-mover")


def sh(*words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **more).stdout.strip()


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")
    # What is measured is copying, not the loading of programs.
    for program in PROGRAMS:
        subprocess.run([program, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def sync_file_system(path):
    """Syncs the file system of a path; fails if the sync does."""
    sh("sync", "-f", path)


class Volume:
    """An ext4 in a loop file, mounted at a folder that is called `data`."""

    def __init__(self, rig, label, size_mib, is_filled):
        self.rig, self.label = rig, label
        self.image = os.path.join(rig.folder, f"{label}.img")
        self.parent = os.path.join(rig.folder, "mnt", label)
        self.path = os.path.join(self.parent, "data")
        os.makedirs(self.path, exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(size_mib << 20)
            if is_filled:
                # So that no run pays for finding room for the loop file itself.
                zeros = bytes(4 << 20)
                for _ in range(size_mib // 4):
                    file.write(zeros)
        self.device = rig.attach(self.image)
        self.fresh()

    def fresh(self):
        """Makes the file system anew, empty."""
        self.rig.unmount(self.path)
        options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
        sh("mkfs.ext4", "-q", "-F", "-i", "8192", "-E", options, self.device)
        self.rig.mount(self.device, self.path)
        os.rmdir(os.path.join(self.path, "lost+found"))
        os.sync()

    def again(self):
        """Mounts it anew, so that nothing of it is in memory."""
        self.rig.unmount(self.path)
        drop_caches()
        self.rig.mount(self.device, self.path)

    def fault(self, source, keeps):
        """Returns in what this tree is not as it should be, if anything."""
        self.rig.unmount(self.path)
        self.rig.mount(self.device, self.path)
        return trees.difference(source, trees.survey(self.path), keeps)


class Device:
    """A raw device in a loop file that is all holes at first."""

    def __init__(self, rig, label, size):
        self.rig, self.label, self.size = rig, label, size
        self.image = os.path.join(rig.folder, f"{label}.img")
        self.parent = os.path.join(rig.folder, "mnt", label)
        self.path = os.path.join(self.parent, "data")
        os.makedirs(self.parent, exist_ok=True)
        self.device = None
        self.fresh()

    def fresh(self):
        if self.device:
            self.rig.detach(self.device)
            os.unlink(self.path)
        with open(self.image, "wb") as file:
            file.truncate(self.size)
        self.device = self.rig.attach(self.image)
        os.symlink(self.device, self.path)

    def bytes_read(self):
        with open(f"/sys/block/{os.path.basename(self.device)}/stat") as file:
            return int(file.read().split()[2]) * 512


class Run:
    """One timed run."""

    def __init__(self, wall, cpu, report=None):
        self.wall, self.cpu, self.report = wall, cpu, report or {}


class Process:
    """A child whose CPU time, with that of its own children, is known once it has ended."""

    def __init__(self, rig, words, **more):
        self.rig = rig
        self.child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **more)
        rig.children.append(self)
        self.cpu = 0.0

    def line(self):
        return self.child.stdout.readline()

    def wait(self, is_killed=False):
        output = self.child.stdout.read()
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self.rig.children.remove(self)
        self.cpu = usage.ru_utime + usage.ru_stime
        if self.child.returncode != 0 and not is_killed:
            raise RuntimeError(f"{self.child.args} ended with {self.child.returncode}")
        return output

    def end(self):
        self.child.terminate()
        self.wait(is_killed=True)


class Rig:
    """The folder everything is in, and what is to be taken down."""

    def __init__(self, folder, mover, lock):
        self.folder, self.mover, self.lock = folder, mover, lock
        PROGRAMS.append(mover)
        self.loops, self.mounts, self.children, self.volumes = [], [], [], {}
        # Where to count what the mover is seen to do; none: it is not looked at.
        self.counts = None
        if os.path.exists(folder):
            raise SystemExit(f"error: `{folder}` is there already: another run, or what is left of one")
        os.makedirs(os.path.join(folder, "tmp"))
        self.environment = {**os.environ, "TMPDIR": os.path.join(folder, "tmp"), "LC_ALL": "C"}

    def attach(self, image):
        # As a disk does, it keeps nothing in the node's memory: else what is read past the page cache comes from one all the same.
        device = sh("losetup", "-f", "--show", "--direct-io=on", image)
        self.loops.append(device)
        return device

    def detach(self, device):
        sh("losetup", "-d", device)
        self.loops.remove(device)

    def mount(self, device, path):
        sh("mount", device, path)
        self.mounts.append(path)

    def unmount(self, path):
        if path in self.mounts:
            sh("umount", path)
            self.mounts.remove(path)

    def volume(self, label, size_mib, is_filled=True):
        self.volumes[label] = Volume(self, label, size_mib, is_filled)
        return self.volumes[label]

    def device(self, label, size):
        self.volumes[label] = Device(self, label, size)
        return self.volumes[label]

    def end_row(self):
        """Takes down all volumes and processes of a row."""
        for process in list(self.children):
            process.end()
        for path in list(self.mounts):
            self.unmount(path)
        for device in list(self.loops):
            self.detach(device)
        for image in glob.glob(os.path.join(self.folder, "*.img")):
            os.unlink(image)
        for name in ("mnt", "tmp"):
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "tmp"))
        self.volumes.clear()

    def end(self):
        self.end_row()
        shutil.rmtree(self.folder)

    @contextlib.contextmanager
    def quiet(self):
        """Holds the lock, where other work shares the machine and knows of it."""
        if not self.lock:
            yield
            return
        with open(self.lock, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def sampled(self):
        return contextlib.nullcontext() if self.counts is None else sampling.taken(self.folder, self.counts)

    def timed(self, *words):
        """Runs the mover to its end, and returns its report with the time it took."""
        with self.sampled():
            began = time.monotonic()
            process = self.start(self.mover, *words)
            report = json.loads(process.wait())
            return Run(time.monotonic() - began, process.cpu, report)

    def state(self):
        self.states = getattr(self, "states", 0) + 1
        return os.path.join(self.folder, "tmp", f"state-{self.states}")

    def start(self, *words, **more):
        return Process(self, words, env=self.environment, **more)

    def command(self, words, synced=None):
        """Times a peer's command to the end of a sync of where it wrote."""
        began = time.monotonic()
        process = self.start(*words)
        process.wait()
        if synced:
            sync_file_system(synced)
        return Run(time.monotonic() - began, process.cpu)

    def local(self, source, target, *more):
        return self.timed("local", "--json", *more, source, target)

    def keys(self):
        keys = os.path.join(self.folder, "keys")
        if not os.path.exists(keys):
            sh(self.mover, "keys", keys)
        return keys

    def serve(self, target, *more):
        process = self.start(self.mover, "serve", "--json", "--keys", self.keys(), *more, target)
        return process, json.loads(process.line())["port"]

    def send(self, source, port, *more):
        return self.timed("send", "--json", "--keys", self.keys(), *more, source, f"127.0.0.1:{port}")

    def over_tls(self, source, target, *more):
        """Times the mover over TLS until both ends have ended; its CPU time is that of both. More words are for the target's end."""
        serving, port = self.serve(target, *more)
        sent = self.send(source, port, "--last")
        began = time.monotonic()
        serving.wait()
        return Run(sent.wall + time.monotonic() - began, sent.cpu + serving.cpu, sent.report)


class Agent:
    """The mover as pods run it: one process that makes pass after pass between two volumes."""

    def __init__(self, rig, source, target, mode):
        self.rig, self.mode, self.sequence = rig, mode, 0
        self.orders = os.path.join(rig.folder, "tmp", f"orders-{source.label}-{target.label}.json")
        words = ["--source-root", source.parent, "--target-root", target.parent, "--state", rig.state()]
        self.process = rig.start(rig.mover, "agent", "--orders", self.orders, *words)

    def pass_over(self):
        self.sequence += 1
        order = {"do": "pass", "volumes": [{"name": "data", "mode": self.mode}], "to": {"at": "here"}, "last": False}
        with open(self.orders + ".new", "w") as file:
            json.dump({"version": 1, "sequence": self.sequence, "order": order}, file)
        with self.rig.sampled():
            began = time.monotonic()
            os.rename(self.orders + ".new", self.orders)
            while True:
                report = json.loads(self.process.line())
                if report["sequence"] == self.sequence and report["state"] in ("done", "failed"):
                    break
            wall = time.monotonic() - began
        if report["state"] == "failed":
            raise RuntimeError(f"the pass failed: {report['failure']}")
        return Run(wall, 0.0, report["volumes"][0])


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


class Sshd:
    """An SSH server of our own, with keys of its own."""

    def __init__(self, rig):
        self.folder = os.path.join(rig.folder, "tmp", "sshd")
        os.makedirs(self.folder, mode=0o700)
        os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host", "user"):
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.folder, name))
        shutil.copy(os.path.join(self.folder, "user.pub"), os.path.join(self.folder, "authorized"))
        self.port = free_port()
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.folder}/host", f"AuthorizedKeysFile {self.folder}/authorized",
            "StrictModes no", "PermitRootLogin yes", "UsePAM no", f"PidFile {self.folder}/pid",
        ]
        config = os.path.join(self.folder, "config")
        with open(config, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.process = rig.start("/usr/sbin/sshd", "-D", "-f", config, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def client(self, *more):
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5", "LogLevel=ERROR"]
        words = ["ssh", "-p", str(self.port), "-i", os.path.join(self.folder, "user")]
        return " ".join(words + [word for option in options for word in ("-o", option)] + list(more))


class Stunnel:
    """An rsync daemon behind stunnel, as VolSync sets them up, and the client's end of the tunnel."""

    def __init__(self, rig, target):
        folder = os.path.join(rig.folder, "tmp", f"stunnel-{os.path.basename(os.path.dirname(target))}")
        os.makedirs(folder, mode=0o700)
        self.port, inner = free_port(), free_port()
        rsyncd = [
            "use chroot = false", "numeric ids = true", "munge symlinks = false", "open noatime = true", "reverse lookup = false",
            "transfer logging = true", f"log file = {folder}/log", "read only = false", "uid = 0", "gid = *", "[data]", f"path = {target}",
        ]
        common = ["foreground = yes", "syslog = no", f"output = {folder}/stunnel.log", "pid =", "socket = l:SO_KEEPALIVE=1", "[rsync]", "ciphers = PSK"]
        common.append(f"PSKsecrets = {folder}/psk")
        server = [f"accept = 127.0.0.1:{inner}", "client = no", "exec = /usr/bin/rsync"]
        server.append(f"execargs = rsync --server --daemon --config={folder}/rsyncd .")
        client = [f"accept = 127.0.0.1:{self.port}", "client = yes", f"connect = 127.0.0.1:{inner}"]
        files = {"rsyncd": rsyncd, "psk": ["bench:" + os.urandom(32).hex()], "server": common + server, "client": common + client}
        for name, lines in files.items():
            with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write("\n".join(lines) + "\n")
        for name in ("server", "client"):
            rig.start("stunnel", os.path.join(folder, name), stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        wait_for_port(inner)
        self.url = f"rsync://127.0.0.1:{self.port}/data/"


def end_on_signals():
    def end(*_):
        raise SystemExit(1)

    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, end)
