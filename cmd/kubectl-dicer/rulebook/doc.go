// Package rulebook explains the rules of pkg/arch to people: what each is about, what
// to do, and an object that it finds something in. It decides nothing.
package rulebook
