package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// descriptorsIn returns the file descriptors that one generated Go file carries. protoc-gen-go writes each as a constant
// whose name ends in "_rawDesc": a concatenation of strings, in older generators a list of bytes.
func descriptorsIn(path string) ([]*descriptorpb.FileDescriptorProto, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []*descriptorpb.FileDescriptorProto
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || len(value.Values) != 1 || !strings.HasSuffix(value.Names[0].Name, "_rawDesc") {
				continue
			}
			raw, err := constantBytes(value.Values[0])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, value.Names[0].Name, err)
			}
			descriptor := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(raw, descriptor); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			found = append(found, descriptor)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no descriptor found", path)
	}
	return found, nil
}

func constantBytes(expression ast.Expr) ([]byte, error) {
	switch node := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(node.Value)
		return []byte(text), err
	case *ast.BinaryExpr:
		left, err := constantBytes(node.X)
		if err != nil {
			return nil, err
		}
		right, err := constantBytes(node.Y)
		return append(left, right...), err
	case *ast.CompositeLit:
		bytes := make([]byte, len(node.Elts))
		for i, element := range node.Elts {
			literal, ok := element.(*ast.BasicLit)
			if !ok {
				return nil, fmt.Errorf("element %d is not a literal", i)
			}
			number, err := strconv.ParseUint(literal.Value, 0, 8)
			if err != nil {
				return nil, err
			}
			bytes[i] = byte(number)
		}
		return bytes, nil
	}
	return nil, fmt.Errorf("unexpected expression %T", expression)
}
