package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// options say what is asked, of which server, and for how long.
type options struct {
	address    string
	repository string
	replica    string
	user       string
	key        string
	region     string
	tag        string
	path       string
	operation  string
	body       string
	file       string
	processes  []int
	workers    int
	count      int
	size       int64
	first      uint64
	duration   time.Duration
	pause      time.Duration
	patch      bool
}

func parse(work string, words []string) (options, error) {
	var o options
	var processes string
	flags := flag.NewFlagSet(work, flag.ContinueOnError)
	flags.StringVar(&o.address, "address", "127.0.0.1:5000", "HOST:PORT of the server")
	flags.StringVar(&o.repository, "repository", "bench/app", "path of the repository below /v2/")
	flags.StringVar(&o.replica, "replica", "", "path of its replica; for mount: of the repository with the layers")
	flags.StringVar(&o.user, "user", "", "USER:PASSWORD, sent to registries as Basic credentials")
	flags.StringVar(&o.key, "key", "", "ACCESS-KEY-ID:SECRET, which signs calls of ECR")
	flags.StringVar(&o.region, "region", "eu-west-1", "sign: the Region")
	flags.StringVar(&o.tag, "tag", "t", "prefix of tags")
	flags.StringVar(&o.path, "path", "/v2/", "get, list: path and query")
	flags.StringVar(&o.operation, "operation", "DescribeImages", "sign: the operation of Amazon ECR")
	flags.StringVar(&o.body, "body", "{}", "sign: JSON; %d becomes a number that is new for each request")
	flags.StringVar(&o.file, "file", "", "write-blob: the file; sync: the folder")
	flags.StringVar(&processes, "processes", "", "ids of the server's processes, by commas; their descendants count too")
	flags.IntVar(&o.workers, "workers", 8, "how many connections there are")
	flags.IntVar(&o.count, "count", 100, "how many images, tags or referrers exist, or are made at most")
	flags.Int64Var(&o.size, "size", 1<<20, "bytes of a layer")
	flags.Uint64Var(&o.first, "first", 1, "number of the first layer: layers of one number and size are equal")
	flags.DurationVar(&o.duration, "duration", 0, "how long to measure; 0: until all is done")
	flags.DurationVar(&o.pause, "pause", 100*time.Millisecond, "latency: between two images")
	flags.BoolVar(&o.patch, "patch", false, "push: HEAD, POST, PATCH, PUT for each blob, as docker does, not POST, PUT")
	if err := flags.Parse(words); err != nil {
		return o, err
	}
	var err error
	o.processes, err = numbers(processes)
	return o, err
}

func numbers(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var all []int
	for _, word := range strings.Split(text, ",") {
		number, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("-processes %q: %w", text, err)
		}
		all = append(all, number)
	}
	return all, nil
}

// credentials returns the header line that proves who asks, if there is any.
func (o options) credentials() string {
	if o.user == "" {
		return ""
	}
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(o.user)) + "\r\n"
}

// dial returns a client that connects at its first request.
func (o options) dial() *client {
	return &client{address: o.address, fixed: o.credentials(), buffer: make([]byte, 256<<10)}
}
