module privateregistry.io/tools/argo-cd

go 1.26.0

// No program: the definition of its Applications.
require github.com/argoproj/argo-cd/v3 v3.4.13
