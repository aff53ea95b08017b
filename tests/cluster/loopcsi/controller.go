package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func (d *driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: *name, VendorVersion: "0.1.0"}, nil
}

func (d *driver) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

func (d *driver) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	types := []csi.PluginCapability_Service_Type{csi.PluginCapability_Service_CONTROLLER_SERVICE}
	if pinned() {
		types = append(types, csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS)
	}
	r := &csi.GetPluginCapabilitiesResponse{}
	for _, t := range types {
		r.Capabilities = append(r.Capabilities, &csi.PluginCapability{Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: t}}})
	}
	return r, nil
}

func (d *driver) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	types := []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	}
	if !pinned() {
		types = append(types,
			csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
			csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
			csi.ControllerServiceCapability_RPC_CLONE_VOLUME)
	}
	r := &csi.ControllerGetCapabilitiesResponse{}
	for _, t := range types {
		r.Capabilities = append(r.Capabilities, &csi.ControllerServiceCapability{Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: t}}})
	}
	return r, nil
}

// multiNode tells whether a mode lets several nodes use a volume at once.
func multiNode(mode csi.VolumeCapability_AccessMode_Mode) bool {
	switch mode {
	case csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		return true
	}
	return false
}

func (d *driver) CreateVolume(ctx context.Context, q *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	unlock, err := lock(q.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.Name)
	if status.Code(err) == codes.NotFound {
		v, err = create(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	reply := &csi.Volume{VolumeId: v.ID, CapacityBytes: v.Bytes, ContentSource: q.VolumeContentSource}
	if v.Node != "" {
		reply.AccessibleTopology = []*csi.Topology{{Segments: map[string]string{topologyKey(): v.Node}}}
	}
	return &csi.CreateVolumeResponse{Volume: reply}, nil
}

func create(ctx context.Context, q *csi.CreateVolumeRequest) (*volume, error) {
	v := &volume{ID: q.Name, Bytes: q.GetCapacityRange().GetRequiredBytes(), FS: "ext4"}
	if v.Bytes == 0 {
		v.Bytes = 1 << 30
	}
	for _, c := range q.VolumeCapabilities {
		if c.GetBlock() != nil {
			v.Block = true
		} else if fs := c.GetMount().GetFsType(); fs != "" {
			v.FS = fs
		}
		if pinned() && multiNode(c.GetAccessMode().GetMode()) {
			return nil, status.Errorf(codes.InvalidArgument, "%s: a volume is on one node, mode %s is not possible", *name, c.GetAccessMode().GetMode())
		}
	}
	if v.FS != "ext4" && v.FS != "xfs" {
		return nil, status.Errorf(codes.InvalidArgument, "filesystem %q is neither ext4 nor xfs", v.FS)
	}
	if pinned() {
		wanted := q.GetAccessibilityRequirements()
		for _, t := range slices.Concat(wanted.GetPreferred(), wanted.GetRequisite()) {
			if v.Node = t.Segments[topologyKey()]; v.Node != "" {
				break
			}
		}
		if v.Node == "" {
			return nil, status.Error(codes.ResourceExhausted, "no node to put the volume on")
		}
	}
	if limit := q.GetCapacityRange().GetLimitBytes(); limit > 0 && v.Bytes > limit {
		return nil, status.Errorf(codes.OutOfRange, "%d bytes is over the limit of %d", v.Bytes, limit)
	}
	if s := q.GetVolumeContentSource(); s != nil {
		if err := v.copyFrom(s); err != nil {
			return nil, err
		}
	}
	bytes := v.Bytes
	if fraction := q.Parameters["fraction"]; fraction != "" {
		part, err := strconv.ParseFloat(fraction, 64)
		if err != nil || part <= 0 || part > 1 {
			return nil, status.Errorf(codes.InvalidArgument, "parameter fraction is %q, not a number above 0 and up to 1", fraction)
		}
		bytes = int64(part * float64(v.Bytes))
	}
	if rule := wrongSize(ctx); rule != nil {
		bytes = rule.size(v.Bytes)
		if rule.Report {
			v.Bytes = bytes
		}
	}
	f, err := os.OpenFile(dataPath(v.ID), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, failed(err)
	}
	defer f.Close()
	if err := f.Truncate(bytes); err != nil {
		return nil, failed(err)
	}
	return v, v.save()
}

func (v *volume) copyFrom(s *csi.VolumeContentSource) error {
	if pinned() {
		return status.Errorf(codes.InvalidArgument, "%s has neither snapshots nor clones", *name)
	}
	id := s.GetSnapshot().GetSnapshotId()
	if id == "" {
		id = s.GetVolume().GetVolumeId()
	}
	unlock, err := lock(id)
	if err != nil {
		return err
	}
	defer unlock()
	source, err := load(id)
	if err != nil {
		return err
	}
	if v.Bytes < source.Bytes {
		return status.Errorf(codes.OutOfRange, "%d bytes are too few for a copy of %s with %d", v.Bytes, id, source.Bytes)
	}
	v.Source, v.FS, v.FSBytes = id, source.FS, source.FSBytes
	return failed(source.quiet(func() error { return copyData(id, v.ID) }))
}

func (d *driver) DeleteVolume(_ context.Context, q *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if status.Code(err) == codes.NotFound {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if len(v.Staged)+len(v.Published)+len(v.Attached) > 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is in use", v.ID)
	}
	return &csi.DeleteVolumeResponse{}, remove(v.ID)
}

func remove(id string) error {
	// The record last: while it is there, a repeated call finds the volume.
	for _, path := range []string{dataPath(id), dataPath(id) + ".json"} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return failed(err)
		}
	}
	return nil
}

func (d *driver) ControllerPublishVolume(_ context.Context, q *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(v.Attached, q.NodeId) {
		if len(v.Attached) > 0 && !multiNode(q.GetVolumeCapability().GetAccessMode().GetMode()) {
			return nil, status.Errorf(codes.FailedPrecondition, "volume %s is attached to %v", v.ID, v.Attached)
		}
		v.Attached = append(v.Attached, q.NodeId)
	}
	return &csi.ControllerPublishVolumeResponse{}, v.save()
}

func (d *driver) ControllerUnpublishVolume(_ context.Context, q *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if status.Code(err) == codes.NotFound {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	v.Attached = without(v.Attached, q.NodeId)
	return &csi.ControllerUnpublishVolumeResponse{}, v.save()
}

func (d *driver) ValidateVolumeCapabilities(_ context.Context, q *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if _, err := load(q.VolumeId); err != nil {
		return nil, err
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: q.VolumeCapabilities}}, nil
}

func (d *driver) CreateSnapshot(_ context.Context, q *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if pinned() {
		return nil, status.Error(codes.Unimplemented, "no snapshots")
	}
	unlock, err := lock(q.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := load(q.Name)
	if status.Code(err) == codes.NotFound {
		s, err = snapshot(q)
	}
	if err != nil {
		return nil, err
	}
	return &csi.CreateSnapshotResponse{Snapshot: &csi.Snapshot{SnapshotId: s.ID, SourceVolumeId: s.Source, SizeBytes: s.Bytes, ReadyToUse: true, CreationTime: timestamppb.New(time.Unix(s.CreatedUnix, 0))}}, nil
}

func snapshot(q *csi.CreateSnapshotRequest) (*volume, error) {
	unlock, err := lock(q.SourceVolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	source, err := load(q.SourceVolumeId)
	if err != nil {
		return nil, err
	}
	if err := source.quiet(func() error { return copyData(source.ID, q.Name) }); err != nil {
		return nil, failed(err)
	}
	s := &volume{ID: q.Name, Bytes: source.Bytes, Block: source.Block, FS: source.FS, FSBytes: source.FSBytes, Source: source.ID, CreatedUnix: time.Now().Unix()}
	return s, s.save()
}

func (d *driver) DeleteSnapshot(_ context.Context, q *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	unlock, err := lock(q.SnapshotId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return &csi.DeleteSnapshotResponse{}, remove(q.SnapshotId)
}

func (d *driver) ControllerExpandVolume(_ context.Context, q *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	unlock, err := lock(q.VolumeId)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := load(q.VolumeId)
	if err != nil {
		return nil, err
	}
	if bytes := q.GetCapacityRange().GetRequiredBytes(); bytes > v.Bytes {
		if err := os.Truncate(dataPath(v.ID), bytes); err != nil {
			return nil, failed(err)
		}
		v.Bytes = bytes
		if err := v.save(); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: v.Bytes, NodeExpansionRequired: true}, nil
}
