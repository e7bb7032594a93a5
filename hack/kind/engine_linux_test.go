package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestANetworkIsInUseWhileItsProcessIsThere(t *testing.T) {
	if !running(strconv.Itoa(os.Getpid())) {
		t.Error("this process is not running")
	}
	if running("4194305") {
		t.Error("a number above all that Linux gives is running")
	}
}

func TestTheBoundingSetIsReadFromTheStatus(t *testing.T) {
	for _, test := range []struct {
		name, set string
		lacks     bool
		fails     bool
	}{
		{"everything", "CapBnd:\t000001ffffffffff\n", false, false},
		{"all but CAP_SYS_RESOURCE", "CapBnd:\t000001fffeffffff\n", true, false},
		{"no line", "CapEff:\t000001fffeffffff\n", false, true},
		{"no number", "CapBnd:\tall\n", false, true},
	} {
		path := filepath.Join(t.TempDir(), "status")
		if err := os.WriteFile(path, []byte("Name:\tx\n"+test.set), 0o600); err != nil {
			t.Fatal(err)
		}
		lacks, err := lacksCapability(path, sysResource)
		if (err != nil) != test.fails || err == nil && lacks != test.lacks {
			t.Errorf("%s: lacks it: %t, error %v", test.name, lacks, err)
		}
	}
}
