// Package lint says what the webhooks would say of objects in files, with the place
// of each finding, for people, programs and code hosts.
package lint
