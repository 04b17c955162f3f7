package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tikv/client-go/v2/rawkv"
)

const filled = "filled/"

func fill(opts options, client *rawkv.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), opts.patience)
	defer cancel()
	m := makeModel(filled, opts.keys)
	if err := client.BatchPut(ctx, m.keys(), m.values()); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	fmt.Printf("ok      fill (%d keys)\n", len(m))
	return nil
}

func verify(opts options, client *rawkv.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), opts.patience)
	defer cancel()
	m := makeModel(filled, opts.keys)
	var keys, values [][]byte
	for from := []byte(filled); ; {
		page, pageValues, err := client.Scan(ctx, from, prefixEnd(filled), 1000)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		keys, values = append(keys, page...), append(values, pageValues...)
		if len(page) < 1000 {
			break
		}
		from = append(append([]byte{}, page[len(page)-1]...), 0)
	}
	if err := m.compare(keys, values); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	fmt.Printf("ok      verify (%d keys)\n", len(m))
	return nil
}

// What one worker of endure knows of its own keys: a write that failed may or may not have happened.
type register struct {
	key       []byte
	confirmed []byte
	uncertain [][]byte
}

func (r *register) allows(value []byte) bool {
	if bytes.Equal(value, r.confirmed) && (value == nil) == (r.confirmed == nil) {
		return true
	}
	for _, candidate := range r.uncertain {
		if bytes.Equal(value, candidate) {
			return true
		}
	}
	return false
}

type tally struct {
	writes, reads, failures int
	longest                 time.Duration
	wrong                   error
}

// Each worker writes and reads its own keys. Every read must show the last write that was confirmed,
// or a later one whose fate is unknown.
func endure(opts options, client *rawkv.Client) error {
	tallies := make([]tally, opts.workers)
	until := time.Now().Add(opts.duration)
	var group sync.WaitGroup
	for w := range tallies {
		group.Add(1)
		go func() {
			defer group.Done()
			work(client, w, until, &tallies[w])
		}()
	}
	group.Wait()
	var sum tally
	for _, t := range tallies {
		sum.writes += t.writes
		sum.reads += t.reads
		sum.failures += t.failures
		sum.longest = max(sum.longest, t.longest)
		if t.wrong != nil {
			return t.wrong
		}
	}
	fmt.Printf("ok      endure (%d writes, %d reads, %d failed, longest call %d ms)\n", sum.writes, sum.reads,
		sum.failures, sum.longest.Milliseconds())
	if sum.writes == 0 || sum.reads == 0 {
		return fmt.Errorf("endure: nothing was done")
	}
	if sum.failures > 0 {
		return fmt.Errorf("endure: %d calls failed: the client's own retries did not hide the loss of a store", sum.failures)
	}
	return nil
}

func work(client *rawkv.Client, worker int, until time.Time, t *tally) {
	registers := make([]register, 20)
	for i := range registers {
		registers[i].key = []byte(fmt.Sprintf("endure/%02d/%02d", worker, i))
	}
	for round := 0; time.Now().Before(until) && t.wrong == nil; round++ {
		r := &registers[round%len(registers)]
		value := []byte(fmt.Sprintf("%d/%d/%d", worker, round, time.Now().UnixNano()))
		err := timed(t, func(ctx context.Context) error { return client.Put(ctx, r.key, value) })
		t.writes++
		if err != nil {
			r.uncertain = append(r.uncertain, value)
		} else {
			r.confirmed, r.uncertain = value, nil
		}
		var got []byte
		err = timed(t, func(ctx context.Context) (err error) {
			got, err = client.Get(ctx, r.key)
			return err
		})
		t.reads++
		if err == nil && !r.allows(got) {
			t.wrong = fmt.Errorf("endure: key %q is %q, but %q was confirmed", r.key, got, r.confirmed)
		}
	}
}

func timed(t *tally, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	started := time.Now()
	err := call(ctx)
	t.longest = max(t.longest, time.Since(started))
	if err != nil {
		t.failures++
		fmt.Printf("        a call failed after %d ms: %v\n", time.Since(started).Milliseconds(), err)
	}
	return err
}
