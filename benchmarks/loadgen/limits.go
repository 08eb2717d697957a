package main

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const loopbackPart = 256 << 10

type rate struct {
	Rate      float64 `json:"rate"`
	Megabytes float64 `json:"megabytes_per_second"`
}

// hash tells how fast one thread computes SHA-256.
func hash(o options) (any, error) {
	hasher, total, begun := sha256.New(), 0, time.Now()
	for time.Since(begun) < o.duration {
		written, err := hasher.Write(noise)
		if err != nil {
			return nil, err
		}
		total += written
	}
	return rate{Megabytes: float64(total) / time.Since(begun).Seconds() / 1e6}, nil
}

// syncFiles tells how many new files of `size` bytes one thread makes durable in a second, the folder included.
func syncFiles(o options) (any, error) {
	folder, err := os.MkdirTemp(o.file, "sync")
	if err != nil {
		return nil, err
	}
	made, begun := 0, time.Now()
	for time.Since(begun) < o.duration {
		if err := durable(folder, noise[:min64(o.size, block)]); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		made++
	}
	seconds := time.Since(begun).Seconds()
	found := rate{float64(made) / seconds, float64(made) * float64(min64(o.size, block)) / seconds / 1e6}
	return found, os.RemoveAll(folder)
}

func durable(folder string, content []byte) error {
	file, err := os.CreateTemp(folder, "part")
	if err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), file.Name()+".whole"); err != nil {
		return err
	}
	directory, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// loopback tells how fast bytes go through one TCP connection of this machine to itself.
func loopback(o options) (any, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	received := make(chan error, 1)
	go func() { received <- drain(listener) }()
	socket, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	total, begun := 0, time.Now()
	for time.Since(begun) < o.duration {
		written, err := socket.Write(noise[:loopbackPart])
		if err != nil {
			return nil, err
		}
		total += written
	}
	err = errors.Join(socket.Close(), <-received, listener.Close())
	return rate{Megabytes: float64(total) / time.Since(begun).Seconds() / 1e6}, err
}

func drain(listener net.Listener) error {
	socket, err := listener.Accept()
	if err != nil {
		return err
	}
	buffer := make([]byte, loopbackPart)
	for {
		if _, err := socket.Read(buffer); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, socket.Close())
		}
	}
}

// writeBlob writes a blob into a file, below a folder, under its digest. It prints the digest.
func writeBlob(o options) (any, error) {
	made, err := newBlob(o.first, o.size)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(o.file, made.digest))
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, made.reader())
	return map[string]string{"digest": made.digest}, errors.Join(err, file.Close())
}

// serveBare answers everything from memory until it is ended: the most that this client can measure.
func serveBare(o options) (any, error) {
	layer := noise[:min64(o.size, block)]
	answer := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		body, status := []byte("{}"), http.StatusOK
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/uploads/"):
			w.Header().Set("Location", r.URL.Path+"upload")
			status = http.StatusAccepted
		case r.Method == http.MethodPut:
			status = http.StatusCreated
		case strings.Contains(r.URL.Path, "/blobs/"):
			body = layer
		}
		w.WriteHeader(status)
		if _, err := w.Write(body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	return nil, http.ListenAndServe(o.address, http.HandlerFunc(answer))
}
