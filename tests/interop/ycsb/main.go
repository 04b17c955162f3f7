// go-ycsb with its own TiKV driver (raw), core workloads and client, against a running Flotilla
// cluster. Its main program links thirty databases; this one links the one.
//
//	ycsb --pd ADDRESSES --workload a|b|c|d|e|f [--batch-size N] [--records N] [--operations N]
//
// Loads the records, runs the workload, and ends with 1 when an operation failed or too few were done:
// go-ycsb itself only counts them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/magiconair/properties"
	"github.com/pingcap/go-ycsb/pkg/client"
	"github.com/pingcap/go-ycsb/pkg/measurement"
	"github.com/pingcap/go-ycsb/pkg/prop"
	_ "github.com/pingcap/go-ycsb/pkg/workload"
	"github.com/pingcap/go-ycsb/pkg/ycsb"

	_ "github.com/pingcap/go-ycsb/db/tikv"
)

// The mixes of the six core workloads, as the benchmark defines them.
var workloads = map[string]map[string]string{
	"a": {prop.ReadProportion: "0.5", prop.UpdateProportion: "0.5", prop.RequestDistribution: "zipfian"},
	"b": {prop.ReadProportion: "0.95", prop.UpdateProportion: "0.05", prop.RequestDistribution: "zipfian"},
	"c": {prop.ReadProportion: "1", prop.UpdateProportion: "0", prop.RequestDistribution: "zipfian"},
	"d": {prop.ReadProportion: "0.95", prop.UpdateProportion: "0", prop.InsertProportion: "0.05",
		prop.RequestDistribution: "latest"},
	"e": {prop.ReadProportion: "0", prop.UpdateProportion: "0", prop.ScanProportion: "0.95",
		prop.InsertProportion: "0.05", prop.RequestDistribution: "zipfian", prop.MaxScanLength: "100"},
	"f": {prop.ReadProportion: "0.5", prop.UpdateProportion: "0", prop.ReadModifyWriteProportion: "0.5",
		prop.RequestDistribution: "zipfian"},
}

func main() {
	pd := flag.String("pd", "127.0.0.1:2379", "addresses of PD members, separated by commas")
	workload := flag.String("workload", "a", "core workload: a to f")
	batchSize := flag.Int("batch-size", 128, "tikv.batchsize: 0 sends every call by itself")
	apiVersion := flag.Int("api-version", 1, "API version of the cluster: 1 or 2")
	records := flag.Int("records", 2000, "records to load")
	operations := flag.Int("operations", 10000, "operations to run")
	threads := flag.Int("threads", 32, "goroutines")
	flag.Parse()

	mix, known := workloads[*workload]
	if !known {
		fmt.Fprintf(os.Stderr, "ycsb: workload %q: use a to f\n", *workload)
		os.Exit(2)
	}
	p := properties.NewProperties()
	set := func(key, value string) {
		if _, _, err := p.Set(key, value); err != nil {
			fmt.Fprintf(os.Stderr, "ycsb: %s=%s: %v\n", key, value, err)
			os.Exit(2)
		}
	}
	for key, value := range mix {
		set(key, value)
	}
	set("tikv.pd", *pd)
	set("tikv.type", "raw")
	set("tikv.apiversion", "V"+strconv.Itoa(*apiVersion))
	set("tikv.conncount", "4")
	set("tikv.batchsize", strconv.Itoa(*batchSize))
	set(prop.TableName, "usertable-"+*workload+"-"+strconv.Itoa(*batchSize))
	set(prop.OperationCount, strconv.Itoa(*operations))
	set(prop.ThreadCount, strconv.Itoa(*threads))
	set(prop.FieldCount, "10")
	set(prop.FieldLength, "100")

	if err := run(p, *records, *operations); err != nil {
		fmt.Fprintf(os.Stderr, "ycsb: workload %s, batch size %d: %v\n", *workload, *batchSize, err)
		os.Exit(1)
	}
	fmt.Printf("ok      ycsb workload %s, batch size %d\n", *workload, *batchSize)
}

func run(p *properties.Properties, records, operations int) error {
	measurement.InitMeasure(p)
	creator := ycsb.GetDBCreator("tikv")
	db, err := creator.Create(p)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer db.Close()
	checked := &checkedDB{db: db}
	// The core workload draws keys from 0 to the number of records, both included: one more is loaded.
	if _, _, err := p.Set(prop.RecordCount, strconv.Itoa(records+1)); err != nil {
		return err
	}
	if err := phase(p, "load", checked, records+1); err != nil {
		return err
	}
	if _, _, err := p.Set(prop.RecordCount, strconv.Itoa(records)); err != nil {
		return err
	}
	if err := phase(p, "run", checked, operations); err != nil {
		return err
	}
	scans := p.GetFloat64(prop.ScanProportion, 0)
	if rows := checked.rows.Load(); float64(rows) < scans*float64(operations)*10 {
		return fmt.Errorf("run: all scans together gave only %d rows", rows)
	}
	return nil
}

// One phase; every operation must have been done without an error.
func phase(p *properties.Properties, command string, db *checkedDB, wanted int) error {
	if _, _, err := p.Set(prop.DoTransactions, strconv.FormatBool(command == "run")); err != nil {
		return err
	}
	if _, _, err := p.Set(prop.Command, command); err != nil {
		return err
	}
	workload, err := ycsb.GetWorkloadCreator("core").Create(p)
	if err != nil {
		return err
	}
	defer workload.Close()
	db.reset()
	started := time.Now()
	client.NewClient(p, workload, client.DbWrapper{DB: db}).Run(context.Background())
	seconds := time.Since(started).Seconds()
	done, failed, first := db.counts()
	fmt.Printf("        %s: %d operations in %.1f s (%.0f/s), %d failed\n", command, done, seconds,
		float64(done)/seconds, failed)
	if failed > 0 {
		return fmt.Errorf("%s: %d of %d operations failed, the first one: %w", command, failed, done, first)
	}
	// The client shares operations among its goroutines by whole numbers.
	if done < int64(wanted)*9/10 {
		return fmt.Errorf("%s: only %d of %d operations were done", command, done, wanted)
	}
	return nil
}
