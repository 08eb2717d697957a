package main

import (
	"errors"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// step is one operation: it returns how many bytes of layers it moved.
type step func(c *client, number int64) (int64, error)

// result is what is printed. Times are of operations, processor time is of the server for each operation.
type result struct {
	Operations  int     `json:"operations"`
	Seconds     float64 `json:"seconds"`
	Rate        float64 `json:"rate"`
	Megabytes   float64 `json:"megabytes_per_second"`
	Median      float64 `json:"p50_ms"`
	Slow        float64 `json:"p99_ms"`
	ServerCPU   float64 `json:"server_cpu_ms"`
	ServerCores float64 `json:"server_cores"`
	ClientCores float64 `json:"client_cores"`
	OtherCores  float64 `json:"other_cores"`
}

// spent is processor time since some beginning, in seconds.
type spent struct{ server, client, machine float64 }

func (o options) spent() (spent, error) {
	server, first := processorSeconds(o.processes)
	client, second := processorSeconds([]int{os.Getpid()})
	machine, third := busySeconds()
	return spent{server, client, machine}, errors.Join(first, second, third)
}

// tally is what the workers share.
type tally struct {
	begun    atomic.Int64
	moved    atomic.Int64
	lock     sync.Mutex
	times    []float64
	failures []error
}

func (t *tally) add(times []float64, err error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.times = append(t.times, times...)
	if err != nil {
		t.failures = append(t.failures, err)
	}
}

func (t *tally) failed() bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	return len(t.failures) > 0
}

// repeat lets every worker do steps until the time is over or `limit` steps have begun; 0 is no limit.
func (o options) repeat(limit int64, do step) (any, error) {
	if limit == 0 && o.duration == 0 {
		return nil, errors.New("-duration says when this work ends")
	}
	before, err := o.spent()
	if err != nil {
		return nil, err
	}
	var all tally
	begun := time.Now()
	var workers sync.WaitGroup
	for i := 0; i < o.workers; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			all.add(o.work(&all, begun, limit, do))
		}()
	}
	workers.Wait()
	seconds := time.Since(begun).Seconds()
	after, err := o.spent()
	if err != nil {
		return nil, err
	}
	if len(all.failures) > 0 {
		return nil, all.failures[0]
	}
	return summary(&all, seconds, before, after)
}

func (o options) work(all *tally, begun time.Time, limit int64, do step) (times []float64, err error) {
	c := o.dial()
	defer func() { err = errors.Join(err, c.close()) }()
	for o.duration == 0 || time.Since(begun) < o.duration {
		number := all.begun.Add(1) - 1
		if limit > 0 && number >= limit || all.failed() {
			return times, nil
		}
		start := time.Now()
		moved, err := do(c, number)
		if err != nil {
			return times, err
		}
		all.moved.Add(moved)
		times = append(times, milliseconds(time.Since(start)))
	}
	return times, nil
}

func summary(all *tally, seconds float64, before, after spent) (any, error) {
	if len(all.times) == 0 {
		return nil, errors.New("no operation ended in time")
	}
	sort.Float64s(all.times)
	server, client := after.server-before.server, after.client-before.client
	return result{
		Operations:  len(all.times),
		Seconds:     seconds,
		Rate:        float64(len(all.times)) / seconds,
		Megabytes:   float64(all.moved.Load()) / seconds / 1e6,
		Median:      quantile(all.times, 50),
		Slow:        quantile(all.times, 99),
		ServerCPU:   server * 1000 / float64(len(all.times)),
		ServerCores: server / seconds,
		ClientCores: client / seconds,
		OtherCores:  (after.machine - before.machine - server - client) / seconds,
	}, nil
}

// quantile takes sorted values.
func quantile(sorted []float64, percent int) float64 {
	return sorted[min64(int64(len(sorted)*percent/100), int64(len(sorted)-1))]
}

func milliseconds(took time.Duration) float64 { return float64(took.Microseconds()) / 1000 }
