// Package images asks registries which architectures an image is there for.
package images
