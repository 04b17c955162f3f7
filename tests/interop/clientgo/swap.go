package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tikv/client-go/v2/rawkv"
)

// A client of its own: atomic mode is a property of the whole client.
func connectForSwap(opts options) (*rawkv.Client, error) {
	client, err := connect(opts)
	if err != nil {
		return nil, err
	}
	return client.SetAtomicForCAS(true), nil
}

func checkCompareAndSwap(ctx context.Context, opts options, _ *rawkv.Client) error {
	client, err := connectForSwap(opts)
	if err != nil {
		return err
	}
	defer client.Close()
	var s steps
	key := []byte("swap/key")
	swap := func(what string, previous, next, wantOld []byte, wantSwapped bool) {
		old, swapped, err := client.CompareAndSwap(ctx, key, previous, next)
		s.value(what, old, err, wantOld)
		s.that(fmt.Sprintf("%s: swapped is %t", what, swapped), swapped == wantSwapped)
	}
	s.ok("delete", client.Delete(ctx, key))
	swap("of nothing, expecting something", []byte("a"), []byte("b"), nil, false)
	swap("of nothing", nil, []byte("a"), nil, true)
	swap("of something, expecting nothing", nil, []byte("b"), []byte("a"), false)
	swap("of the wrong value", []byte("x"), []byte("b"), []byte("a"), false)
	swap("of the right value", []byte("a"), []byte("b"), []byte("a"), true)
	got, err := client.Get(ctx, key)
	s.value("get", got, err, []byte("b"))
	s.ok("delete", client.Delete(ctx, key))
	return s.err
}

// Many goroutines count one number up; no increment may be lost or counted twice.
func checkContendedSwap(ctx context.Context, opts options, _ *rawkv.Client) error {
	const goroutines, each = 8, 25
	client, err := connectForSwap(opts)
	if err != nil {
		return err
	}
	defer client.Close()
	key := []byte("swap/counter")
	if err := client.Put(ctx, key, []byte("0")); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	errs := make(chan error, goroutines)
	var group sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < each; i++ {
				if err := increment(ctx, client, key); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	got, err := client.Get(ctx, key)
	if err != nil || string(got) != strconv.Itoa(goroutines*each) {
		return fmt.Errorf("counted to %q, error %v, instead of %d", got, err, goroutines*each)
	}
	return nil
}

func increment(ctx context.Context, client *rawkv.Client, key []byte) error {
	current, err := client.Get(ctx, key)
	for err == nil {
		number, parseErr := strconv.Atoi(string(current))
		if parseErr != nil {
			return parseErr
		}
		var swapped bool
		next := []byte(strconv.Itoa(number + 1))
		current, swapped, err = client.CompareAndSwap(ctx, key, current, next)
		if swapped {
			return err
		}
	}
	return err
}

func checkTTL(ctx context.Context, _ options, client *rawkv.Client) error {
	var s steps
	lasting, passing := []byte("ttl/lasting"), []byte("ttl/passing")
	s.ok("put", client.Put(ctx, lasting, []byte("v")))
	ttl, err := client.GetKeyTTL(ctx, lasting)
	s.ok("ttl of a key without one", err)
	s.that("a key without a ttl has ttl 0", ttl != nil && *ttl == 0)

	s.ok("put with ttl", client.PutWithTTL(ctx, lasting, []byte("v"), 1000))
	ttl, err = client.GetKeyTTL(ctx, lasting)
	s.ok("ttl", err)
	s.that("the ttl counts down from 1000 s", ttl != nil && *ttl <= 1000 && *ttl > 900)

	// In this order: when the second one has passed, so has the first.
	s.ok("batch put with ttl", client.BatchPutWithTTL(ctx, [][]byte{[]byte("ttl/batch")}, [][]byte{[]byte("v")}, []uint64{2}))
	s.ok("put with ttl", client.PutWithTTL(ctx, passing, []byte("v"), 2))
	started := time.Now()
	got, err := client.Get(ctx, passing)
	s.ok("get before the end", err)
	s.that("expired at once", got != nil || time.Since(started) > time.Second)
	for s.err == nil && got != nil && time.Since(started) < 10*time.Second {
		time.Sleep(50 * time.Millisecond)
		got, err = client.Get(ctx, passing)
		s.ok("get", err)
	}
	s.that("never expired", got == nil)
	ttl, err = client.GetKeyTTL(ctx, passing)
	s.ok("ttl after the end", err)
	s.that("a ttl after the end", ttl == nil)
	keys, _, err := client.Scan(ctx, []byte("ttl/"), prefixEnd("ttl/"), 10)
	s.ok("scan", err)
	s.that(fmt.Sprintf("a scan shows %q", keys), len(keys) == 1)
	s.ok("delete", client.Delete(ctx, lasting))
	return s.err
}
