//go:build !linux

package main

import "context"

// startEngine needs network namespaces and a Debian.
func startEngine(context.Context, string) (*engine, error) {
	return nil, usageError("an engine of its own takes Linux: start Docker")
}

func (e *engine) stop() error { return nil }
