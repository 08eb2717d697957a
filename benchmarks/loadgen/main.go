// Command loadgen is the one client of every server that the benchmark compares: a lean HTTP/1.1 client with one kept
// connection for each worker. Images are made and hashed before the clock starts. It prints one JSON object. A request
// that fails, or has a status other than the expected one, ends the run with exit code 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

// works are what can be asked for, by name.
var works = map[string]func(options) (any, error){
	"bare":           serveBare,
	"fill-referrers": fillReferrers,
	"fill-tags":      fillTags,
	"get":            getPath,
	"get-blob":       getBlob,
	"get-manifest":   getManifest,
	"head-manifest":  headManifest,
	"hash":           hash,
	"latency":        replicaLatency,
	"list":           listPages,
	"loopback":       loopback,
	"mount":          mountImages,
	"pull":           pullImages,
	"push":           pushImages,
	"push-blob":      pushOneBlob,
	"referrers":      listReferrers,
	"sign":           callECR,
	"sync":           syncFiles,
	"wait":           waitForTags,
	"write-blob":     writeBlob,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 || works[words[0]] == nil {
		return fmt.Errorf("the first word is one of: %s", strings.Join(names(), " "))
	}
	chosen, err := parse(words[0], words[1:])
	if err != nil {
		return err
	}
	found, err := works[words[0]](chosen)
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func names() []string {
	all := make([]string, 0, len(works))
	for name := range works {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
