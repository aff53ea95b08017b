"""Data for the benchmark, and the checker of what became of it.

The checker shares nothing with the mover: it reads every file of both trees by itself. It knows what each tool claims to keep,
and holds a tool to that, not to more.
"""

import hashlib
import os
import random
import stat

CHUNK = 1 << 20
PAGE = 8 << 10

# What a tool may claim to keep beyond content, owner, mode and times of everything beneath the root.
LINKS, XATTRS, HOLES, ROOT = "links", "xattrs", "holes", "root"
EVERYTHING = frozenset({LINKS, XATTRS, HOLES, ROOT})


class Content:
    """Seeded bytes: half of the chunks do not compress at all, the others to about a half."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.noise = self.dice.randbytes(32 << 20)
        self.text = self.dice.randbytes(16 << 20).hex().encode()

    def take(self, length, is_text):
        pool = self.text if is_text else self.noise
        at = self.dice.randrange(len(pool) - length)
        # Pools are reused, so that each piece gets a mark of its own.
        mark = self.dice.randbytes(8)
        return mark + pool[at + 8 : at + length] if length > 8 else mark[:length]


def make_small(root, count, seed):
    """Makes files of 4 KiB in folders of a hundred, with some links, xattrs and odd modes among them."""
    content = Content(seed)
    folder = None
    for number in range(count):
        if number % 100 == 0:
            folder = os.path.join(root, f"folder-{number // 100:05}")
            os.mkdir(folder)
            if number % 1000 == 0:
                os.symlink("../nowhere", os.path.join(folder, "link"))
        path = os.path.join(folder, f"file-{number:06}")
        with open(path, "wb", buffering=0) as file:
            file.write(content.take(4096, number % 2 == 0))
        os.chown(path, 1000 + number % 7, 1000 + number % 3)
        if number % 100 == 50:
            os.setxattr(path, "user.note", b"kept")
            os.link(path, path + ".again")
        os.chmod(path, 0o4755 if number % 500 == 7 else 0o640)
        os.utime(path, ns=(1, 1_600_000_000_000_000_000 + content.dice.randrange(10**17)))


def make_large(path, size, seed):
    """Makes one dense file."""
    content = Content(seed)
    with open(path, "wb", buffering=0) as file:
        for number in range(size // CHUNK):
            file.write(content.take(CHUNK, number % 2 == 0))
        os.fsync(file.fileno())


def make_sparse(path, size, data, seed):
    """Makes a file of mostly holes, with its data in stretches of 1 MiB all over it; returns where they are."""
    content = Content(seed)
    places = sorted(content.dice.sample(range(size // CHUNK), data // CHUNK))
    with open(path, "r+b" if os.path.exists(path) else "wb", buffering=0) as file:
        if not stat.S_ISBLK(os.fstat(file.fileno()).st_mode):
            file.truncate(size)
        for number, place in enumerate(places):
            file.seek(place * CHUNK)
            file.write(content.take(CHUNK, number % 2 == 0))
        os.fsync(file.fileno())
    return places


def change(path, share, stretch, seed):
    """Overwrites a share of a file in place, in stretches of one length at multiples of it; returns how many bytes."""
    dice = random.Random(seed)
    places = os.path.getsize(path) // stretch
    chosen = dice.sample(range(places), max(1, int(places * share)))
    with open(path, "r+b", buffering=0) as file:
        for place in chosen:
            file.seek(place * stretch)
            file.write(dice.randbytes(stretch))
        os.fsync(file.fileno())
    return len(chosen) * stretch


def digest(path):
    """Digests a file or device by its data, with where it lies and how long it is; holes are like zeros."""
    total = hashlib.sha256()
    file = os.open(path, os.O_RDONLY)
    try:
        size = os.lseek(file, 0, os.SEEK_END)
        at = 0
        while at < size:
            try:
                at = os.lseek(file, at, os.SEEK_DATA)
            except OSError:
                break
            at -= at % CHUNK
            piece = os.pread(file, CHUNK, at)
            if piece.count(0) != len(piece):
                total.update(at.to_bytes(8, "little") + piece)
            at += CHUNK
        total.update(size.to_bytes(8, "little"))
    finally:
        os.close(file)
    return total.hexdigest()


def survey(root):
    """Looks at a whole tree: path to what is there."""
    seen, carriers = {}, {}
    paths = [root]
    for folder, folders, files in os.walk(root):
        paths += [os.path.join(folder, name) for name in folders + files]
    for path in sorted(paths):
        at = os.lstat(path)
        name = os.path.relpath(path, root)
        entry = {"mode": at.st_mode, "owner": (at.st_uid, at.st_gid), "mtime": at.st_mtime_ns}
        if stat.S_ISREG(at.st_mode):
            entry["allocated"] = at.st_blocks * 512
            entry["carrier"] = carriers.setdefault(at.st_ino, name)
            is_first = entry["carrier"] == name
            entry["content"] = digest(path) if is_first else seen[entry["carrier"]]["content"]
        if stat.S_ISLNK(at.st_mode):
            entry["link"] = os.readlink(path)
        entry["xattrs"] = {key: os.getxattr(path, key, follow_symlinks=False) for key in sorted(os.listxattr(path, follow_symlinks=False))}
        seen[name] = entry
    return seen


def difference(source, target, keeps):
    """Returns the first thing that a tool which keeps this much did not keep; none if all is well."""
    if source.keys() != target.keys():
        return f"names: {sorted(source.keys() ^ target.keys())[:3]}"
    for name, one in source.items():
        if name == "." and ROOT not in keeps:
            continue
        other = target[name]
        for key in one:
            if key == "allocated":
                room = max(128 << 10, one[key] // 50)
                if HOLES in keeps and other[key] > one[key] + room:
                    return f"`{name}`: holes were filled: {one[key]} became {other[key]} bytes"
            elif key == "carrier" and LINKS not in keeps or key == "xattrs" and XATTRS not in keeps:
                continue
            elif one[key] != other.get(key):
                return f"`{name}`: {key}"
    return None
