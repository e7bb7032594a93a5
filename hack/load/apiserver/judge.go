package apiserver

import (
	"fmt"
	"reflect"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/hack/load/review"
)

// judge fails where the API server has returned another object than it should
// have with the contestant installed.
func (c *installation) judge(a *answer) error {
	got, err := decode(a.object)
	if err != nil {
		return fmt.Errorf("wrong answer: %w: %.1000s", err, a.object)
	}
	metadata, _ := got["metadata"].(map[string]any)
	for _, key := range []string{"uid", "creationTimestamp", "generation", "resourceVersion", "managedFields"} {
		delete(metadata, key)
	}
	want := a.untouched
	if c.completes {
		want = a.completed
	}
	gotObject, wantObject := any(got), any(want)
	if c.emptyFields {
		gotObject, wantObject = review.WithoutEmpty(gotObject), review.WithoutEmpty(wantObject)
	}
	if !reflect.DeepEqual(gotObject, wantObject) {
		return fmt.Errorf("wrong answer to %s (-want +got):\n%s", a.body, cmp.Diff(wantObject, gotObject))
	}
	return nil
}
