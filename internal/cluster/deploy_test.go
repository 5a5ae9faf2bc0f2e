package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

var deploy = filepath.Join("..", "..", "deploy")

// manifest is what Kubernetes is told of.
type manifest map[string]any

// at returns what stands at a path, nil where nothing does.
func at(v any, path ...any) any {
	for _, p := range path {
		switch x := v.(type) {
		case manifest:
			v = x[p.(string)]
		case map[string]any:
			v = x[p.(string)]
		case []any:
			i, ok := p.(int)
			if !ok || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// manifests returns what the kustomization applies, by kind and name.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	folder := filepath.Join(deploy, "k8s")
	var k struct {
		Resources          []string
		ConfigMapGenerator []struct {
			Name  string
			Files []string
		} `yaml:"configMapGenerator"`
	}
	if err := yaml.Unmarshal(readFile(t, filepath.Join(folder, "kustomization.yaml")), &k); err != nil {
		t.Fatal(err)
	}
	all := map[string]manifest{}
	for _, g := range k.ConfigMapGenerator {
		for _, f := range g.Files {
			readFile(t, filepath.Join(folder, f))
		}
		all["ConfigMap "+g.Name] = manifest{}
	}
	for _, name := range k.Resources {
		d := yaml.NewDecoder(bytes.NewReader(readFile(t, filepath.Join(folder, name))))
		for {
			var m manifest
			err := d.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			key := fmt.Sprint(m["kind"], " ", at(m, "metadata", "name"))
			if m["apiVersion"] == nil || all[key] != nil {
				t.Errorf("%s: %s: no apiVersion, or twice", name, key)
			}
			all[key] = m
		}
	}
	return all
}

// TestKubernetes: what is applied fits together: labels, names, ports.
func TestKubernetes(t *testing.T) {
	all := manifests(t)
	want := func(key string, wanted any, path ...any) {
		t.Helper()
		if all[key] == nil {
			t.Errorf("%s is missing", key)
		} else if got := at(all[key], path...); fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("%s: %v: %v, want %v", key, path, got, wanted)
		}
	}
	labels := map[string]any{"app.kubernetes.io/name": "blitz"}
	const set, pool, route = "StatefulSet blitz", "InferencePool blitz", "HTTPRoute blitz"
	want(set, "apps/v1", "apiVersion")
	want(set, 3, "spec", "replicas")
	want(set, "Parallel", "spec", "podManagementPolicy")
	want(set, labels, "spec", "selector", "matchLabels")
	want(set, labels, "spec", "template", "metadata", "labels")
	want(set, "blitz-routes", "spec", "serviceName")
	want(set, true, "spec", "template", "spec", "securityContext", "runAsNonRoot")
	want("Service blitz-routes", "None", "spec", "clusterIP")
	want("Service blitz-routes", true, "spec", "publishNotReadyAddresses")
	want("Service blitz-routes", labels, "spec", "selector")
	want("Service blitz", labels, "spec", "selector")
	want(pool, "inference.networking.k8s.io/v1", "apiVersion")
	want(pool, labels, "spec", "selector", "matchLabels")
	want(pool, 11434, "spec", "targetPorts", 0, "number")
	want(pool, "blitz-epp", "spec", "endpointPickerRef", "name")
	want("Service blitz-epp", at(all[pool], "spec", "endpointPickerRef", "port", "number"), "spec", "ports", 0, "port")
	want(route, "gateway.networking.k8s.io/v1", "apiVersion")
	want(route, "inference.networking.k8s.io", "spec", "rules", 0, "backendRefs", 0, "group")
	want(route, "InferencePool", "spec", "rules", 0, "backendRefs", 0, "kind")
	want(route, "blitz", "spec", "rules", 0, "backendRefs", 0, "name")
	claims := fmt.Sprint(at(all[set], "spec", "volumeClaimTemplates", 0, "metadata", "name"))
	volumes := []string{claims}
	list, _ := at(all[set], "spec", "template", "spec", "volumes").([]any)
	for _, v := range list {
		volumes = append(volumes, fmt.Sprint(at(v, "name")))
	}
	containers, _ := at(all[set], "spec", "template", "spec", "containers").([]any)
	ports := map[string]any{}
	for _, c := range containers {
		list, _ := at(c, "volumeMounts").([]any)
		for _, m := range list {
			if !slices.Contains(volumes, fmt.Sprint(at(m, "name"))) {
				t.Errorf("%v: the volume %v is missing", at(c, "name"), at(m, "name"))
			}
		}
		list, _ = at(c, "ports").([]any)
		for _, p := range list {
			ports[fmt.Sprint(at(p, "name"))] = at(p, "containerPort")
		}
	}
	if len(containers) != 2 || fmt.Sprint(ports) != fmt.Sprint(map[string]any{"http": 11434, "nats": 4222, "routes": 6222}) {
		t.Errorf("%d containers with the ports %v", len(containers), ports)
	}
}

// TestDeployedNodes: the files of nodes that are deployed are files of nodes.
func TestDeployedNodes(t *testing.T) {
	for _, x := range []struct{ pattern, keys string }{{filepath.Join(deploy, "k8s", "*.toml"), "/keys/"}, {filepath.Join(deploy, "three", "*.toml"), ""}} {
		paths, err := filepath.Glob(x.pattern)
		if err != nil || len(paths) != 3 {
			t.Fatalf("%s: %d files, %v", x.pattern, len(paths), err)
		}
		folder := t.TempDir()
		var peers strings.Builder
		for _, path := range paths {
			name := configName(t, readFile(t, path))
			writeKeys(t, filepath.Join(folder, name))
			writeKeys(t, filepath.Join(folder, name+".nats"))
			writeCertificate(t, filepath.Join(folder, name), name)
			fmt.Fprintf(&peers, "[[peer]]\nname = %q\nkey = %q\nroles = [\"work\"]\nnkey = %q\ncertificate = %q\n", name, name+".pub", name+".nats.pub", name+".crt")
		}
		writeFile(t, filepath.Join(folder, "peers.toml"), []byte(peers.String()))
		listens, routes := map[string]bool{}, map[string]int{}
		for _, path := range paths {
			text := readFile(t, path)
			if x.keys != "" {
				text = bytes.ReplaceAll(text, []byte(x.keys), []byte(folder+"/"))
			}
			at := filepath.Join(folder, filepath.Base(path))
			writeFile(t, at, text)
			c, err := ReadConfig(at)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			listen := c.Cluster.Listen
			if c.Cluster.Advertise != "" {
				listen = c.Cluster.Advertise
			}
			listens[listen] = true
			for _, r := range c.Cluster.Routes {
				routes[r]++
			}
			if _, err := c.serverOptionsChecked(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for l := range listens {
			if routes[l] != 2 {
				t.Errorf("%s: %d routes lead to %s, want 2", x.pattern, routes[l], l)
			}
		}
		if len(listens) != 3 || len(routes) != 3 {
			t.Errorf("%s: routes %v to %v", x.pattern, routes, listens)
		}
	}
}

// configName returns the name of the server of a file of a node.
func configName(t *testing.T, text []byte) string {
	t.Helper()
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "server = "); ok {
			return strings.Trim(name, "\"\n")
		}
	}
	t.Fatal("no server")
	return ""
}

// serverOptionsChecked returns the options of the server, with the certificates.
func (c *Config) serverOptionsChecked() (any, error) {
	with, err := c.tls()
	if err != nil {
		return nil, err
	}
	return c.serverOptions(with)
}

// TestGuide: docs/CLUSTER.md shows the files as they are.
func TestGuide(t *testing.T) {
	guide := readFile(t, filepath.Join("..", "..", "docs", "CLUSTER.md"))
	for _, name := range []string{"node1.toml"} {
		if !bytes.Contains(guide, readFile(t, filepath.Join(deploy, "three", name))) {
			t.Errorf("docs/CLUSTER.md has another %s than deploy/three", name)
		}
	}
}
