// Package cache keeps what buildpacks want to find again in an image of the registry. A build has it as the lifecycle's volume
// cache, a directory of layers (github.com/buildpacks/lifecycle/cache, VolumeCache); between builds each layer is a layer
// of the image, so that only those that changed are sent. It knows nothing of what is in the layers.
//
// The entry point is Client.
package cache
