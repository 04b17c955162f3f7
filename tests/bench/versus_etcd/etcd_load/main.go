// A load generator for etcd on its own Go client: one process, a fixed number of operations in flight.
//
//	etcd_load --endpoints A,B,C --workload wait|fill|write|read|mixed [--clients N] [--value-size B]
//	          [--keys N] [--seconds S] [--connections N]
//
// write and read choose keys uniformly; mixed does half of each; reads are linearizable. Prints one
// line of JSON: operations, errors, seconds, and percentiles of latency in microseconds.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

type result struct {
	Operations int64   `json:"operations"`
	Errors     int64   `json:"errors"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	P999       float64 `json:"p999_us"`
}

type load struct {
	clients   []*clientv3.Client
	workload  string
	keys      int
	value     string
	errors    atomic.Int64
	nextFill  atomic.Int64
	latencies [][]time.Duration
}

func main() {
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "addresses of members, separated by commas")
	workload := flag.String("workload", "write", "wait, fill, write, read or mixed")
	inFlight := flag.Int("clients", 1, "operations in flight")
	valueSize := flag.Int("value-size", 128, "bytes of a value")
	keys := flag.Int("keys", 100000, "number of keys")
	seconds := flag.Int("seconds", 5, "how long write, read and mixed go on")
	connections := flag.Int("connections", 0, "connections; 0: one for 16 operations in flight")
	flag.Parse()
	if *connections == 0 {
		*connections = (*inFlight + 15) / 16
	}
	l := &load{workload: *workload, keys: *keys, value: strings.Repeat("v", *valueSize)}
	if err := l.connect(strings.Split(*endpoints, ","), *connections); err != nil {
		fmt.Fprintf(os.Stderr, "etcd_load: %v\n", err)
		os.Exit(1)
	}
	if *workload == "wait" {
		if err := l.wait(60 * time.Second); err != nil {
			fmt.Fprintf(os.Stderr, "etcd_load: %v\n", err)
			os.Exit(1)
		}
		return
	}
	r := l.run(*inFlight, time.Duration(*seconds)*time.Second)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil || r.Operations == 0 {
		os.Exit(1)
	}
}

func (l *load) connect(endpoints []string, connections int) error {
	for i := 0; i < connections; i++ {
		// One endpoint a connection, in turns, so that all members serve.
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{endpoints[i%len(endpoints)]},
			DialTimeout: 10 * time.Second,
			Logger:      zap.NewNop(),
		})
		if err != nil {
			return err
		}
		l.clients = append(l.clients, client)
	}
	return nil
}

// Until a write succeeds.
func (l *load) wait(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := l.clients[0].Put(ctx, "ready", "yes")
		cancel()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (l *load) run(inFlight int, duration time.Duration) result {
	l.latencies = make([][]time.Duration, inFlight)
	started := time.Now()
	until := started.Add(duration)
	var group sync.WaitGroup
	for worker := 0; worker < inFlight; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			l.work(worker, until)
		}()
	}
	group.Wait()
	return l.summarize(time.Since(started))
}

func (l *load) work(worker int, until time.Time) {
	client := l.clients[worker%len(l.clients)]
	random := rand.New(rand.NewSource(int64(worker) + 1))
	for {
		key, isWrite := fmt.Sprintf("key-%012d", random.Intn(l.keys)), l.workload == "write"
		if l.workload == "fill" {
			next := l.nextFill.Add(1) - 1
			if next >= int64(l.keys) {
				return
			}
			key, isWrite = fmt.Sprintf("key-%012d", next), true
		} else if time.Now().After(until) {
			return
		}
		if l.workload == "mixed" {
			isWrite = random.Intn(2) == 0
		}
		l.one(client, worker, key, isWrite)
	}
}

func (l *load) one(client *clientv3.Client, worker int, key string, isWrite bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	started := time.Now()
	var err error
	if isWrite {
		_, err = client.Put(ctx, key, l.value)
	} else {
		var response *clientv3.GetResponse
		response, err = client.Get(ctx, key)
		if err == nil && len(response.Kvs) != 1 {
			err = fmt.Errorf("%s is missing", key)
		}
	}
	if err != nil {
		l.errors.Add(1)
		return
	}
	l.latencies[worker] = append(l.latencies[worker], time.Since(started))
}

func (l *load) summarize(took time.Duration) result {
	var all []time.Duration
	for _, some := range l.latencies {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	percentile := func(p float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[min(int(p*float64(len(all))), len(all)-1)].Nanoseconds()) / 1e3
	}
	return result{Operations: int64(len(all)), Errors: l.errors.Load(), Seconds: took.Seconds(),
		P50: percentile(0.5), P99: percentile(0.99), P999: percentile(0.999)}
}
