package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tikv/client-go/v2/rawkv"
)

type check struct {
	name string
	run  func(ctx context.Context, opts options, client *rawkv.Client) error
}

var allChecks = []check{
	{"put, get, delete", checkPoint},
	{"keys and values of every byte", checkBytes},
	{"empty value", checkEmptyValue},
	{"large value", checkLargeValue},
	{"batch put, get, delete", checkBatch},
	{"scan forward", checkScan},
	{"scan backward", checkReverseScan},
	{"scan keys only", checkScanKeyOnly},
	{"delete range", checkDeleteRange},
	{"compare and swap", checkCompareAndSwap},
	{"compare and swap, contended", checkContendedSwap},
	{"time to live", checkTTL},
	{"checksum", checkChecksum},
	{"key too large is refused", checkLimits},
}

func runChecks(opts options, client *rawkv.Client) error {
	var failed []string
	for _, c := range allChecks {
		ctx, cancel := context.WithTimeout(context.Background(), opts.patience)
		started := time.Now()
		err := c.run(ctx, opts, client)
		cancel()
		if err != nil {
			fmt.Printf("FAILED  %s: %v\n", c.name, err)
			failed = append(failed, c.name)
			continue
		}
		fmt.Printf("ok      %s (%d ms)\n", c.name, time.Since(started).Milliseconds())
	}
	fmt.Printf("%d passed, %d failed (API V%d)\n", len(allChecks)-len(failed), len(failed), opts.version)
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, "; "))
	}
	return nil
}

// Errors are collected in the order of the steps; the first one is told.
type steps struct {
	err error
}

func (s *steps) ok(what string, err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

func (s *steps) that(what string, holds bool) {
	if s.err == nil && !holds {
		s.err = errors.New(what)
	}
}

func (s *steps) value(what string, got []byte, err error, want []byte) {
	s.ok(what, err)
	s.that(fmt.Sprintf("%s: %q instead of %q", what, got, want),
		bytes.Equal(got, want) && (got == nil) == (want == nil))
}

func checkPoint(ctx context.Context, _ options, client *rawkv.Client) error {
	var s steps
	key := []byte("point/key")
	s.ok("delete", client.Delete(ctx, key))
	got, err := client.Get(ctx, key)
	s.value("get of nothing", got, err, nil)
	s.ok("put", client.Put(ctx, key, []byte("one")))
	got, err = client.Get(ctx, key)
	s.value("get", got, err, []byte("one"))
	s.ok("overwrite", client.Put(ctx, key, []byte("two")))
	got, err = client.Get(ctx, key)
	s.value("get after overwriting", got, err, []byte("two"))
	s.ok("delete", client.Delete(ctx, key))
	got, err = client.Get(ctx, key)
	s.value("get after deleting", got, err, nil)
	s.ok("delete of nothing", client.Delete(ctx, key))
	return s.err
}

func checkBytes(ctx context.Context, _ options, client *rawkv.Client) error {
	var s steps
	for i := 0; i < 256; i++ {
		key := append([]byte("bytes/"), byte(i), 0x00, byte(255-i))
		s.ok("put", client.Put(ctx, key, []byte{byte(i), 0x00, 0xff}))
		got, err := client.Get(ctx, key)
		s.value(fmt.Sprintf("get of byte %d", i), got, err, []byte{byte(i), 0x00, 0xff})
	}
	s.ok("delete range", client.DeleteRange(ctx, []byte("bytes/"), prefixEnd("bytes/")))
	return s.err
}

func checkEmptyValue(ctx context.Context, _ options, client *rawkv.Client) error {
	var s steps
	key := []byte("empty/key")
	s.ok("put", client.Put(ctx, key, []byte{}))
	got, err := client.Get(ctx, key)
	s.value("get", got, err, []byte{})
	s.ok("delete", client.Delete(ctx, key))
	got, err = client.Get(ctx, key)
	s.value("get after deleting", got, err, nil)
	return s.err
}

func checkLargeValue(ctx context.Context, _ options, client *rawkv.Client) error {
	var s steps
	key, value := []byte("large/key"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	s.ok("put of 1 MiB", client.Put(ctx, key, value))
	got, err := client.Get(ctx, key)
	s.ok("get", err)
	s.that("the value came back changed", bytes.Equal(got, value))
	s.ok("delete", client.Delete(ctx, key))
	return s.err
}

func checkBatch(ctx context.Context, opts options, client *rawkv.Client) error {
	var s steps
	m := makeModel("batch/", opts.keys)
	s.ok("batch put", client.BatchPut(ctx, m.keys(), m.values()))
	keys := append(m.keys(), []byte("batch/none"))
	values, err := client.BatchGet(ctx, keys)
	s.ok("batch get", err)
	s.that("a value for each key", len(values) == len(keys))
	if s.err == nil {
		s.ok("batch get", m.compare(m.keys(), values[:len(m)]))
		s.that("no value for a key that is not there", values[len(m)] == nil)
	}
	s.ok("batch delete", client.BatchDelete(ctx, keys))
	values, err = client.BatchGet(ctx, keys)
	s.ok("batch get after deleting", err)
	for i, value := range values {
		s.that(fmt.Sprintf("key %q is still there", keys[i]), value == nil)
	}
	return s.err
}

// Puts a model of the name and hands it to `use`; takes it away afterwards.
func withModel(ctx context.Context, client *rawkv.Client, prefix string, count int, use func(m model) error) error {
	var s steps
	s.ok("delete range before", client.DeleteRange(ctx, []byte(prefix), prefixEnd(prefix)))
	m := makeModel(prefix, count)
	s.ok("batch put", client.BatchPut(ctx, m.keys(), m.values()))
	if s.err == nil {
		s.err = use(m)
	}
	s.ok("delete range after", client.DeleteRange(ctx, []byte(prefix), prefixEnd(prefix)))
	return s.err
}

func checkScan(ctx context.Context, opts options, client *rawkv.Client) error {
	return withModel(ctx, client, "scan/", opts.keys, func(m model) error {
		var s steps
		keys, values, err := client.Scan(ctx, []byte("scan/"), prefixEnd("scan/"), 10000)
		s.ok("whole scan", err)
		s.ok("whole scan", m.compare(keys, values))
		for at := 0; at < len(m) && s.err == nil; at += 701 {
			last := min(at+701, len(m))
			keys, values, err = client.Scan(ctx, m[at].key, prefixEnd("scan/"), 701)
			s.ok("page", err)
			s.ok("page", m[at:last].compare(keys, values))
		}
		from, to := len(m)/3, len(m)/2
		keys, values, err = client.Scan(ctx, m[from].key, m[to].key, 10000)
		s.ok("scan to an end", err)
		s.ok("scan to an end", m[from:to].compare(keys, values))
		keys, _, err = client.Scan(ctx, m[from].key, m[from].key, 10)
		s.ok("empty range", err)
		s.that("an empty range has no key", len(keys) == 0)
		return s.err
	})
}

func checkReverseScan(ctx context.Context, opts options, client *rawkv.Client) error {
	return withModel(ctx, client, "back/", opts.keys, func(m model) error {
		var s steps
		keys, values, err := client.ReverseScan(ctx, prefixEnd("back/"), []byte("back/"), 10000)
		s.ok("whole scan", err)
		s.ok("whole scan", m.reversed().compare(keys, values))
		from, to := len(m)/4, len(m)/2
		keys, values, err = client.ReverseScan(ctx, m[to].key, m[from].key, 10000)
		s.ok("range", err)
		s.ok("range: start is excluded, end included", m[from:to].reversed().compare(keys, values))
		keys, values, err = client.ReverseScan(ctx, m[to].key, m[from].key, 17)
		s.ok("limit", err)
		s.ok("limit", m[to-17:to].reversed().compare(keys, values))
		return s.err
	})
}

func checkScanKeyOnly(ctx context.Context, opts options, client *rawkv.Client) error {
	return withModel(ctx, client, "only/", opts.keys, func(m model) error {
		var s steps
		keys, values, err := client.Scan(ctx, []byte("only/"), prefixEnd("only/"), 10000, rawkv.ScanKeyOnly())
		s.ok("scan", err)
		s.ok("scan", m.compare(keys, nil))
		for _, value := range values {
			s.that("a value came along", len(value) == 0)
		}
		return s.err
	})
}

func checkDeleteRange(ctx context.Context, opts options, client *rawkv.Client) error {
	return withModel(ctx, client, "range/", opts.keys, func(m model) error {
		var s steps
		from, to := len(m)/5, 4*len(m)/5
		s.ok("delete range", client.DeleteRange(ctx, m[from].key, m[to].key))
		rest := append(append(model{}, m[:from]...), m[to:]...)
		keys, values, err := client.Scan(ctx, []byte("range/"), prefixEnd("range/"), 10000)
		s.ok("scan", err)
		s.ok("what remains", rest.compare(keys, values))
		return s.err
	})
}

func checkChecksum(ctx context.Context, opts options, client *rawkv.Client) error {
	return withModel(ctx, client, "sum/", opts.keys, func(m model) error {
		var s steps
		sum, err := client.Checksum(ctx, []byte("sum/"), prefixEnd("sum/"))
		s.ok("checksum", err)
		want := m.checksum(opts.apiVersion)
		s.that(fmt.Sprintf("%+v instead of %+v", sum, want), sum == want)
		from, to := len(m)/3, len(m)/2
		sum, err = client.Checksum(ctx, m[from].key, m[to].key)
		s.ok("checksum of a range", err)
		want = m[from:to].checksum(opts.apiVersion)
		s.that(fmt.Sprintf("range: %+v instead of %+v", sum, want), sum == want)
		return s.err
	})
}

func checkLimits(ctx context.Context, _ options, client *rawkv.Client) error {
	err := client.Put(ctx, bytes.Repeat([]byte("k"), 9<<10), []byte("v"))
	if err == nil {
		return errors.New("a key of 9 KiB was taken")
	}
	return nil
}
