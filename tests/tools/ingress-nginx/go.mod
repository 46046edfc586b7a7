module privateregistry.io/tools/ingress-nginx

go 1.26.0

// No program: the sources in which its annotations are declared. This is the newest version that the module proxy has.
require k8s.io/ingress-nginx v0.0.0-20240708192948-52c50467d67d
