package main

import (
	"context"
	"fmt"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// backend is one way to keep the world in go-control-plane.
type backend interface {
	cache() cache.Cache
	// change publishes change number k; it returns when all open watches were answered.
	change(k uint32) error
}

func newBackend(kind string, w *world) (backend, error) {
	switch kind {
	case "linear":
		return newLinear(w), nil
	case "snapshot":
		return newSnapshot(w)
	}
	return nil, fmt.Errorf("-cache is linear or snapshot, not %q", kind)
}

// linear is the library's fastest arrangement: LinearCache keeps the marshalled bytes of a resource, so that a change is
// marshalled once and not once per stream.
type linear struct {
	world *world
	mux   *cache.MuxCache
	eds   *cache.LinearCache
}

func newLinear(w *world) *linear {
	caches := map[string]cache.Cache{}
	eds := (*cache.LinearCache)(nil)
	for typeURL, resources := range w.resources() {
		byName := make(map[string]types.Resource, len(resources))
		for _, one := range resources {
			byName[cache.GetResourceName(one)] = one
		}
		kept := cache.NewLinearCache(typeURL, cache.WithInitialResources(byName))
		if typeURL == resource.EndpointType {
			eds = kept
		}
		caches[typeURL] = kept
	}
	return &linear{world: w, eds: eds, mux: &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        caches,
	}}
}

func (l *linear) cache() cache.Cache { return l.mux }

func (l *linear) change(k uint32) error {
	changed := l.world.change(k)
	return l.eds.UpdateResource(changed.GetClusterName(), changed)
}

// snapshot is the usual arrangement: one consistent snapshot, here for all nodes, which is the cache's best case.
type snapshot struct {
	world *world
	kept  cache.SnapshotCache
}

// oneGroup puts every node into the same group.
type oneGroup struct{}

const group = "lab"

func (oneGroup) ID(*core.Node) string { return group }

func newSnapshot(w *world) (*snapshot, error) {
	s := &snapshot{world: w, kept: cache.NewSnapshotCache(false, oneGroup{}, nil)}
	return s, s.publish("0")
}

func (s *snapshot) cache() cache.Cache { return s.kept }

func (s *snapshot) change(k uint32) error {
	s.world.change(k)
	return s.publish(fmt.Sprint(k))
}

func (s *snapshot) publish(version string) error {
	made, err := cache.NewSnapshot(version, s.world.resources())
	if err != nil {
		return err
	}
	if err := made.Consistent(); err != nil {
		return err
	}
	return s.kept.SetSnapshot(context.Background(), group, made)
}
