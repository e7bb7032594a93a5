// Package manifest reads files of Kubernetes objects as kubectl does, knows the line
// and column of their fields, and changes an annotation in them without touching
// anything else.
package manifest
