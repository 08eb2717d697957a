package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"time"
)

const (
	// Looking more often costs the server more than it tells.
	lookAgain   = 4 * time.Millisecond
	copyLimit   = 20 * time.Second
	allLimit    = 180 * time.Second
	countAgain  = 20 * time.Millisecond
	tagsOfAPage = 1000
)

type latencies struct {
	Operations int     `json:"operations"`
	Median     float64 `json:"p50_ms"`
	Slow       float64 `json:"p99_ms"`
	Slowest    float64 `json:"max_ms"`
}

// replicaLatency pushes one image at a time, and waits from the 201 until the replica's tag is there.
func replicaLatency(o options) (any, error) {
	images, err := o.images()
	if err != nil {
		return nil, err
	}
	source, replica := o.dial(), o.dial()
	var times []float64
	for _, each := range images {
		if err := o.pushImage(source, each); err != nil {
			return nil, err
		}
		took, err := o.untilCopied(replica, each)
		if err != nil {
			return nil, err
		}
		times = append(times, milliseconds(took))
		time.Sleep(o.pause)
	}
	sort.Float64s(times)
	found := latencies{len(times), quantile(times, 50), quantile(times, 99), quantile(times, 100)}
	return found, errors.Join(source.close(), replica.close())
}

func (o options) untilCopied(c *client, i image) (time.Duration, error) {
	begun := time.Now()
	asked := request{method: http.MethodHead, path: v2(o.replica, "/manifests/"+i.tag), headers: accept}
	for {
		found, err := c.expect(asked, http.StatusOK, http.StatusNotFound)
		if err != nil {
			return 0, err
		}
		if found.status == http.StatusOK {
			took := time.Since(begun)
			_, err := pullImage(c, o.replica, i)
			return took, err
		}
		if time.Since(begun) > copyLimit {
			return 0, fmt.Errorf("%s is not at the replica after %s", i.tag, copyLimit)
		}
		time.Sleep(lookAgain)
	}
}

type waited struct {
	Found   int     `json:"found"`
	AtFirst int     `json:"at_first"`
	Seconds float64 `json:"seconds"`
}

// waitForTags waits until the repository lists so many tags of the prefix.
func waitForTags(o options) (any, error) {
	c := o.dial()
	begun := time.Now()
	first, err := o.countTags(c)
	found := first
	for err == nil && found < o.count {
		if time.Since(begun) > allLimit {
			return nil, fmt.Errorf("%d of %d tags are there after %s", found, o.count, allLimit)
		}
		time.Sleep(countAgain)
		found, err = o.countTags(c)
	}
	return waited{found, first, time.Since(begun).Seconds()}, errors.Join(err, c.close())
}

func (o options) countTags(c *client) (int, error) {
	found := 0
	path := v2(o.repository, fmt.Sprintf("/tags/list?n=%d", tagsOfAPage))
	// The first copy creates the repository.
	look, err := c.expect(request{method: http.MethodGet, path: path}, http.StatusOK, http.StatusNotFound)
	if err != nil || look.status == http.StatusNotFound {
		return 0, err
	}
	_, err = walk(c, path, func(page []byte) { found += bytes.Count(page, []byte(`"`+o.tag)) })
	return found, err
}
