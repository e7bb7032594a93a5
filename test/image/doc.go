//go:build image

// Package image tests the container image: that make image makes it, the same
// again from the same commit, what is in it, and that the Dockerfile makes the
// same one where a container engine answers.
package image
