package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
)

const (
	ecrTarget  = "AmazonEC2ContainerRegistry_V20150921."
	jsonType   = "application/x-amz-json-1.1"
	signedList = "content-type;host;x-amz-date;x-amz-target"
)

func keyed(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text)) // never fails, says hash.Hash
	return hash.Sum(nil)
}

// signature returns the header lines of a call of Amazon ECR, with Signature Version 4, made anew as SDKs do.
func (o options) signature(body []byte, now time.Time) string {
	id, secret, _ := strings.Cut(o.key, ":")
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	scope := day + "/" + o.region + "/ecr/aws4_request"
	target := ecrTarget + o.operation
	canonical := fmt.Sprintf("POST\n/\n\ncontent-type:%s\nhost:%s\nx-amz-date:%s\nx-amz-target:%s\n\n%s\n%x",
		jsonType, o.address, stamp, target, signedList, sha256.Sum256(body))
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", stamp, scope, sha256.Sum256([]byte(canonical)))
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, o.region, "ecr", "aws4_request"} {
		key = keyed(key, part)
	}
	return fmt.Sprintf("Content-Type: %s\r\nX-Amz-Date: %s\r\nX-Amz-Target: %s\r\n"+
		"Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x\r\n",
		jsonType, stamp, target, id, scope, signedList, keyed(key, text))
}
