package main

import (
	"fmt"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// changeWeightBase is added to the number of a change: the client reads the number back from the weight. Numbers below
// 2^20 keep the weight three bytes long, so that all changes have one size.
const changeWeightBase = 1_000_000

// world is the content that both servers of the bench serve; bench/xds/world.ts makes the same. Messages are immutable:
// a change puts a new assignment in the place of the old one.
type world struct {
	clusters    []types.Resource
	assignments []types.Resource
	listeners   []types.Resource
	routes      []types.Resource
	first       *endpoint.ClusterLoadAssignment
}

func newWorld(shape string) (*world, error) {
	var clusters, endpoints int
	if _, err := fmt.Sscanf(shape, "%dx%d", &clusters, &endpoints); err != nil || clusters < 1 || endpoints < 1 {
		return nil, fmt.Errorf("-shape is CLUSTERSxENDPOINTS, not %q", shape)
	}
	w := &world{}
	for i := range clusters {
		name := fmt.Sprintf("c-%d", i)
		w.clusters = append(w.clusters, newCluster(name))
		w.assignments = append(w.assignments, newAssignment(name, i, endpoints))
	}
	w.first = w.assignments[0].(*endpoint.ClusterLoadAssignment)
	one, err := newListener()
	if err != nil {
		return nil, err
	}
	w.listeners = []types.Resource{one}
	w.routes = []types.Resource{newRoute()}
	return w, nil
}

func (w *world) resources() map[resource.Type][]types.Resource {
	return map[resource.Type][]types.Resource{
		resource.ClusterType:  w.clusters,
		resource.EndpointType: w.assignments,
		resource.ListenerType: w.listeners,
		resource.RouteType:    w.routes,
	}
}

// change gives the first endpoint of c-0 the weight of change k. All other endpoints are shared with the old assignment.
func (w *world) change(k uint32) *endpoint.ClusterLoadAssignment {
	before := w.first.GetEndpoints()[0].GetLbEndpoints()
	after := make([]*endpoint.LbEndpoint, len(before))
	copy(after, before)
	after[0] = proto.Clone(before[0]).(*endpoint.LbEndpoint)
	after[0].LoadBalancingWeight = wrapperspb.UInt32(changeWeightBase + k)
	w.first = assignmentOf(w.first.GetClusterName(), after)
	assignments := append([]types.Resource{}, w.assignments...)
	assignments[0] = w.first
	w.assignments = assignments
	return w.first
}

func newCluster(name string) *cluster.Cluster {
	return &cluster.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: fromADS()},
		ConnectTimeout:       durationpb.New(time.Second),
	}
}

func newAssignment(name string, index, endpoints int) *endpoint.ClusterLoadAssignment {
	list := make([]*endpoint.LbEndpoint, 0, endpoints)
	for i := range endpoints {
		list = append(list, &endpoint.LbEndpoint{
			HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
				Address: socket(fmt.Sprintf("10.%d.%d.%d", index, i/250, 1+i%250), 8000),
			}},
			HealthStatus:        core.HealthStatus_HEALTHY,
			LoadBalancingWeight: wrapperspb.UInt32(uint32(100 + i%28)),
		})
	}
	return assignmentOf(name, list)
}

func assignmentOf(name string, endpoints []*endpoint.LbEndpoint) *endpoint.ClusterLoadAssignment {
	return &endpoint.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints:   []*endpoint.LocalityLbEndpoints{{LbEndpoints: endpoints}},
		Policy:      &endpoint.ClusterLoadAssignment_Policy{WeightedPriorityHealth: true},
	}
}

func newListener() (*listener.Listener, error) {
	routing, err := anypb.New(&router.Router{})
	if err != nil {
		return nil, err
	}
	manager, err := anypb.New(&hcm.HttpConnectionManager{
		StatPrefix: "l",
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{
			ConfigSource: fromADS(), RouteConfigName: "r",
		}},
		HttpFilters: []*hcm.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: routing},
		}},
	})
	if err != nil {
		return nil, err
	}
	return &listener.Listener{
		Name:    "l",
		Address: socket("127.0.0.1", 15001),
		FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listener.Filter_TypedConfig{TypedConfig: manager},
		}}}},
	}, nil
}

func newRoute() *route.RouteConfiguration {
	return &route.RouteConfiguration{
		Name: "r",
		VirtualHosts: []*route.VirtualHost{{
			Name:    "all",
			Domains: []string{"*"},
			Routes: []*route.Route{{
				Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
				Action: &route.Route_Route{Route: &route.RouteAction{
					ClusterSpecifier: &route.RouteAction_Cluster{Cluster: "c-0"},
				}},
			}},
		}},
	}
}

func fromADS() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
}

func socket(address string, port uint32) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: address, PortSpecifier: &core.SocketAddress_PortValue{PortValue: port},
	}}}
}
