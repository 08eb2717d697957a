package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ticks is CLK_TCK of Linux, the unit of processor time in /proc.
const ticks = 100

// statistics returns the fields of /proc/PID/stat behind the name, or nothing if the process has ended.
func statistics(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, rest, found := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
	if !found {
		return nil, fmt.Errorf("%s: %q", path, text)
	}
	return strings.Fields(rest), nil
}

// family returns processes and their descendants.
func family(roots []int) ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, path := range paths {
		fields, err := statistics(path)
		if err != nil || fields == nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		process, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, err
		}
		children[parent] = append(children[parent], process)
	}
	all := append([]int(nil), roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// processorSeconds returns the processor time of processes and their descendants, in user and system mode.
func processorSeconds(roots []int) (float64, error) {
	if len(roots) == 0 {
		return 0, nil
	}
	all, err := family(roots)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, process := range all {
		fields, err := statistics(fmt.Sprintf("/proc/%d/stat", process))
		if err != nil {
			return 0, err
		}
		if fields == nil {
			continue
		}
		spent, err := sum(fields[11:13])
		if err != nil {
			return 0, err
		}
		total += spent / ticks
	}
	return total, nil
}

// busySeconds returns how long all processors of the machine were not idle since it started.
func busySeconds() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	all, err := sum(fields[1:9])
	if err != nil {
		return 0, err
	}
	idle, err := sum(fields[4:6])
	return (all - idle) / ticks, err
}

func sum(fields []string) (total float64, err error) {
	for _, field := range fields {
		value, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		total += value
	}
	return total, nil
}
