// A real client that the project did not write, against a running Flotilla cluster: the raw key-value
// API of github.com/tikv/client-go/v2, with batch streams (its default).
//
//	clientgo --pd ADDRESSES --api-version 1|2 checks      every call, against a model in memory
//	clientgo --pd ADDRESSES --api-version 1|2 fill        writes --keys keys
//	clientgo --pd ADDRESSES --api-version 1|2 verify      reads them back, all of them
//	clientgo --pd ADDRESSES --api-version 1|2 endure      writes and reads for --duration, while the
//	                                                      caller kills a store; then verifies
//
// Prints a line a check and ends with 1 when one failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pingcap/kvproto/pkg/kvrpcpb"
	"github.com/pingcap/log"
	"github.com/tikv/client-go/v2/rawkv"
	"go.uber.org/zap"
)

type options struct {
	pd         []string
	version    int
	apiVersion kvrpcpb.APIVersion
	keys       int
	duration   time.Duration
	workers    int
	patience   time.Duration
}

func main() {
	pd := flag.String("pd", "127.0.0.1:2379", "addresses of PD members, separated by commas")
	version := flag.Int("api-version", 2, "API version of the cluster: 1 or 2")
	keys := flag.Int("keys", 5001, "number of keys of the larger checks")
	duration := flag.Duration("duration", 20*time.Second, "how long endure goes on")
	workers := flag.Int("workers", 16, "goroutines of endure")
	patience := flag.Duration("patience", 60*time.Second, "longest time that one check may take")
	flag.Parse()

	opts := options{pd: strings.Split(*pd, ","), version: *version, apiVersion: kvrpcpb.APIVersion_V1,
		keys: *keys, duration: *duration, workers: *workers, patience: *patience}
	if *version == 2 {
		opts.apiVersion = kvrpcpb.APIVersion_V2
	} else if *version != 1 {
		fmt.Fprintf(os.Stderr, "clientgo: --api-version %d: use 1 or 2\n", *version)
		os.Exit(2)
	}
	log.SetLevel(zap.WarnLevel)
	if err := run(opts, flag.Arg(0)); err != nil {
		fmt.Fprintf(os.Stderr, "clientgo: %v\n", err)
		os.Exit(1)
	}
}

func run(opts options, command string) error {
	client, err := connect(opts)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", strings.Join(opts.pd, ","), err)
	}
	defer client.Close()
	switch command {
	case "checks":
		return runChecks(opts, client)
	case "fill":
		return fill(opts, client)
	case "verify":
		return verify(opts, client)
	case "endure":
		return endure(opts, client)
	}
	return fmt.Errorf("command %q: use checks, fill, verify or endure", command)
}

func connect(opts options) (*rawkv.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), opts.patience)
	defer cancel()
	return rawkv.NewClientWithOpts(ctx, opts.pd, rawkv.WithAPIVersion(opts.apiVersion))
}
