package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	accept  = "Accept: " + manifestType + ", application/vnd.oci.image.index.v1+json\r\n"
	octets  = "Content-Type: application/octet-stream\r\n"
	ofImage = "Content-Type: " + manifestType + "\r\n"
)

func v2(repository, rest string) string { return "/v2/" + repository + rest }

// requestTarget returns the path and query of a Location or Link, which may be a whole URL.
func requestTarget(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	return parsed.RequestURI(), nil
}

func withDigest(location, digest string) (string, error) {
	target, err := requestTarget(location)
	if strings.Contains(target, "?") {
		return target + "&digest=" + digest, err
	}
	return target + "?digest=" + digest, err
}

// pushBlob sends a blob by POST and PUT, or as docker does.
func (o options) pushBlob(c *client, digest string, content io.Reader, length int64) error {
	if o.patch {
		return o.pushBlobAsDocker(c, digest, content, length)
	}
	begun, err := o.beginUpload(c)
	if err != nil {
		return err
	}
	return finishUpload(c, begun, digest, content, length)
}

func (o options) pushBlobAsDocker(c *client, digest string, content io.Reader, length int64) error {
	path := v2(o.repository, "/blobs/"+digest)
	found, err := c.expect(request{method: http.MethodHead, path: path}, http.StatusOK, http.StatusNotFound)
	if err != nil || found.status == http.StatusOK {
		return err
	}
	begun, err := o.beginUpload(c)
	if err != nil {
		return err
	}
	target, err := requestTarget(begun)
	if err != nil {
		return err
	}
	sent, err := c.expect(request{method: http.MethodPatch, path: target, headers: octets, body: content, length: length},
		http.StatusAccepted)
	if err != nil {
		return err
	}
	return finishUpload(c, sent.location, digest, http.NoBody, 0)
}

func (o options) beginUpload(c *client) (string, error) {
	path := v2(o.repository, "/blobs/uploads/")
	begun, err := c.expect(request{method: http.MethodPost, path: path, body: http.NoBody}, http.StatusAccepted)
	return begun.location, err
}

func finishUpload(c *client, location, digest string, content io.Reader, length int64) error {
	target, err := withDigest(location, digest)
	if err != nil {
		return err
	}
	_, err = c.expect(request{method: http.MethodPut, path: target, headers: octets, body: content, length: length},
		http.StatusCreated)
	return err
}

func (o options) putManifest(c *client, reference string, manifest []byte) error {
	path := v2(o.repository, "/manifests/"+reference)
	_, err := c.expect(request{method: http.MethodPut, path: path, headers: ofImage, body: bytes.NewReader(manifest),
		length: int64(len(manifest))}, http.StatusCreated)
	return err
}

func (o options) pushImage(c *client, i image) error {
	if err := o.pushLayers(c, i); err != nil {
		return err
	}
	return o.putManifest(c, i.tag, i.manifest)
}

func (o options) pushLayers(c *client, i image) error {
	if err := o.pushBlob(c, i.layer.digest, i.layer.reader(), i.layer.size); err != nil {
		return err
	}
	return o.pushBlob(c, i.configDigest, bytes.NewReader(i.config), int64(len(i.config)))
}

// mountImage makes an image of layers that another repository of the registry has.
func (o options) mountImage(c *client, i image) error {
	for _, digest := range []string{i.layer.digest, i.configDigest} {
		path := v2(o.repository, "/blobs/uploads/?mount="+digest+"&from="+o.replica)
		if _, err := c.expect(request{method: http.MethodPost, path: path, body: http.NoBody}, http.StatusCreated); err != nil {
			return err
		}
	}
	return o.putManifest(c, i.tag, i.manifest)
}

// pullImage asks as docker does: HEAD and GET of the manifest, then the config and the layer.
func pullImage(c *client, repository string, i image) (int64, error) {
	manifest := v2(repository, "/manifests/"+i.tag)
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		if _, err := c.expect(request{method: method, path: manifest, headers: accept}, http.StatusOK); err != nil {
			return 0, err
		}
	}
	if _, err := get(c, v2(repository, "/blobs/"+i.configDigest)); err != nil {
		return 0, err
	}
	got, err := get(c, v2(repository, "/blobs/"+i.layer.digest))
	if err == nil && got.size != i.layer.size {
		err = fmt.Errorf("a layer of %d bytes has %d", i.layer.size, got.size)
	}
	return got.size, err
}

func get(c *client, path string) (answer, error) {
	return c.expect(request{method: http.MethodGet, path: path}, http.StatusOK)
}

// walk reads a listing page by page, and hands each page over.
func walk(c *client, path string, page func([]byte)) (total int64, err error) {
	for path != "" {
		got, err := c.expect(request{method: http.MethodGet, path: path, keep: page != nil}, http.StatusOK)
		if err != nil {
			return total, err
		}
		total += got.size
		if page != nil {
			page(got.body)
		}
		if path, err = next(got.link); err != nil {
			return total, err
		}
	}
	return total, nil
}

// next returns the target of the header Link, or nothing.
func next(link string) (string, error) {
	_, rest, found := strings.Cut(link, "<")
	if !found {
		return "", nil
	}
	address, _, _ := strings.Cut(rest, ">")
	return requestTarget(address)
}
