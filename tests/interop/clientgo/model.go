package main

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"sort"

	"github.com/pingcap/kvproto/pkg/kvrpcpb"
	"github.com/tikv/client-go/v2/rawkv"
)

// A pair of a key and its value.
type pair struct {
	key, value []byte
}

// What the cluster must hold under a prefix: sorted pairs.
type model []pair

// The model of `count` keys under `prefix`; lengths and bytes vary.
func makeModel(prefix string, count int) model {
	m := make(model, 0, count)
	for i := 0; i < count; i++ {
		key := []byte(fmt.Sprintf("%s%08d", prefix, i*7919%100000007))
		for extra := 0; extra < i%5; extra++ {
			key = append(key, []byte{0x00, 0xff, 'k', 0x80}[extra])
		}
		value := bytes.Repeat([]byte{byte(i), byte(i >> 8), 0x00}, 1+i%40)
		m = append(m, pair{key, value})
	}
	sort.Slice(m, func(i, j int) bool { return bytes.Compare(m[i].key, m[j].key) < 0 })
	return m
}

func (m model) keys() [][]byte {
	keys := make([][]byte, len(m))
	for i, p := range m {
		keys[i] = p.key
	}
	return keys
}

func (m model) values() [][]byte {
	values := make([][]byte, len(m))
	for i, p := range m {
		values[i] = p.value
	}
	return values
}

// The first key after every key under `prefix`.
func prefixEnd(prefix string) []byte {
	end := []byte(prefix)
	end[len(end)-1]++
	return end
}

// The checksum that the protocol defines: the XOR of CRC-64/XZ of each key and value as stored, which
// in API V2 is with the key's mode and keyspace (DEFAULT is 0).
func (m model) checksum(version kvrpcpb.APIVersion) rawkv.RawChecksum {
	var keyspace []byte
	if version == kvrpcpb.APIVersion_V2 {
		keyspace = []byte{'r', 0, 0, 0}
	}
	table := crc64.MakeTable(crc64.ECMA)
	var sum rawkv.RawChecksum
	for _, p := range m {
		stored := append(append(append([]byte{}, keyspace...), p.key...), p.value...)
		sum.Crc64Xor ^= crc64.Checksum(stored, table)
		sum.TotalKvs++
		sum.TotalBytes += uint64(len(stored))
	}
	return sum
}

// Nil when the pairs are exactly those of `want`.
func (m model) compare(keys, values [][]byte) error {
	if len(keys) != len(m) {
		return fmt.Errorf("%d keys instead of %d", len(keys), len(m))
	}
	for i, p := range m {
		if !bytes.Equal(keys[i], p.key) {
			return fmt.Errorf("at %d key %q instead of %q", i, keys[i], p.key)
		}
		if values != nil && !bytes.Equal(values[i], p.value) {
			return fmt.Errorf("of key %q value %q instead of %q", p.key, values[i], p.value)
		}
	}
	return nil
}

func (m model) reversed() model {
	r := make(model, len(m))
	for i, p := range m {
		r[len(m)-1-i] = p
	}
	return r
}
