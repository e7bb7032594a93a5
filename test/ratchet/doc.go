// Package ratchet shows that objects which broke the rules before the webhooks were
// installed stay writable: every write that leaves what is wrong alone passes.
package ratchet
