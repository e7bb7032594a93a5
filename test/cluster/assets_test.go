package cluster

import (
	"os/exec"
	"strings"
	"testing"
)

func TestFindAssetsSaysWhatToRunWhereNothingIsBuilt(t *testing.T) {
	// Go keeps its own caches in the user's too.
	for _, name := range []string{"GOCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, strings.TrimSpace(string(value)))
	}
	t.Setenv(assetsVariable, "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := FindAssets(t.Context())
	if err == nil {
		t.Fatal("found assets in an empty cache")
	}
	for _, want := range []string{"`make test`", "`make controlplane`", assetsVariable} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s: %v", want, err)
		}
	}
}

func TestFindAssetsNamesTheVariableThatIsWrong(t *testing.T) {
	t.Setenv(assetsVariable, t.TempDir())
	_, err := FindAssets(t.Context())
	if err == nil || !strings.Contains(err.Error(), assetsVariable) {
		t.Errorf("got %v", err)
	}
}
