package fanout

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func equalJSON(t testing.TB, a, b any) bool {
	t.Helper()
	one, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(string(one), string(two))
}

func describe(value any) string { return fmt.Sprintf("%T %v", value, value) }
