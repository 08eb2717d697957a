package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func getPath(o options) (any, error) {
	return o.repeat(0, func(c *client, _ int64) (int64, error) {
		got, err := get(c, o.path)
		return got.size, err
	})
}

func getManifest(o options) (any, error)  { return o.askTags(http.MethodGet) }
func headManifest(o options) (any, error) { return o.askTags(http.MethodHead) }

// askTags goes through all tags, in an order that no cache of neighbors helps.
func (o options) askTags(method string) (any, error) {
	return o.repeat(0, func(c *client, number int64) (int64, error) {
		tag := fmt.Sprintf("%s%d", o.tag, (number*7919)%int64(o.count))
		got, err := c.expect(request{method: method, path: v2(o.repository, "/manifests/"+tag), headers: accept}, http.StatusOK)
		return got.size, err
	})
}

func pullImages(o options) (any, error) {
	images, err := o.images()
	if err != nil {
		return nil, err
	}
	return o.repeat(0, func(c *client, number int64) (int64, error) {
		return pullImage(c, o.repository, images[number%int64(len(images))])
	})
}

// pushImages pushes every image once, and ends earlier when the time is over.
func pushImages(o options) (any, error) {
	images, err := o.images()
	if err != nil {
		return nil, err
	}
	return o.repeat(int64(len(images)), func(c *client, number int64) (int64, error) {
		return o.size, o.pushImage(c, images[number])
	})
}

func mountImages(o options) (any, error) {
	images, err := o.images()
	if err != nil {
		return nil, err
	}
	return o.repeat(int64(len(images)), func(c *client, number int64) (int64, error) {
		return 0, o.mountImage(c, images[number])
	})
}

func pushOneBlob(o options) (any, error) {
	made, err := newBlob(o.first, o.size)
	if err != nil {
		return nil, err
	}
	o.workers = 1
	return o.repeat(1, func(c *client, _ int64) (int64, error) {
		return o.size, o.pushBlob(c, made.digest, made.reader(), made.size)
	})
}

func getBlob(o options) (any, error) {
	made, err := newBlob(o.first, o.size)
	if err != nil {
		return nil, err
	}
	return o.repeat(0, func(c *client, _ int64) (int64, error) {
		got, err := get(c, v2(o.repository, "/blobs/"+made.digest))
		if err == nil && got.size != made.size {
			err = fmt.Errorf("a blob of %d bytes has %d", made.size, got.size)
		}
		return got.size, err
	})
}

// fillTags makes tags, and for each 500 of them another image of one layer.
func fillTags(o options) (any, error) {
	base, err := o.firstImage("base")
	if err != nil {
		return nil, err
	}
	return o.repeat(int64(o.count), func(c *client, number int64) (int64, error) {
		return 0, o.putManifest(c, fmt.Sprintf("%s%d", o.tag, number), base.variant(number/tagsOfAnImage))
	})
}

func fillReferrers(o options) (any, error) {
	subject, err := o.firstImage("subject")
	if err != nil {
		return nil, err
	}
	return o.repeat(int64(o.count), func(c *client, number int64) (int64, error) {
		manifest := subject.referrer(number)
		return 0, o.putManifest(c, digestOf(manifest), manifest)
	})
}

// firstImage pushes what others refer to.
func (o options) firstImage(tag string) (image, error) {
	made, err := newImage(tag, o.first, o.size)
	if err != nil {
		return made, err
	}
	c := o.dial()
	if err := o.pushImage(c, made); err != nil {
		return made, err
	}
	return made, c.close()
}

func listPages(o options) (any, error) { return o.walkAll(o.path) }

func listReferrers(o options) (any, error) {
	subject, err := newImage("subject", o.first, o.size)
	if err != nil {
		return nil, err
	}
	return o.walkAll(v2(o.repository, "/referrers/"+subject.digest))
}

func (o options) walkAll(path string) (any, error) {
	return o.repeat(0, func(c *client, _ int64) (int64, error) { return walk(c, path, nil) })
}

func callECR(o options) (any, error) {
	o.user = "" // the signature proves who asks
	start := time.Now().UnixNano()
	return o.repeat(0, func(c *client, number int64) (int64, error) {
		body := []byte(strings.ReplaceAll(o.body, "%d", strconv.FormatInt(start+number, 10)))
		got, err := c.expect(request{method: http.MethodPost, path: "/", headers: o.signature(body, time.Now().UTC()),
			body: bytes.NewReader(body), length: int64(len(body))}, http.StatusOK)
		return got.size, err
	})
}
