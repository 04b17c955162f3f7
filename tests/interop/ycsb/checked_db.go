package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pingcap/go-ycsb/pkg/ycsb"
)

var errNoRecord = errors.New("a loaded record was not found")

// A driver that counts what another one does, and keeps its first error.
type checkedDB struct {
	db           ycsb.DB
	done, failed atomic.Int64
	// Of all scans. One scan may be empty: the core workload starts scans at keys that it means to
	// insert later, and hashed names put some of them behind all others.
	rows  atomic.Int64
	mutex sync.Mutex
	first error
}

func (c *checkedDB) reset() {
	c.done.Store(0)
	c.failed.Store(0)
}

func (c *checkedDB) counts() (done, failed int64, first error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.done.Load(), c.failed.Load(), c.first
}

func (c *checkedDB) count(err error) error {
	c.done.Add(1)
	if err != nil {
		c.failed.Add(1)
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.first == nil {
			c.first = err
		}
	}
	return err
}

func (c *checkedDB) Close() error { return c.db.Close() }

func (c *checkedDB) InitThread(ctx context.Context, id int, count int) context.Context {
	return c.db.InitThread(ctx, id, count)
}

func (c *checkedDB) CleanupThread(ctx context.Context) { c.db.CleanupThread(ctx) }

func (c *checkedDB) Read(ctx context.Context, table, key string, fields []string) (map[string][]byte, error) {
	row, err := c.db.Read(ctx, table, key, fields)
	if err == nil && len(row) == 0 {
		err = fmt.Errorf("%w: %s", errNoRecord, key)
	}
	return row, c.count(err)
}

func (c *checkedDB) Scan(ctx context.Context, table, start string, count int, fields []string) ([]map[string][]byte, error) {
	rows, err := c.db.Scan(ctx, table, start, count, fields)
	c.rows.Add(int64(len(rows)))
	return rows, c.count(err)
}

func (c *checkedDB) Update(ctx context.Context, table, key string, values map[string][]byte) error {
	return c.count(c.db.Update(ctx, table, key, values))
}

func (c *checkedDB) Insert(ctx context.Context, table, key string, values map[string][]byte) error {
	return c.count(c.db.Insert(ctx, table, key, values))
}

func (c *checkedDB) Delete(ctx context.Context, table, key string) error {
	return c.count(c.db.Delete(ctx, table, key))
}
