package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// module is one release of Envoy's API: every .proto file that the wanted Go packages and their imports were made from.
type module struct {
	sum      string
	commit   string
	packages []string
	byPath   map[string]*descriptorpb.FileDescriptorProto
	// inPackage lists the .proto files that a Go package holds.
	inPackage map[string][]string
}

type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
}

// loadModule fetches one release with the Go tool and reads the packages that exist in it.
func loadModule(release string, wanted []string) (*module, error) {
	work, err := os.MkdirTemp("", "envoy-descriptors-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)

	if err := os.WriteFile(filepath.Join(work, "go.mod"),
		[]byte("module descriptors\n\ngo 1.24\n\nrequire "+envoyModule+" "+release+"\n"), 0o644); err != nil {
		return nil, err
	}
	var info struct{ Dir, Sum string }
	text, err := goTool(work, "mod", "download", "-json", envoyModule+"@"+release)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, err
	}
	commit, err := os.ReadFile(filepath.Join(info.Dir, "COMMIT"))
	if err != nil {
		return nil, err
	}

	var imports strings.Builder
	imports.WriteString("package descriptors\n\nimport (\n")
	for _, path := range wanted {
		if rest, ours := strings.CutPrefix(path, envoyModule+"/"); ours {
			if _, err := os.Stat(filepath.Join(info.Dir, rest)); err != nil {
				continue
			}
		}
		fmt.Fprintf(&imports, "\t_ %q\n", path)
	}
	imports.WriteString(")\n")
	if err := os.WriteFile(filepath.Join(work, "imports.go"), []byte(imports.String()), 0o644); err != nil {
		return nil, err
	}
	if _, err := goTool(work, "mod", "tidy"); err != nil {
		return nil, err
	}
	text, err = goTool(work, "list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles", ".")
	if err != nil {
		return nil, err
	}
	m := &module{
		sum:       info.Sum,
		commit:    strings.TrimSpace(string(commit)),
		byPath:    map[string]*descriptorpb.FileDescriptorProto{},
		inPackage: map[string][]string{},
	}
	return m, m.read(text)
}

func (m *module) read(list []byte) error {
	decoder := json.NewDecoder(strings.NewReader(string(list)))
	for decoder.More() {
		var pkg goPackage
		if err := decoder.Decode(&pkg); err != nil {
			return err
		}
		if pkg.Standard {
			continue
		}
		for _, file := range pkg.GoFiles {
			if !strings.HasSuffix(file, ".pb.go") || strings.HasSuffix(file, "_grpc.pb.go") {
				continue
			}
			descriptors, err := descriptorsIn(filepath.Join(pkg.Dir, file))
			if err != nil {
				return err
			}
			for _, descriptor := range descriptors {
				m.byPath[descriptor.GetName()] = descriptor
				m.inPackage[pkg.ImportPath] = append(m.inPackage[pkg.ImportPath], descriptor.GetName())
			}
		}
		if len(m.inPackage[pkg.ImportPath]) > 0 {
			m.packages = append(m.packages, pkg.ImportPath)
		}
	}
	return nil
}

// closure returns the files of the packages and all that they import, imports first, in an order that depends on names only.
func (m *module) closure(packages []string) (*descriptorpb.FileDescriptorSet, error) {
	var paths []string
	for _, pkg := range packages {
		files := m.inPackage[pkg]
		if len(files) == 0 {
			return nil, fmt.Errorf("package %s holds no descriptor", pkg)
		}
		paths = append(paths, files...)
	}
	sort.Strings(paths)

	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(path string) error
	add = func(path string) error {
		if seen[path] {
			return nil
		}
		seen[path] = true
		file, known := m.byPath[path]
		if !known {
			return fmt.Errorf("imported file %s was not found in any package", path)
		}
		for _, dependency := range file.GetDependency() {
			if err := add(dependency); err != nil {
				return err
			}
		}
		set.File = append(set.File, file)
		return nil
	}
	for _, path := range paths {
		if err := add(path); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func (m *module) all() *descriptorpb.FileDescriptorSet {
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range m.byPath {
		set.File = append(set.File, file)
	}
	return set
}

func marshal(set *descriptorpb.FileDescriptorSet) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(set)
}

func goTool(dir string, args ...string) ([]byte, error) {
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return output, nil
}
