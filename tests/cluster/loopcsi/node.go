package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

func (d *driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	r := &csi.NodeGetInfoResponse{NodeId: *node}
	if pinned() {
		r.AccessibleTopology = &csi.Topology{Segments: map[string]string{topologyKey(): *node}}
	}
	return r, nil
}

func (d *driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	r := &csi.NodeGetCapabilitiesResponse{}
	for _, t := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		r.Capabilities = append(r.Capabilities, &csi.NodeServiceCapability{Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: t}}})
	}
	return r, nil
}

func (d *driver) NodeStageVolume(_ context.Context, q *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	if v.Node != "" && v.Node != *node {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is on node %s", v.ID, v.Node)
	}
	if !pinned() && !slices.Contains(v.Attached, *node) {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not attached to %s", v.ID, *node)
	}
	dev, err := attachLoop(v.ID)
	if err != nil {
		return nil, failed(err)
	}
	m := q.GetVolumeCapability().GetMount()
	// Recorded before the mount: a stage that is cut short is undone by unstage.
	v.Staged[*node] = staging{Path: q.StagingTargetPath, Pid: os.Getpid(), Block: m == nil}
	if err := v.save(); err != nil {
		return nil, err
	}
	if m != nil {
		if err := v.mount(dev, q.StagingTargetPath, m); err != nil {
			return nil, failed(err)
		}
	}
	return &csi.NodeStageVolumeResponse{}, v.save()
}

func (v *volume) mount(dev, path string, m *csi.VolumeCapability_MountVolume) error {
	if mounted, err := isMounted(path); mounted || err != nil {
		return err
	}
	if err := v.prepare(dev); err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	options := append([]string{"defaults"}, m.MountFlags...)
	if v.FS == "xfs" {
		options = append(options, "nouuid") // a clone has the uuid of its source
	}
	if _, err := run("mount", "-t", v.FS, "-o", strings.Join(options, ","), dev, path); err != nil {
		return err
	}
	if v.FS == "xfs" && v.FSBytes < v.Bytes { // xfs grows only while mounted
		if _, err := run("xfs_growfs", path); err != nil {
			return err
		}
		v.FSBytes = v.Bytes
	}
	return nil
}

// prepare makes the filesystem of a new volume, and grows an ext4 that is too small
// while it is not mounted: growing a mounted one needs CAP_SYS_RESOURCE.
func (v *volume) prepare(dev string) error {
	// The file may have grown since the device was made.
	if _, err := run("losetup", "-c", dev); err != nil {
		return err
	}
	switch {
	case v.FSBytes == 0 && v.FS == "xfs":
		if _, err := run("mkfs.xfs", "-q", "-f", "-K", dev); err != nil {
			return err
		}
	case v.FSBytes == 0:
		// Nothing is reserved for root, so that a full volume is full for everybody.
		if _, err := run("mkfs.ext4", "-q", "-F", "-m0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", dev); err != nil {
			return err
		}
	case v.FSBytes < v.Bytes && v.FS == "ext4" && len(v.Staged) <= 1:
		if _, err := run("e2fsck", "-fp", dev); err != nil && !strings.Contains(err.Error(), "exit status 1:") {
			return err // status 1: something was put right, such as the journal of a copy
		}
		if _, err := run("resize2fs", dev); err != nil {
			return err
		}
	default:
		return nil
	}
	if v.FS == "ext4" || v.FSBytes == 0 {
		v.FSBytes = v.Bytes
	}
	// Saved at once: a filesystem made twice would be an emptied volume.
	return v.save()
}

func (d *driver) NodeUnstageVolume(_ context.Context, q *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := unmount(q.StagingTargetPath); err != nil {
		return nil, failed(err)
	}
	v, err := load(q.VolumeId)
	if status.Code(err) == codes.NotFound {
		return &csi.NodeUnstageVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	delete(v.Staged, *node)
	if len(v.Staged) == 0 {
		if err := detachLoop(v.ID); err != nil {
			return nil, failed(err)
		}
	}
	return &csi.NodeUnstageVolumeResponse{}, v.save()
}

func (d *driver) NodePublishVolume(ctx context.Context, q *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	key := *node + " " + q.TargetPath
	if refusesSecondMount(ctx) {
		for other := range v.Published {
			if other != key && strings.HasPrefix(other, *node+" ") {
				return nil, status.Errorf(codes.FailedPrecondition, "verifyMount: device already mounted at %s", strings.TrimPrefix(other, *node+" "))
			}
		}
	}
	if mounted, err := isMounted(q.TargetPath); mounted || err != nil {
		return &csi.NodePublishVolumeResponse{}, failed(err)
	}
	if q.VolumeCapability.GetBlock() != nil {
		err = v.publishBlock(key, q)
	} else {
		err = v.publishMount(key, q)
	}
	if err != nil {
		return nil, failed(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func (v *volume) publishMount(key string, q *csi.NodePublishVolumeRequest) error {
	if mounted, err := isMounted(q.StagingTargetPath); err != nil {
		return err
	} else if !mounted {
		return status.Errorf(codes.FailedPrecondition, "volume %s is not staged", v.ID)
	}
	if err := os.MkdirAll(q.TargetPath, 0o750); err != nil {
		return err
	}
	v.Published[key] = ""
	if err := v.save(); err != nil {
		return err
	}
	return bind(q.StagingTargetPath, q.TargetPath, q.Readonly)
}

// publishBlock gives the device itself. A read-only mount of a device node would not
// keep anybody from writing to the device: that takes a read-only device on top.
func (v *volume) publishBlock(key string, q *csi.NodePublishVolumeRequest) error {
	dev, err := loopOf(v.ID)
	if err != nil {
		return err
	}
	if dev == "" {
		return status.Errorf(codes.FailedPrecondition, "volume %s is not staged", v.ID)
	}
	if q.Readonly && v.Published[key] == "" {
		if dev, err = run("losetup", "-r", "-f", "--show", dev); err != nil {
			return err
		}
		v.Published[key] = dev
	} else if q.Readonly {
		dev = v.Published[key]
	} else {
		v.Published[key] = ""
	}
	if err := v.save(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(q.TargetPath), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(q.TargetPath, os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return bind(dev, q.TargetPath, false)
}

func bind(source, target string, readonly bool) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", source, target, err)
	}
	if readonly {
		if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			// A writable mount must not stay where a read-only one was asked for.
			return fmt.Errorf("make %s read-only: %w (unmounted: %v)", target, err, unix.Unmount(target, 0) == nil)
		}
	}
	return nil
}

func (d *driver) NodeUnpublishVolume(_ context.Context, q *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := unmount(q.TargetPath); err != nil {
		return nil, failed(err)
	}
	// Remove, never RemoveAll: were it still mounted, that would be the user's data.
	if err := os.Remove(q.TargetPath); err != nil && !os.IsNotExist(err) {
		return nil, failed(err)
	}
	v, err := load(q.VolumeId)
	if status.Code(err) == codes.NotFound {
		return &csi.NodeUnpublishVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	key := *node + " " + q.TargetPath
	if dev := v.Published[key]; dev != "" {
		if _, err := run("losetup", "-d", dev); err != nil {
			return nil, failed(err)
		}
	}
	delete(v.Published, key)
	return &csi.NodeUnpublishVolumeResponse{}, v.save()
}

func (d *driver) NodeExpandVolume(_ context.Context, q *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	dev, err := loopOf(v.ID)
	if err != nil {
		return nil, failed(err)
	}
	if dev == "" {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not staged", v.ID)
	}
	if _, err := run("losetup", "-c", dev); err != nil {
		return nil, failed(err)
	}
	if q.GetVolumeCapability().GetBlock() == nil && !v.Staged[*node].Block && v.FSBytes < v.Bytes {
		if v.FS == "xfs" {
			_, err = run("xfs_growfs", q.VolumePath)
		} else {
			_, err = run("resize2fs", dev)
		}
		if err != nil {
			// Grown when it is staged next, that is, when its pods have gone.
			return nil, status.Errorf(codes.FailedPrecondition, "cannot grow while mounted: %v", err)
		}
		v.FSBytes = v.Bytes
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: v.Bytes}, v.save()
}

func (d *driver) NodeGetVolumeStats(_ context.Context, q *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(q.VolumePath)
	if os.IsNotExist(err) {
		return nil, status.Errorf(codes.NotFound, "there is no %s", q.VolumePath)
	}
	if err != nil {
		return nil, failed(err)
	}
	if !info.IsDir() {
		return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: v.Bytes}}}, nil
	}
	var s unix.Statfs_t
	if err := unix.Statfs(q.VolumePath, &s); err != nil {
		return nil, failed(err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: int64(s.Blocks) * s.Bsize, Available: int64(s.Bavail) * s.Bsize, Used: int64(s.Blocks-s.Bfree) * s.Bsize},
		{Unit: csi.VolumeUsage_INODES, Total: int64(s.Files), Available: int64(s.Ffree), Used: int64(s.Files - s.Ffree)},
	}}, nil
}

func (d *driver) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: *name, Endpoint: *socket, SupportedVersions: []string{"1.0.0"}}, nil
}

func (d *driver) NotifyRegistrationStatus(_ context.Context, q *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	return &registration.RegistrationStatusResponse{}, nil
}

// isMounted also knows bind mounts of files, as block volumes are.
func isMounted(path string) (bool, error) {
	mounted, err := mountinfo.Mounted(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return mounted, err
}

func unmount(path string) error {
	for {
		if mounted, err := isMounted(path); !mounted || err != nil {
			return err
		}
		if err := unix.Unmount(path, 0); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}
