//go:build image

// Package release tests what make release publishes. make test-release runs it; make
// test does not, because the image is built for every architecture, once without a
// build cache.
package release
