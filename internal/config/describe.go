package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Describe prints a commented example of the file. Load accepts it.
func Describe(w io.Writer) error {
	var out strings.Builder
	out.WriteString("# Callboard's configuration. Keys with their default value may be left out.\n")
	describe(&out, reflect.TypeFor[Config](), "")
	_, err := io.WriteString(w, out.String())
	return err
}

func describe(out *strings.Builder, t reflect.Type, indent string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if i > 0 && indent == "" {
			out.WriteString("\n")
		}
		fmt.Fprintf(out, "%s# %s\n", indent, f.Tag.Get("doc"))
		switch {
		case f.Type.Kind() == reflect.Struct:
			fmt.Fprintf(out, "%s%s:\n", indent, key)
			describe(out, f.Type, indent+"  ")
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			var entry strings.Builder
			describe(&entry, f.Type.Elem(), indent+"    ")
			fmt.Fprintf(out, "%s%s:\n%s  -\n%s", indent, key, indent, entry.String())
		default:
			value := f.Tag.Get("example")
			if value == "" {
				value = `""`
			}
			fmt.Fprintf(out, "%s%s: %s\n", indent, key, value)
		}
	}
}
