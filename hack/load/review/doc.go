// Package review makes the AdmissionReviews that a load sends, as an API server
// would, and judges the answers.
package review
