package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	connectLimit = 5 * time.Second
	answerLimit  = 120 * time.Second
	// A body of this size or less leaves in one write with the head.
	joined = 32 << 10
)

// client is one kept connection. It costs the shared processors less than net/http, which leaves more to the server.
type client struct {
	address string
	fixed   string // header lines of every request
	socket  net.Conn
	reader  *bufio.Reader
	buffer  []byte
}

// request is sent once. Without a body (nil) it has no Content-Length.
type request struct {
	method  string
	path    string
	headers string // whole lines
	body    io.Reader
	length  int64
	keep    bool // whether the answer's body is wanted, or only counted
}

type answer struct {
	status   int
	body     []byte
	size     int64
	location string
	link     string
}

// framing says where an answer's body ends.
type framing struct {
	length  int64
	chunked bool
	closes  bool
}

func (c *client) close() error {
	if c.socket == nil {
		return nil
	}
	socket := c.socket
	c.socket = nil
	return socket.Close()
}

func (c *client) connect() error {
	if c.socket != nil {
		return nil
	}
	socket, err := net.DialTimeout("tcp", c.address, connectLimit)
	if err != nil {
		return err
	}
	c.socket, c.reader = socket, bufio.NewReaderSize(socket, 64<<10)
	return nil
}

// expect sends a request and fails unless the answer has one of these statuses.
func (c *client) expect(r request, statuses ...int) (answer, error) {
	got, err := c.send(r)
	if err != nil {
		return got, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	for _, status := range statuses {
		if got.status == status {
			return got, nil
		}
	}
	return got, fmt.Errorf("%s %s: status %d %.200s", r.method, r.path, got.status, got.body)
}

func (c *client) send(r request) (answer, error) {
	if err := c.connect(); err != nil {
		return answer{}, err
	}
	got, err := c.exchange(r)
	if err != nil {
		return got, errors.Join(err, c.close())
	}
	return got, nil
}

func (c *client) exchange(r request) (answer, error) {
	if err := c.socket.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return answer{}, err
	}
	rest, err := c.writeHead(r)
	if err != nil {
		return answer{}, err
	}
	if rest > 0 {
		if err := c.writeBody(r.body, rest); err != nil {
			return answer{}, err
		}
	}
	return c.receive(r)
}

// writeHead sends the head, with the body if that is small, and returns how much of the body remains.
func (c *client) writeHead(r request) (int64, error) {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s", r.method, r.path, c.address, c.fixed, r.headers)
	if r.body != nil {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", r.length)
	}
	head.WriteString("\r\n")
	rest := r.length
	if r.body != nil && rest <= joined {
		if _, err := io.CopyN(&head, r.body, rest); err != nil {
			return 0, err
		}
		rest = 0
	}
	_, err := c.socket.Write(head.Bytes())
	return rest, err
}

func (c *client) writeBody(body io.Reader, length int64) error {
	for length > 0 {
		part := c.buffer[:min64(int64(len(c.buffer)), length)]
		if _, err := io.ReadFull(body, part); err != nil {
			return err
		}
		if _, err := c.socket.Write(part); err != nil {
			return err
		}
		length -= int64(len(part))
	}
	return nil
}

func (c *client) receive(r request) (answer, error) {
	got, frame, err := c.readHead()
	for err == nil && got.status == http.StatusContinue {
		got, frame, err = c.readHead()
	}
	if err != nil {
		return got, err
	}
	bare := r.method == http.MethodHead || got.status == http.StatusNoContent || got.status == http.StatusNotModified
	if !bare {
		if err := c.readBody(&got, frame, r.keep || got.status >= http.StatusMultipleChoices); err != nil {
			return got, err
		}
	}
	if frame.closes {
		return got, c.close()
	}
	return got, nil
}

func (c *client) readHead() (answer, framing, error) {
	got, frame := answer{}, framing{length: -1}
	line, err := c.line()
	if err != nil {
		return got, frame, err
	}
	if len(line) < 12 {
		return got, frame, fmt.Errorf("a status line %q", line)
	}
	if got.status, err = strconv.Atoi(line[9:12]); err != nil {
		return got, frame, err
	}
	frame.closes = strings.HasPrefix(line, "HTTP/1.0")
	for {
		if line, err = c.line(); err != nil || line == "" {
			return got, frame, err
		}
		if err := note(line, &got, &frame); err != nil {
			return got, frame, err
		}
	}
}

// note keeps what a header line says that matters here.
func note(line string, got *answer, frame *framing) error {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	var err error
	switch strings.ToLower(name) {
	case "content-length":
		frame.length, err = strconv.ParseInt(value, 10, 64)
	case "transfer-encoding":
		frame.chunked = strings.EqualFold(value, "chunked")
	case "connection":
		frame.closes = strings.EqualFold(value, "close")
	case "location":
		got.location = value
	case "link":
		got.link = value
	}
	return err
}

func (c *client) readBody(got *answer, frame framing, keep bool) error {
	var kept bytes.Buffer
	sink := io.Discard
	if keep {
		sink = &kept
	}
	var err error
	switch {
	case frame.chunked:
		got.size, err = c.readChunks(sink)
	case frame.length >= 0:
		got.size, err = frame.length, c.take(sink, frame.length)
	default:
		frame.closes = true
		got.size, err = io.Copy(sink, c.reader)
	}
	got.body = kept.Bytes()
	return err
}

func (c *client) readChunks(sink io.Writer) (total int64, err error) {
	for {
		line, err := c.line()
		if err != nil {
			return total, err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return total, err
		}
		if err := c.take(sink, size); err != nil {
			return total, err
		}
		if _, err := c.line(); err != nil || size == 0 {
			return total, err
		}
		total += size
	}
}

// take reads so many bytes through the client's own buffer, which is larger than the reader's.
func (c *client) take(sink io.Writer, length int64) error {
	for length > 0 {
		got, err := c.reader.Read(c.buffer[:min64(int64(len(c.buffer)), length)])
		if err != nil {
			return err
		}
		if _, err := sink.Write(c.buffer[:got]); err != nil {
			return err
		}
		length -= int64(got)
	}
	return nil
}

func (c *client) line() (string, error) {
	text, err := c.reader.ReadString('\n')
	return strings.TrimRight(text, "\r\n"), err
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
