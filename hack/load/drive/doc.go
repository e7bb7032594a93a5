// Package drive sends reviews to a webhook from a number of callers at once, each
// of which sends the next one when it has the answer, and measures.
package drive
