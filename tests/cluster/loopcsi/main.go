// loopcsi is a CSI driver for tests: every volume is a sparse file with a real
// filesystem (or a raw block device) behind a loop device, so that quotas,
// ENOSPC, fsGroup, snapshots, clones and expansion behave as on real storage.
//
// One program, two manners: `shared` storage that every node can reach and that
// must be attached first, with snapshots and clones; and `pinned` storage that
// lives on one node, without any of them. It is no storage to keep data in: the
// volume files are gone with the cluster.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

var (
	name     = flag.String("name", "slow.loop.csi", "driver name")
	node     = flag.String("node", "", "node name; empty: controller only")
	state    = flag.String("state", "", "folder of volume files, shared by all nodes")
	socket   = flag.String("socket", "", "CSI socket")
	registry = flag.String("registry", "", "kubelet plugin registry folder")
	manner   = flag.String("manner", "shared", "shared: attached to any node, with snapshots and clones; pinned: on the node it was made for, without")
)

func pinned() bool        { return *manner == "pinned" }
func topologyKey() string { return "topology." + *name + "/node" }

type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedNodeServer
	registration.UnimplementedRegistrationServer
}

func main() {
	flag.Parse()
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if *manner != "shared" && *manner != "pinned" {
		log.Fatalf("-manner must be shared or pinned, not %q", *manner)
	}
	if err := os.MkdirAll(*state, 0o700); err != nil {
		log.Fatal(err)
	}
	d := &driver{}
	serve(*socket, func(s *grpc.Server) {
		csi.RegisterIdentityServer(s, d)
		if *node == "" {
			csi.RegisterControllerServer(s, d)
		} else {
			csi.RegisterNodeServer(s, d)
		}
	})
	if *registry != "" {
		serve(filepath.Join(*registry, *name+"-reg.sock"), func(s *grpc.Server) { registration.RegisterRegistrationServer(s, d) })
	}
	select {}
}

func serve(path string, register func(*grpc.Server)) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		log.Fatal(err)
	}
	os.Remove(path) // left by an earlier run; Listen says so if it cannot be replaced
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(intercept))
	register(server)
	go func() { log.Fatal(server.Serve(listener)) }()
}

// intercept logs every call that changes something, and lets the fault rules
// act before (or instead of, or after) it.
func intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	call := info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]
	reply, err := withFaults(ctx, call, request, handle)
	switch {
	case err != nil:
		log.Printf("%s %s: %v", call, subject(request), err)
	case !strings.Contains(call, "Get") && call != "Probe":
		log.Printf("%s %s: done", call, subject(request))
	}
	return reply, err
}

// subject tells which volume or snapshot a request is about.
func subject(request any) string {
	switch r := request.(type) {
	case interface{ GetVolumeId() string }:
		return r.GetVolumeId()
	case interface{ GetSourceVolumeId() string }:
		return r.GetSourceVolumeId()
	case interface{ GetSnapshotId() string }:
		return r.GetSnapshotId()
	case interface{ GetName() string }:
		return r.GetName()
	}
	return ""
}
