package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// rule makes a call misbehave. The rules lie in <state>/faults.json, a list that is
// read again on each call, so that a test can change them at any time.
type rule struct {
	// ID tells two equal rules apart, so that a rule that is set again counts anew.
	ID string `json:"id"`
	// Call is the name of the CSI call, such as NodeStageVolume.
	Call string `json:"call"`
	// Volume and Node are parts of the volume's (or snapshot's) id and the node's
	// name; empty fits all.
	Volume string `json:"volume"`
	Node   string `json:"node"`
	// The rule acts on the matching calls Nth (1 unless told), Nth+1, ... for Count
	// calls; 0 means without end.
	Nth   int `json:"nth"`
	Count int `json:"count"`
	// Action: fail (instead of the call), lose-reply (do it, then fail), delay
	// (wait, then do it), hang (until the caller gives up or the rule is gone),
	// wrong-size (CreateVolume), refuse-second-mount (NodePublishVolume).
	Action string `json:"action"`
	// Code is the gRPC code of a failure, such as ResourceExhausted.
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Seconds float64 `json:"seconds"`
	// Bytes is the real size that wrong-size gives (half of what was asked for
	// unless told); Report says whether it also admits it.
	Bytes  int64 `json:"bytes"`
	Report bool  `json:"report"`
}

type ruleKey struct{}

func withFaults(ctx context.Context, call string, request any, handle grpc.UnaryHandler) (any, error) {
	r, err := nextFault(call, request)
	if err != nil {
		return nil, failed(err)
	}
	if r == nil {
		return handle(ctx, request)
	}
	log.Printf("fault: %s %s: %s", call, subject(request), r.Action)
	switch r.Action {
	case "fail":
		return nil, r.failure()
	case "lose-reply":
		if _, err := handle(ctx, request); err != nil {
			return nil, err
		}
		return nil, r.failure()
	case "delay":
		select {
		case <-time.After(time.Duration(r.Seconds * float64(time.Second))):
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	case "hang":
		for r.stillSet() {
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
				return nil, status.FromContextError(ctx.Err()).Err()
			}
		}
	case "wrong-size", "refuse-second-mount":
		ctx = context.WithValue(ctx, ruleKey{}, r)
	default:
		return nil, status.Errorf(codes.Internal, "faults.json: unknown action %q", r.Action)
	}
	return handle(ctx, request)
}

// nextFault counts the call for every rule that fits it, and gives the first that acts.
func nextFault(call string, request any) (*rule, error) {
	rules, err := readRules()
	if len(rules) == 0 || err != nil {
		return nil, err
	}
	// Controller and nodes are several processes; they count together.
	unlock, err := lock("faults")
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(*state, "faults.count.json")
	counts := map[string]int{}
	if data, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(data, &counts); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	var acting *rule
	for i := range rules {
		r := &rules[i]
		if !r.fits(call, request) {
			continue
		}
		counts[r.key()]++
		n, first := counts[r.key()], max(r.Nth, 1)
		if acting == nil && n >= first && (r.Count == 0 || n < first+r.Count) {
			acting = r
		}
	}
	data, err := json.Marshal(counts)
	if err != nil {
		return nil, err
	}
	return acting, replaceFile(path, data)
}

func readRules() ([]rule, error) {
	path := filepath.Join(*state, "faults.json")
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rules []rule
	if err := json.Unmarshal(data, &rules); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

func (r *rule) fits(call string, request any) bool {
	if r.Call != call || !strings.Contains(subject(request), r.Volume) {
		return false
	}
	if r.Node == "" {
		return true
	}
	if q, ok := request.(interface{ GetNodeId() string }); ok {
		return strings.Contains(q.GetNodeId(), r.Node)
	}
	return strings.Contains(*node, r.Node)
}

func (r *rule) key() string {
	if r.ID != "" {
		return r.ID
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%+v", *r)))[:16]
}

func (r *rule) stillSet() bool {
	rules, err := readRules()
	for i := range rules {
		if rules[i].key() == r.key() {
			return true
		}
	}
	return err != nil
}

func (r *rule) failure() error {
	code := codes.Internal
	if r.Code != "" {
		for c := codes.OK; c <= codes.Unauthenticated; c++ {
			if c.String() == r.Code {
				code = c
			}
		}
	}
	message := r.Message
	if message == "" {
		message = "made to fail by a fault rule"
	}
	return status.Error(code, message)
}

func (r *rule) size(requested int64) int64 {
	if r.Bytes > 0 {
		return r.Bytes
	}
	return requested / 2
}

func ruleOf(ctx context.Context, action string) *rule {
	if r, ok := ctx.Value(ruleKey{}).(*rule); ok && r.Action == action {
		return r
	}
	return nil
}

func wrongSize(ctx context.Context) *rule         { return ruleOf(ctx, "wrong-size") }
func refusesSecondMount(ctx context.Context) bool { return ruleOf(ctx, "refuse-second-mount") != nil }
