// Package standing compares what SSPs ask for with what stands in a cluster, one
// template and architecture at a time.
package standing
