package main

import (
	"math"
	"slices"
	"time"
)

// percentile is the smallest of the values that at least that percentage of them does not exceed; 0 for none.
func percentile(values []time.Duration, percent float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// point is a value y measured at x.
type point struct{ x, y float64 }

// slope is that of the straight line nearest to the points, by least squares.
func slope(points []point) float64 {
	var meanX, meanY, covariance, variance float64
	for _, p := range points {
		meanX += p.x / float64(len(points))
		meanY += p.y / float64(len(points))
	}
	for _, p := range points {
		covariance += (p.x - meanX) * (p.y - meanY)
		variance += (p.x - meanX) * (p.x - meanX)
	}
	return covariance / variance
}
