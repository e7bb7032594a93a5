// Package mutatingpolicy has the MutatingAdmissionPolicy that dicer is compared
// with: it makes the same change, and calls nobody for it.
package mutatingpolicy
