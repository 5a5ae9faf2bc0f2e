// Package deploy holds what deploy/k8s applies to the types that Kubernetes, the Gateway API and
// its Inference Extension publish. It is a module of its own: nothing of blitz needs them.
package deploy
