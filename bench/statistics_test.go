package main

import (
	"math"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 0, 100)
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i))
	}
	for _, test := range []struct {
		values  []time.Duration
		percent float64
		want    time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 0, 7},
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{3, 1, 2}, 50, 2},
		{[]time.Duration{4, 3, 1, 2}, 50, 2},
		{hundred, 99, 99},
		{hundred, 100, 100},
	} {
		if got := percentile(test.values, test.percent); got != test.want {
			t.Errorf("percentile %v of %v is %d, want %d", test.percent, test.values, got, test.want)
		}
	}
}

func TestSlope(t *testing.T) {
	for _, test := range []struct {
		points []point
		want   float64
	}{
		{[]point{{500, 1000}, {3500, 7000}}, 2},
		{[]point{{0, 5}, {1, 5}, {2, 5}}, 0},
		{[]point{{0, 0}, {1, 2}, {2, 1}, {3, 3}}, 0.8},
	} {
		if got := slope(test.points); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("slope of %v is %v, want %v", test.points, got, test.want)
		}
	}
}
