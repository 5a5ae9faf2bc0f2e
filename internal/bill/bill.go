// Package bill writes what a Go program was made of as a bill of materials.
package bill

import (
	"runtime/debug"
	"strings"
)

// Bill is a bill of materials as CycloneDX 1.6 has it: what a program was made of. It has
// neither time nor serial number: the same program has the same bytes.
type Bill struct {
	Format     string       `json:"bomFormat"`
	Spec       string       `json:"specVersion"`
	Version    int          `json:"version"`
	Metadata   Metadata     `json:"metadata"`
	Components []Component  `json:"components"`
	Depends    []Dependency `json:"dependencies"`
}

// Metadata names the program.
type Metadata struct {
	Component Component `json:"component"`
}

// Component is the program, or a module of it.
type Component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []Property `json:"properties,omitempty"`
}

// Property is what CycloneDX has no word for.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Dependency says what a component needs.
type Dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// Of returns the bill of a program, from what its builder wrote into it: its modules, by
// version and the sum that go.sum has, the compiler and how it was called.
func Of(info *debug.BuildInfo) *Bill {
	version := info.Main.Version
	if version == "(devel)" {
		version = "devel"
	}
	main := component("application", info.Main.Path, version, info.Main.Sum)
	for _, s := range info.Settings {
		if s.Key == "vcs.time" || s.Value == "" || strings.HasPrefix(s.Key, "CGO_") && s.Key != "CGO_ENABLED" {
			continue
		}
		main.Properties = append(main.Properties, Property{"go:build:" + s.Key, s.Value})
	}
	std := component("library", "std", strings.TrimPrefix(info.GoVersion, "go"), "")
	b := &Bill{
		Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: Metadata{main},
		Components: []Component{std}, Depends: []Dependency{{Ref: main.Ref, On: []string{std.Ref}}},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component("library", m.Path, m.Version, m.Sum)
		b.Components = append(b.Components, c)
		b.Depends[0].On = append(b.Depends[0].On, c.Ref)
	}
	return b
}

// component describes a module.
func component(kind, path, version, sum string) Component {
	purl := "pkg:golang/" + path
	if version != "" {
		purl += "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	c := Component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
	if sum != "" {
		c.Properties = []Property{{"go:sum", sum}}
	}
	return c
}
