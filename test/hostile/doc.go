//go:build chaos

// Package hostile runs callers that mean harm against the webhook's binary, while
// well-behaved ones are watched: none of their requests may fail, and the server's
// memory stays below the limit in deploy/base. Times are printed, never asserted.
package hostile
