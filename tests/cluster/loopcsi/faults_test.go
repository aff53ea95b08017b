package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stage makes n calls under the given rules and gives the code of each, and how
// often the call itself was done.
func stage(t *testing.T, n int, rules ...rule) (outcomes []codes.Code, done int) {
	t.Helper()
	*state = t.TempDir()
	data, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*state, "faults.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range n {
		_, err := withFaults(context.Background(), "NodeStageVolume", &csi.NodeStageVolumeRequest{VolumeId: "pvc-1"},
			func(context.Context, any) (any, error) { done++; return nil, nil })
		outcomes = append(outcomes, status.Code(err))
	}
	return outcomes, done
}

func check(t *testing.T, got []codes.Code, wanted ...codes.Code) {
	t.Helper()
	for i := range wanted {
		if got[i] != wanted[i] {
			t.Fatalf("outcomes %v, wanted %v", got, wanted)
		}
	}
}

func TestARuleActsFromTheNthCallForCountCalls(t *testing.T) {
	got, done := stage(t, 4, rule{Call: "NodeStageVolume", Action: "fail", Code: "ResourceExhausted", Nth: 2, Count: 2})
	check(t, got, codes.OK, codes.ResourceExhausted, codes.ResourceExhausted, codes.OK)
	if done != 2 {
		t.Fatalf("done %d times", done)
	}
}

func TestACountOfZeroIsForEver(t *testing.T) {
	got, _ := stage(t, 3, rule{Call: "NodeStageVolume", Action: "fail"})
	check(t, got, codes.Internal, codes.Internal, codes.Internal)
}

func TestALostReplyComesAfterTheDeed(t *testing.T) {
	got, done := stage(t, 1, rule{Call: "NodeStageVolume", Action: "lose-reply", Code: "Unavailable", Count: 1})
	check(t, got, codes.Unavailable)
	if done != 1 {
		t.Fatalf("done %d times", done)
	}
}

func TestARuleForAnotherVolumeOrCallIsNotCounted(t *testing.T) {
	got, _ := stage(t, 2,
		rule{Call: "NodeStageVolume", Volume: "pvc-2", Action: "fail"},
		rule{Call: "NodePublishVolume", Action: "fail"},
		rule{Call: "NodeStageVolume", Node: "elsewhere", Action: "fail"})
	check(t, got, codes.OK, codes.OK)
}

func TestTwoRulesCountTheSameCallsEachForItself(t *testing.T) {
	got, _ := stage(t, 3,
		rule{Call: "NodeStageVolume", Action: "fail", Code: "Aborted", Nth: 1, Count: 1},
		rule{Call: "NodeStageVolume", Action: "fail", Code: "DataLoss", Nth: 2, Count: 1})
	check(t, got, codes.Aborted, codes.DataLoss, codes.OK)
}

func TestAnUnknownActionIsAnErrorAndNotASilentPass(t *testing.T) {
	got, done := stage(t, 1, rule{Call: "NodeStageVolume", Action: "explode"})
	check(t, got, codes.Internal)
	if done != 0 {
		t.Fatal("done in spite of it")
	}
}
