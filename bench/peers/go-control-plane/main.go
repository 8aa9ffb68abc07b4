// Command go-control-plane serves the bench's resources over delta ADS from one of go-control-plane's caches, so that
// bench/xds can measure it beside XdsServer. It speaks the bench's line protocol: `ready PORT` when it listens, then
// `change K` on standard input, answered with `changed K` once the cache has it. It ends with its standard input.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func main() {
	kind := flag.String("cache", "linear", "linear (MuxCache of LinearCaches) or snapshot (SnapshotCache, one snapshot for all nodes)")
	shape := flag.String("shape", "10x8", "clusters x endpoints")
	cert := flag.String("cert", "", "server certificate (PEM); with -key and -ca: mutual TLS")
	key := flag.String("key", "", "key of the certificate (PEM)")
	ca := flag.String("ca", "", "CA of client certificates (PEM)")
	flag.Parse()
	if err := serve(*kind, *shape, *cert, *key, *ca); err != nil {
		fmt.Fprintln(os.Stderr, "go-control-plane peer:", err)
		os.Exit(1)
	}
}

func serve(kind, shape, cert, key, ca string) error {
	world, err := newWorld(shape)
	if err != nil {
		return err
	}
	source, err := newBackend(kind, world)
	if err != nil {
		return err
	}
	options := []grpc.ServerOption{}
	if cert != "" {
		mutual, err := mutualTLS(cert, key, ca)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(mutual))
	}
	grpcServer := grpc.NewServer(options...)
	xds := server.NewServer(context.Background(), source.cache(), nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- grpcServer.Serve(listener) }()
	go func() { failed <- obey(source) }()
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	return <-failed
}

// obey carries out commands until standard input ends.
func obey(source backend) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		number, found := strings.CutPrefix(lines.Text(), "change ")
		k, err := strconv.ParseUint(number, 10, 20)
		if !found || err != nil {
			return fmt.Errorf("unknown command %q", lines.Text())
		}
		if err := source.change(uint32(k)); err != nil {
			return err
		}
		fmt.Println("changed", k)
	}
	return lines.Err()
}

func mutualTLS(cert, key, ca string) (credentials.TransportCredentials, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + ca)
	}
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
		MinVersion:   tls.VersionTLS13,
	}), nil
}
