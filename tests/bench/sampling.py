"""Where the time of both cores goes while a tool runs: idle, in the tool's own code, in which calls of the kernel, in the kernel's own threads.

A sample of the whole machine by perf, so that other work on it shows as well. Timed runs are a little slower under it.
"""

import collections
import contextlib
import os
import re
import signal
import subprocess
import time

PACKAGES = {"perf": "linux-perf"}
SAMPLE_NANOS = 4_000_000
SHARE_MIN = 0.02

# Calls of one sort, as patterns of their names.
SORTS = [
    ("reading", r"read|pread64|preadv|io_submit|io_getevents"),
    ("writing", r"write|pwrite64|pwritev|copy_file_range|fallocate|ftruncate"),
    ("syncing", r"syncfs|fsync|fdatasync|sync_file_range|sync"),
    ("looking at files", r"statx|newfstatat|fstat|getdents64|lseek|f?l?listxattr|f?l?getxattr|readlinkat"),
    ("opening and closing", r"openat2?|close|fcntl"),
    ("setting metadata", r"fchown|fchmod|utimensat|fsetxattr|renameat2?|linkat|unlinkat|mkdirat|fchownat|fchmodat"),
    ("sending and receiving", r"sendto|recvfrom|sendmsg|recvmsg|writev|readv|poll|epoll_wait"),
    ("waiting for other threads", r"futex"),
]


def offer(parser):
    """Adds the option to a benchmark's."""
    parser.add_argument("--profile", action="store_true", help="sample where the time goes while the mover runs, which makes it a little slower")


def packages(options):
    """What has to be installed for it, if it was asked for."""
    return PACKAGES if options.profile else {}


def sort_of(command, frames):
    """What a sample is of, by its process and what was called, innermost first."""
    if command.startswith("swapper"):
        return "idle"
    if not command.startswith("stateful-mover"):
        return "the kernel's own threads" if re.match(r"loop|kworker|jbd2|kswapd|ksoftirqd|rcu", command) else "other programs"
    for frame in frames:
        called = re.match(r"__(?:x64|arm64|se|do)_sys_(\w+)", frame)
        if called:
            return next((name for name, pattern in SORTS if re.fullmatch(pattern, called[1])), f"other calls ({called[1]})")
    if any("page_fault" in frame or "exc_page" in frame for frame in frames):
        return "page faults"
    return "its own code"


def samples(text):
    """When each sample in what `perf script` prints was taken, of which process, and its frames."""
    for block in text.split("\n\n"):
        first, *frames = block.strip("\n").split("\n")
        head = re.match(r"\s*(.+?)\s+(\d+\.\d+):", first)
        if head:
            yield float(head[2]), head[1], [frame.split(None, 1)[-1] for frame in frames]


@contextlib.contextmanager
def taken(folder, counts):
    """Adds what is sampled while the block lasts to the counts."""
    path = os.path.join(folder, "perf.data")
    words = ["perf", "record", "-q", "-a", "-g", "-e", "cpu-clock", "-c", str(SAMPLE_NANOS), "-k", "CLOCK_MONOTONIC", "-o", path]
    perf = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    began = time.monotonic()
    try:
        yield
    finally:
        ended = time.monotonic()
        perf.send_signal(signal.SIGINT)
        perf.wait()
    words = ["perf", "script", "-i", path, "-F", "comm,time,ip,sym"]
    script = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    os.unlink(path)
    found = collections.Counter(sort_of(command, frames) for at, command, frames in samples(script.stdout) if began <= at <= ended)
    # A core that sleeps is not sampled each time.
    del found["idle"]
    found["idle"] = max(0, round((ended - began) * 1e9 / SAMPLE_NANOS) * os.cpu_count() - found.total())
    counts.update(found)


def told(counts):
    """The sorts that matter with their shares, the largest first, as text."""
    whole = sum(counts.values())
    shares = [(sort, count / whole) for sort, count in counts.most_common()]
    return ", ".join(f"{share:.0%} {sort}" for sort, share in shares if share >= SHARE_MIN)
