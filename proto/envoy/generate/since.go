package main

import (
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

// index holds the full names of one release: messages with their fields, enums with their values.
type index struct {
	fields map[string]map[string]bool
	values map[string]map[string]bool
}

func newIndex(set *descriptorpb.FileDescriptorSet) *index {
	x := &index{fields: map[string]map[string]bool{}, values: map[string]map[string]bool{}}
	for _, file := range set.File {
		x.addEnums(file.GetPackage(), file.GetEnumType())
		x.addMessages(file.GetPackage(), file.GetMessageType())
	}
	return x
}

func (x *index) addMessages(scope string, messages []*descriptorpb.DescriptorProto) {
	for _, message := range messages {
		if message.GetOptions().GetMapEntry() {
			continue
		}
		name := scope + "." + message.GetName()
		fields := map[string]bool{}
		for _, field := range message.GetField() {
			fields[field.GetName()] = true
		}
		x.fields[name] = fields
		x.addEnums(name, message.GetEnumType())
		x.addMessages(name, message.GetNestedType())
	}
}

func (x *index) addEnums(scope string, enums []*descriptorpb.EnumDescriptorProto) {
	for _, enum := range enums {
		values := map[string]bool{}
		for _, value := range enum.GetValue() {
			values[value.GetName()] = true
		}
		x.values[scope+"."+enum.GetName()] = values
	}
}

type table struct {
	// Messages that the floor lacks, with the release that first has them.
	Messages map[string]string `json:"messages"`
	// Fields added to messages that the floor has.
	Fields map[string]map[string]string `json:"fields"`
	// Values added to enums that the floor has.
	Values map[string]map[string]string `json:"values"`
}

// sinceTable compares the newest release with the older ones. Only Envoy's own names are kept: the rest of the set
// (google, xds, udpa) does not follow Envoy's releases.
func sinceTable(releases []string, sets []*index) table {
	result := table{map[string]string{}, map[string]map[string]string{}, map[string]map[string]string{}}
	newest := sets[len(sets)-1]
	for name, fields := range newest.fields {
		if !strings.HasPrefix(name, "envoy.") {
			continue
		}
		first := firstWith(sets, func(x *index) bool { _, has := x.fields[name]; return has })
		if first > 0 {
			result.Messages[name] = short(releases[first])
			continue
		}
		added(result.Fields, name, fields, releases, sets, func(x *index) map[string]bool { return x.fields[name] })
	}
	for name, values := range newest.values {
		if !strings.HasPrefix(name, "envoy.") || sets[0].values[name] == nil {
			continue
		}
		added(result.Values, name, values, releases, sets, func(x *index) map[string]bool { return x.values[name] })
	}
	return result
}

func added(
	result map[string]map[string]string, name string, members map[string]bool,
	releases []string, sets []*index, of func(*index) map[string]bool,
) {
	for member := range members {
		first := firstWith(sets, func(x *index) bool { return of(x)[member] })
		if first == 0 {
			continue
		}
		if result[name] == nil {
			result[name] = map[string]string{}
		}
		result[name][member] = short(releases[first])
	}
}

// firstWith returns the position of the oldest release from which on the thing is always there.
func firstWith(sets []*index, has func(*index) bool) int {
	first := len(sets)
	for first > 0 && has(sets[first-1]) {
		first--
	}
	return first
}

// short turns v1.38.0 into 1.38.
func short(release string) string {
	parts := strings.Split(strings.TrimPrefix(release, "v"), ".")
	return parts[0] + "." + parts[1]
}
