// Package docs tests what the pages of docs say of the tree.
package docs
