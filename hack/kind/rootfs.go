package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

const (
	// debian is the release that a node's files are of.
	debian = "bookworm"
	// debianPackages are what kind's scripts, the kubelet and containerd call.
	// nftables is kube-proxy's.
	debianPackages = "systemd,systemd-sysv,dbus,iptables,nftables,iproute2,conntrack,ethtool,util-linux,mount,kmod,procps,jq,ca-certificates"
)

// waste is what a node has no use for, of half its size.
var waste = []string{"var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"}

// rootFolder is the name of a folder for a node's Debian: another one where it
// would have another content.
func rootFolder() string {
	hash := sha256.Sum256([]byte(debianPackages + " " + strings.Join(waste, " ")))
	return fmt.Sprintf("debian-%s-%s-%x", debian, gobuild.Platform(), hash[:4])
}

// ensureRoot makes a node's Debian in dir, once.
func ensureRoot(ctx context.Context, dir string) (note string, err error) {
	if _, err := os.Stat(dir); err == nil {
		return "there already", nil
	}
	temporary := dir + ".tmp"
	// It may be there from a run that was killed outright.
	if err := os.RemoveAll(temporary); err != nil {
		return "", err
	}
	// Its mounts are in a namespace of its own, and gone with it in any case.
	args := []string{"--mount", "debootstrap", "--variant=minbase", "--force-check-gpg", "--include=" + debianPackages, debian, temporary}
	if mirror := debianMirror(ctx); mirror != "" {
		args = append(args, mirror)
	}
	if err := quietly(command(ctx, "unshare", args...)); err != nil {
		return "", errors.Join(err, os.RemoveAll(temporary))
	}
	for _, folder := range waste {
		if err := os.RemoveAll(filepath.Join(temporary, folder)); err != nil {
			return "", err
		}
	}
	return "built", os.Rename(temporary, dir)
}

// debianMirror is the archive that this machine's apt has the release from:
// where one is set, others may not be reached. Empty where apt knows none:
// debootstrap has a default.
func debianMirror(ctx context.Context) string {
	text, err := output(command(ctx, "apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if site, release, _ := strings.Cut(strings.TrimSpace(line), " "); release == debian {
			return site
		}
	}
	return ""
}

// systemdWants are the folders of links to units, of which kind's Dockerfile
// keeps none: a node starts what is enabled here alone.
var systemdWants = []string{
	"lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
	"lib/systemd/system/multi-user.target.wants/*",
	"etc/systemd/system/*.wants/*",
	"lib/systemd/system/local-fs.target.wants/*",
	"lib/systemd/system/sockets.target.wants/*udev*",
	"lib/systemd/system/sockets.target.wants/*initctl*",
	"lib/systemd/system/basic.target.wants/*",
}

// addKind makes a Debian in tree a kind node, from the files of kind's module.
func addKind(ctx context.Context, tree, kindModule string) error {
	for _, pattern := range systemdWants {
		links, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			return err
		}
		for _, link := range links {
			if err := os.Remove(link); err != nil {
				return err
			}
		}
	}
	if err := addKindFiles(tree, os.DirFS(filepath.Join(kindModule, "images", "base", "files"))); err != nil {
		return err
	}
	if err := configureContainerd(filepath.Join(tree, "etc/containerd/config.toml")); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"enable", "kubelet.service", "containerd.service", "undo-mount-hacks.service"},
		// It would write to the host's kernel.
		{"mask", "systemd-binfmt.service"},
	} {
		if err := quietly(command(ctx, "chroot", append([]string{tree, "systemctl"}, args...)...)); err != nil {
			return err
		}
	}
	// The kernel's messages are the host's.
	return writeFile(filepath.Join(tree, "etc/systemd/journald.conf.d/kind.conf"), []byte("[Journal]\nReadKMsg=no\n"), 0o644)
}

// addKindFiles copies kind's files; a module cache keeps no modes.
func addKindFiles(tree string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(path, "usr/local/bin/") || strings.HasPrefix(path, "kind/bin/") {
			mode = 0o755
		}
		return writeFile(filepath.Join(tree, path), content, mode)
	})
}

// configureContainerd changes what kind's configuration has for a host that is
// less limited than some are.
func configureContainerd(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(content)
	for old, replacement := range map[string]string{
		// No sandbox starts where a process may not lower the value.
		"restrict_oom_score_adj = false": "restrict_oom_score_adj = true",
		// As the kubelet's in files/cluster.yaml.
		"SystemdCgroup = true": "SystemdCgroup = false",
	} {
		if !strings.Contains(text, old) {
			return fmt.Errorf("%s: no line %q: kind has changed it", path, old)
		}
		text = strings.ReplaceAll(text, old, replacement)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
