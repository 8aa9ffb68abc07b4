// Command generate makes the descriptor set that src/base/codec loads, and the table that says which field came with
// which Envoy release, from the published Go module of Envoy's API.
//
// It reads the descriptors out of the source text of the generated Go files instead of linking the packages and asking
// the protobuf registry: the bytes are the same and five releases take seconds, not minutes of compiling.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const envoyModule = "github.com/envoyproxy/go-control-plane/envoy"

// The first release is the floor: what it has needs no entry in the table. The last one is the set that is committed.
var releases = []string{"v1.36.0", "v1.37.0", "v1.38.0", "v1.39.0", "v1.40.0"}

func main() {
	log.SetFlags(0)
	out := flag.String("out", "..", "folder for the generated files")
	list := flag.String("packages", "packages.txt", "list of Go packages to take in")
	flag.Parse()

	roots, err := readList(*list)
	check(err)

	latest := releases[len(releases)-1]
	current, err := loadModule(latest, roots)
	check(err)
	set, err := current.closure(roots)
	check(err)

	// Older releases are read through the same packages, so that "absent" means absent from the release and not merely
	// out of reach of the imports of that time.
	sets := make([]*index, len(releases))
	for i, release := range releases {
		if release == latest {
			sets[i] = newIndex(set)
			continue
		}
		older, err := loadModule(release, current.packages)
		check(err)
		sets[i] = newIndex(older.all())
	}

	raw, err := marshal(set)
	check(err)
	name := "envoy-" + latest + ".binpb.gz"
	check(os.WriteFile(filepath.Join(*out, name), compress(raw), 0o644))

	hash := sha256.Sum256(raw)
	check(writeJSON(filepath.Join(*out, "descriptor.json"), map[string]any{
		"file":      name,
		"module":    envoyModule,
		"version":   latest,
		"moduleSum": current.sum,
		"commit":    current.commit,
		"licence":   "Apache-2.0",
		"sha256":    hex.EncodeToString(hash[:]),
		"bytes":     len(raw),
		"files":     len(set.File),
		"releases":  releases,
	}))
	check(writeJSON(filepath.Join(*out, "fields-since.json"), sinceTable(releases, sets)))
	fmt.Printf("%s: %d files, %d bytes, sha256 %s\n", name, len(set.File), len(raw), hex.EncodeToString(hash[:]))
}

// readList returns full import paths; lines are relative to Envoy's module unless they start with "+".
func readList(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var roots []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "+"):
			roots = append(roots, line[1:])
		default:
			roots = append(roots, envoyModule+"/"+line)
		}
	}
	return roots, lines.Err()
}

// compress leaves out name and time: equal content gives equal bytes for one version of Go. What is recorded and checked
// is therefore the hash of the uncompressed set.
func compress(raw []byte) []byte {
	var buffer bytes.Buffer
	writer, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	check(err)
	_, err = writer.Write(raw)
	check(err)
	check(writer.Close())
	return buffer.Bytes()
}

// writeJSON lays lists of words on one line, as the repository's formatter does: what is made has to be what is committed,
// to the byte.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	text = wordList.ReplaceAllFunc(text, func(lines []byte) []byte {
		return bytes.ReplaceAll(blank.ReplaceAll(lines, nil), []byte(","), []byte(", "))
	})
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

var (
	wordList = regexp.MustCompile(`\[[^\[\]{}]*\]`)
	blank    = regexp.MustCompile(`\s+`)
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
