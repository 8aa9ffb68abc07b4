// Calls `xds:///chat` over and over and writes one line for each call: who answered, or `error: …`. Ends when its standard
// input does. The server of its resources is in GRPC_XDS_BOOTSTRAP_CONFIG, as gRPC wants it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
)

const (
	method  = "/test.Who/Am"
	pause   = 2 * time.Millisecond
	timeout = 5 * time.Second
)

// rawCodec sends and takes bytes as they are: the peer needs no message type.
type rawCodec struct{}

func (rawCodec) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }

func (rawCodec) Unmarshal(bytes []byte, value any) error {
	*value.(*[]byte) = append([]byte(nil), bytes...)
	return nil
}

func (rawCodec) Name() string { return "raw" }

func main() {
	connection, err := grpc.NewClient("xds:///chat", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	out := bufio.NewWriter(os.Stdout)
	for {
		select {
		case <-ended:
			return
		case <-time.After(pause):
			fmt.Fprintln(out, call(connection))
			_ = out.Flush()
		}
	}
}

func call(connection *grpc.ClientConn) string {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, answer := []byte{}, []byte{}
	if err := connection.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(rawCodec{})); err != nil {
		return "error: " + err.Error()
	}
	return string(answer)
}
