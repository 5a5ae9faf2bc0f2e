package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	yamlreader "k8s.io/apimachinery/pkg/util/yaml"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// types are what may be applied, by apiVersion and kind.
var types = map[string]func() any{
	"v1 Service":                                   func() any { return &corev1.Service{} },
	"v1 ServiceAccount":                            func() any { return &corev1.ServiceAccount{} },
	"v1 ConfigMap":                                 func() any { return &corev1.ConfigMap{} },
	"apps/v1 StatefulSet":                          func() any { return &appsv1.StatefulSet{} },
	"apps/v1 Deployment":                           func() any { return &appsv1.Deployment{} },
	"rbac.authorization.k8s.io/v1 Role":            func() any { return &rbacv1.Role{} },
	"rbac.authorization.k8s.io/v1 RoleBinding":     func() any { return &rbacv1.RoleBinding{} },
	"gateway.networking.k8s.io/v1 HTTPRoute":       func() any { return &gatewayv1.HTTPRoute{} },
	"inference.networking.k8s.io/v1 InferencePool": func() any { return &inferencev1.InferencePool{} },
}

// document is the beginning of what is applied.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

// apply reads a document into its type, strictly: an unknown field, one twice, a value of another
// kind are errors.
func apply(text []byte) (any, error) {
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	made := types[d.APIVersion+" "+d.Kind]
	if made == nil {
		return nil, fmt.Errorf("%s %s: no type that is known here", d.APIVersion, d.Kind)
	}
	if wrong := validation.IsDNS1123Subdomain(d.Metadata.Name); len(wrong) > 0 {
		return nil, fmt.Errorf("the name %q: %v", d.Metadata.Name, wrong)
	}
	for k, v := range d.Metadata.Labels {
		if wrong := append(validation.IsQualifiedName(k), validation.IsValidLabelValue(v)...); len(wrong) > 0 {
			return nil, fmt.Errorf("the label %s=%q: %v", k, v, wrong)
		}
	}
	v := made()
	if err := yaml.UnmarshalStrict(text, v); err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.Kind, d.Metadata.Name, err)
	}
	return v, nil
}

// applied returns the documents of the files that the kustomization names.
func applied(t *testing.T) (all map[string][]byte) {
	t.Helper()
	folder := filepath.Join("..", "..", "deploy", "k8s")
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var k struct{ Resources []string }
	if err := yaml.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	all = map[string][]byte{}
	for _, name := range k.Resources {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		r := yamlreader.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for i := 0; ; i++ {
			one, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[fmt.Sprintf("%s %d", name, i)] = one
		}
	}
	return all
}

// TestPublished: all that is applied is of the published types, field by field.
func TestPublished(t *testing.T) {
	kinds := map[string]bool{}
	for name, text := range applied(t) {
		v, err := apply(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kinds[fmt.Sprintf("%T", v)] = true
		switch x := v.(type) {
		case *appsv1.StatefulSet:
			checkPod(t, name, &x.Spec.Template, x.Spec.Selector.MatchLabels)
		case *appsv1.Deployment:
			checkPod(t, name, &x.Spec.Template, x.Spec.Selector.MatchLabels)
		case *gatewayv1.HTTPRoute:
			for _, r := range x.Spec.Rules {
				if d := r.Timeouts; d != nil && d.Request != nil && *d.Request != "0s" {
					t.Errorf("%s: answers end after %s, want 0s: as long as they take", name, *d.Request)
				}
			}
		case *inferencev1.InferencePool:
			if len(x.Spec.TargetPorts) != 1 || x.Spec.EndpointPickerRef.FailureMode != inferencev1.EndpointPickerFailOpen {
				t.Errorf("%s: %+v", name, x.Spec)
			}
		}
	}
	if len(kinds) != len(types) {
		t.Errorf("%d kinds are applied, want %d: %v", len(kinds), len(types), kinds)
	}
}

// checkPod checks what the API server checks of pods beside their form: names, ports, probes.
func checkPod(t *testing.T, name string, p *corev1.PodTemplateSpec, selector map[string]string) {
	t.Helper()
	for k, v := range selector {
		if p.Labels[k] != v {
			t.Errorf("%s: the selector %s=%s finds no pod", name, k, v)
		}
	}
	names := map[string]bool{}
	for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
		if wrong := validation.IsDNS1123Label(c.Name); len(wrong) > 0 || names[c.Name] {
			t.Errorf("%s: the container %q: %v, or twice", name, c.Name, wrong)
		}
		names[c.Name] = true
		ports := map[string]bool{}
		for _, port := range c.Ports {
			if wrong := append(validation.IsValidPortName(port.Name), validation.IsValidPortNum(int(port.ContainerPort))...); len(wrong) > 0 {
				t.Errorf("%s: %s: the port %s: %v", name, c.Name, port.Name, wrong)
			}
			ports[port.Name] = true
		}
		for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe} {
			if probe != nil && probe.HTTPGet != nil && !ports[probe.HTTPGet.Port.StrVal] {
				t.Errorf("%s: %s: a probe of the port %v, which it has not", name, c.Name, probe.HTTPGet.Port)
			}
		}
		for resource, limit := range c.Resources.Limits {
			if request := c.Resources.Requests[resource]; limit.Cmp(request) < 0 {
				t.Errorf("%s: %s: %s: limited to less than it asks for", name, c.Name, resource)
			}
		}
	}
}

// TestChanged: a field that is written wrong anywhere is found.
func TestChanged(t *testing.T) {
	for name, text := range applied(t) {
		found := 0
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			key, rest, ok := strings.Cut(line, ":")
			if trimmed := strings.TrimLeft(key, " -"); !ok || strings.HasPrefix(trimmed, "#") || strings.ContainsAny(trimmed, `/."&*`) || trimmed == "" || free(lines, i) {
				continue
			}
			changed := append([]string(nil), lines...)
			changed[i] = key + "x:" + rest
			if _, err := apply([]byte(strings.Join(changed, "\n"))); err == nil {
				t.Errorf("%s: %q passes", name, changed[i])
			}
			found++
		}
		if found == 0 {
			t.Errorf("%s: nothing was changed: the case is none", name)
		}
	}
}

// free says whether a line stands where any name may: below labels or data, and in texts.
func free(lines []string, at int) bool {
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	own := indent(lines[at])
	for i := at - 1; i >= 0; i-- {
		if in := indent(lines[i]); strings.TrimSpace(lines[i]) != "" && in < own {
			switch strings.TrimSpace(strings.SplitN(lines[i], "#", 2)[0]) {
			case "labels:", "matchLabels:", "data:", "requests:", "limits:", "plugins.yaml: |", "selector:":
				return true
			}
			own = in
		}
	}
	return false
}
