package engine

func sameDevice(string, string) bool { return true }

func alive(int) bool { return true }
