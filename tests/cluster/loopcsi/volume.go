package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// volume is what is known about a volume or a snapshot. It lies beside the file
// with the data and is shared by the controller and all node plugins, which are
// processes of their own: it is only read and written under the volume's lock.
type volume struct {
	ID    string
	Bytes int64
	Block bool
	FS    string
	// FSBytes is the size up to which the filesystem has been made or grown.
	FSBytes int64 `json:",omitempty"`
	// Source is the volume or snapshot this one was copied from.
	Source string `json:",omitempty"`
	// Node is where a pinned volume lives.
	Node string `json:",omitempty"`
	// Attached are the nodes that the volume was published to by the controller.
	Attached []string `json:",omitempty"`
	// Staged is the staging path on each node, and the process that mounted it.
	Staged map[string]staging `json:",omitempty"`
	// Published maps "node target-path" to the device made just for it, if any.
	Published map[string]string `json:",omitempty"`
	// CreatedUnix is when a snapshot was taken.
	CreatedUnix int64 `json:",omitempty"`
}

type staging struct {
	Path  string
	Pid   int
	Block bool
}

func dataPath(id string) string { return filepath.Join(*state, id) }

func load(id string) (*volume, error) {
	data, err := os.ReadFile(dataPath(id) + ".json")
	if os.IsNotExist(err) {
		return nil, status.Errorf(codes.NotFound, "there is no volume or snapshot %s", id)
	}
	if err != nil {
		return nil, failed(err)
	}
	v := &volume{}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, failed(fmt.Errorf("record of %s: %w", id, err))
	}
	if v.Staged == nil {
		v.Staged = map[string]staging{}
	}
	if v.Published == nil {
		v.Published = map[string]string{}
	}
	return v, nil
}

func (v *volume) save() error {
	data, err := json.Marshal(v)
	if err != nil {
		return failed(err)
	}
	return failed(replaceFile(dataPath(v.ID)+".json", data))
}

func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// lock keeps all processes of this driver away from one id until unlocked.
// The kernel releases it if the process dies.
func lock(id string) (unlock func(), err error) {
	if id == "" || strings.ContainsAny(id, "/") {
		return nil, status.Errorf(codes.InvalidArgument, "bad id %q", id)
	}
	folder := filepath.Join(*state, "locks")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, failed(err)
	}
	f, err := os.OpenFile(filepath.Join(folder, id), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, failed(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, failed(err)
	}
	return func() { f.Close() }, nil
}

// failed turns an error into one the caller retries; nil stays nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}

func run(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text)
	}
	return text, nil
}

// loopOf finds the loop device of a volume, or "".
func loopOf(id string) (string, error) {
	out, err := run("losetup", "-n", "-O", "NAME", "-j", dataPath(id))
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(out, "\n")
	return strings.TrimSpace(first), nil
}

// attachLoop gives the one loop device of a volume: two of them over one file
// would not see each other's writes.
func attachLoop(id string) (string, error) {
	if dev, err := loopOf(id); dev != "" || err != nil {
		return dev, err
	}
	return run("losetup", "-f", "--show", dataPath(id))
}

func detachLoop(id string) error {
	dev, err := loopOf(id)
	if dev == "" || err != nil {
		return err
	}
	_, err = run("losetup", "-d", dev)
	return err
}

// quiet stops writes to a staged volume while copy runs, so that the copy is of one
// moment. The controller has no mounts of its own: it goes through the process
// that has them. A raw block volume cannot be stopped, only flushed.
func (v *volume) quiet(copy func() error) error {
	for _, s := range v.Staged {
		if s.Block {
			continue
		}
		f, err := os.Open(filepath.Join("/proc", fmt.Sprint(s.Pid), "root", s.Path))
		if err != nil {
			return err
		}
		defer f.Close()
		const fiFreeze, fiThaw = 0xC0045877, 0xC0045878
		if err := unix.IoctlSetInt(int(f.Fd()), fiFreeze, 0); err != nil {
			return fmt.Errorf("freeze %s: %w", s.Path, err)
		}
		defer unix.IoctlSetInt(int(f.Fd()), fiThaw, 0)
		break // the same filesystem, if staged on several nodes
	}
	if dev, err := loopOf(v.ID); err == nil && dev != "" {
		if _, err := run("blockdev", "--flushbufs", dev); err != nil {
			return err
		}
	}
	return copy()
}

func copyData(source, target string) error {
	_, err := run("cp", "--sparse=auto", "--reflink=auto", dataPath(source), dataPath(target))
	return err
}

func without(list []string, gone string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == gone })
}
