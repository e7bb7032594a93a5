package kubernetes

import (
	"strings"
	"testing"
)

func TestTheLinkerFlagsNameTheVersion(t *testing.T) {
	flags := linkerFlags(Version{1, 36, 3})
	for _, want := range []string{"version.gitVersion=v1.36.3", "version.gitMajor=1", "version.gitMinor=36", "version.gitTreeState=clean"} {
		if !strings.Contains(flags, "-X k8s.io/component-base/"+want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
}

func TestARecipeIsOfItsVersionsPins(t *testing.T) {
	versions, err := Pinned()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		r, err := Recipe(v, "title", "dir", ControlPlane)
		if err != nil {
			t.Fatal(err)
		}
		if r.Title != "title "+v.String() || !strings.Contains(string(r.Module["go.mod"]), "k8s.io/kubernetes "+v.String()) || len(r.Module["go.sum"]) == 0 {
			t.Errorf("the recipe of %s: title %q, go.mod of %d bytes, go.sum of %d", v, r.Title, len(r.Module["go.mod"]), len(r.Module["go.sum"]))
		}
	}
	if _, err := Recipe(Version{1, 0, 0}, "title", "dir", ControlPlane); err == nil {
		t.Error("a version that is not pinned has a recipe")
	}
}
