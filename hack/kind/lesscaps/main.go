// Command lesscaps is a container runtime: runc, after CAP_SYS_RESOURCE was
// removed from what the container asks for. Where the machine itself lacks it, a
// virtual machine in a sandbox say, docker run --privileged fails otherwise.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lesscaps:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	if path := specification(args); path != "" {
		if err := removeCapability(path); err != nil {
			return err
		}
	}
	return syscall.Exec(runc, append([]string{runc}, args...), os.Environ())
}

// specification is the file that says what capabilities a process gets: the
// bundle's for create and run, its own for exec; empty for any other command.
func specification(args []string) string {
	for i, arg := range args {
		flag, value, ok := strings.Cut(arg, "=")
		if !ok && i+1 < len(args) {
			value = args[i+1]
		}
		switch flag {
		case "--bundle", "-b":
			return filepath.Join(value, "config.json")
		case "--process", "-p":
			return value
		}
	}
	return ""
}

// removeCapability changes nothing else of the file.
func removeCapability(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	// A limit may be a number that a float does not hold.
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process := document
	if nested, ok := document["process"].(map[string]any); ok {
		process = nested
	}
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		list, _ := set.([]any)
		sets[name] = slices.DeleteFunc(list, func(c any) bool { return c == "CAP_SYS_RESOURCE" })
	}
	if content, err = json.Marshal(document); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
