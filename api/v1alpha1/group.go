package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of the resources in this package.
var GroupVersion = schema.GroupVersion{Group: "toolforge.org", Version: "v1alpha1"}

// AddToScheme registers the resources of this package in a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Tool{}, &ToolList{}, &Builder{}, &BuilderList{}, &CatalogImage{}, &CatalogImageList{},
		&Directory{}, &DirectoryList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
