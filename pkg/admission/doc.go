// Package admission answers AdmissionReviews by pkg/arch's rules: one file per
// kind of object. Every answer comes from the review alone.
package admission
