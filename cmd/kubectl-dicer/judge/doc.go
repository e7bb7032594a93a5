// Package judge has the webhook's findings about an object in a file, and those that it
// leaves to the API server's schema.
package judge
