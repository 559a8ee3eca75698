//go:build !linux

package main

import "time"

func threadID() int64 { return 0 }

func threadTime(int64) time.Duration { return 0 }
