package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
)

const (
	block        = 1 << 20
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	// An image of Amazon ECR takes at most 1,000 tags.
	tagsOfAnImage = 500
)

// noise is what every blob is made of, so that making one costs a copy.
var noise = func() []byte {
	made := make([]byte, block)
	rand.New(rand.NewSource(7)).Read(made) // never fails, says its documentation
	return made
}()

// blob is noise whose blocks each begin with the blob's number and their own.
type blob struct {
	number uint64
	size   int64
	digest string
}

type blobReader struct {
	blob
	at     int64
	marked [16]byte
}

func (b blob) reader() io.Reader { return &blobReader{blob: b} }

func (r *blobReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	inside := r.at % block
	if inside == 0 {
		binary.LittleEndian.PutUint64(r.marked[:], r.number)
		binary.LittleEndian.PutUint64(r.marked[8:], uint64(r.at/block)+1)
	}
	p = p[:min64(int64(len(p)), min64(block-inside, r.size-r.at))]
	copied := 0
	if inside < int64(len(r.marked)) {
		copied = copy(p, r.marked[inside:])
	}
	copied += copy(p[copied:], noise[inside+int64(copied):])
	r.at += int64(copied)
	return copied, nil
}

func newBlob(number uint64, size int64) (blob, error) {
	made := blob{number: number, size: size}
	hash := sha256.New()
	if _, err := io.Copy(hash, made.reader()); err != nil {
		return made, err
	}
	made.digest = fmt.Sprintf("sha256:%x", hash.Sum(nil))
	return made, nil
}

// image has one layer, and a config that names it.
type image struct {
	tag          string
	layer        blob
	config       []byte
	configDigest string
	manifest     []byte
	digest       string
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func newImage(tag string, number uint64, size int64) (image, error) {
	layer, err := newBlob(number, size)
	made := image{tag: tag, layer: layer}
	made.config = []byte(fmt.Sprintf(
		`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["%s"]}}`, layer.digest))
	made.configDigest = digestOf(made.config)
	made.manifest = []byte("{" + made.members() + "}")
	made.digest = digestOf(made.manifest)
	return made, err
}

func (i image) members() string {
	return fmt.Sprintf(`"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]`, manifestType,
		descriptor(configType, i.configDigest, int64(len(i.config))), descriptor(layerType, i.layer.digest, i.layer.size))
}

func descriptor(mediaType, digest string, size int64) string {
	return fmt.Sprintf(`{"mediaType":"%s","digest":"%s","size":%d}`, mediaType, digest, size)
}

// variant is another manifest of the same layer.
func (i image) variant(number int64) []byte {
	return []byte(fmt.Sprintf(`{%s,"annotations":{"n":"%d"}}`, i.members(), number))
}

// referrer is the manifest of an artifact about this image.
func (i image) referrer(number int64) []byte {
	subject := descriptor(manifestType, i.digest, int64(len(i.manifest)))
	return []byte(fmt.Sprintf(`{%s,"artifactType":"application/spdx+json","subject":%s,"annotations":{"n":"%d"}}`,
		i.members(), subject, number))
}

// images makes all of them before the clock starts.
func (o options) images() ([]image, error) {
	made := make([]image, o.count)
	for i := range made {
		var err error
		if made[i], err = newImage(fmt.Sprintf("%s%d", o.tag, i), o.first+uint64(i), o.size); err != nil {
			return nil, err
		}
	}
	return made, nil
}
